"""host.json and app settings → what this app's task hub is called and where it lives.

The Durable extension reads `extensions.durableTask` on the .NET side; without it the section is
ours to read. Rules, as the host has them: names have any case; an app setting
`AzureFunctionsJobHost__extensions__durableTask__<name>` wins over the file; `%NAME%` in the hub's
name is an app setting. Without a file everything has its default, so that unit tests need none.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable.functions.errors import InvalidHostJsonError
from durable.model.ids import parse_task_hub
from durable.model.queries import ReplaceableStates

OVERRIDE_PREFIX = "azurefunctionsjobhost"
DEFAULT_TASK_HUB = "TestHubName"
DEFAULT_CONNECTION = "AzureWebJobsStorage"
PARTITIONS_MAX = 16
TASK_HUB_CHARS_MIN, TASK_HUB_CHARS_MAX = 3, 45
HOLD_S = 600.0
# Somebody at a desk has mistyped a name and wants to see it now, not after a deploy's ten minutes.
HOLD_S_DEVELOPMENT = 5.0
SECTION = "extensions.durabletask."
# In lower case; the first of each is the extension's default.
VERSION_MATCHES = ("currentorolder", "strict", "none")
VERSION_FAILURES = ("reject", "fail")
NON_DETERMINISM = ("suspend", "fail")
REPLACEABLE = {states.value.lower(): states for states in ReplaceableStates}
HTTP_POLLING_MS = 30_000
HTTP_POLLING_MS_MAX = 24 * 60 * 60 * 1000
ENTITY_BATCH = 200
ENTITY_BATCH_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What host.json and the app settings say about the hub. `hold_s` is rule K's patience.

    `default_version` is that of what is started without one; `version_match` and `version_failure`
    are the extension's `versionMatchStrategy` and `versionFailureStrategy`, in lower case.
    `non_determinism` is ours: what becomes of an instance whose code does something else than its
    history says, once waiting for another host is over.
    `replaceable` is `overridableExistingInstanceStates`. `http_polling_s` is how long `call_http`
    waits between two looks where the answer does not say. `entity_batch_max` is
    `maxEntityOperationBatchSize`: how many operations of an entity one commit serves at most.
    """

    task_hub: str
    connection_name: str = DEFAULT_CONNECTION
    partition_count: int = 1
    route_prefix: str = "api"
    has_queues_section: bool = False
    is_development: bool = False
    hold_s: float = HOLD_S
    default_version: str | None = None
    version_match: str = "currentorolder"
    version_failure: str = "reject"
    non_determinism: str = "suspend"
    replaceable: ReplaceableStates = ReplaceableStates.NON_RUNNING
    http_polling_s: float = HTTP_POLLING_MS / 1000
    entity_batch_max: int = ENTITY_BATCH


def read_host_settings(environment: Mapping[str, str], *, working_directory: Path) -> HostSettings:
    """Read the app's settings, or raise `InvalidHostJsonError` or `InvalidTaskHubError`."""
    root = Path(environment.get("AzureWebJobsScriptRoot") or working_directory)
    values = _host_json(root / "host.json")
    for name, value in environment.items():
        parts = re.split("__|:", name.lower())
        if parts[0] == OVERRIDE_PREFIX:
            values[".".join(parts[1:])] = value
    is_development = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "").lower() == "development"
    provider = SECTION + "storageprovider."
    _refuse_half_operations(values)
    connection = (
        values.get(provider + "connectionname")
        or values.get(provider + "connectionstringname")
        or values.get(SECTION + "azurestorageconnectionstringname")
        or DEFAULT_CONNECTION
    )
    return HostSettings(
        task_hub=_task_hub(values.get(SECTION + "hubname"), environment),
        connection_name=str(connection),
        partition_count=_partition_count(values.get(provider + "partitioncount", 1)),
        route_prefix=str(values.get("extensions.http.routeprefix", "api")).strip("/"),
        has_queues_section=any(name.startswith("extensions.queues.") for name in values),
        is_development=is_development,
        hold_s=_hold_s(environment, is_development=is_development),
        default_version=_text(values.get(SECTION + "defaultversion")),
        version_match=_choice(values, "versionMatchStrategy", VERSION_MATCHES),
        version_failure=_choice(values, "versionFailureStrategy", VERSION_FAILURES),
        non_determinism=_choice(values, "nonDeterminism", NON_DETERMINISM),
        replaceable=REPLACEABLE[
            _choice(values, "overridableExistingInstanceStates", tuple(REPLACEABLE))
        ],
        http_polling_s=_http_polling_ms(values) / 1000,
        entity_batch_max=_whole_number(
            values, "maxEntityOperationBatchSize", ENTITY_BATCH, ENTITY_BATCH_MAX
        ),
    )


def resolve_setting(text: str, environment: Mapping[str, str]) -> str:
    """Put app settings in the place of `%NAME%`, or raise `InvalidHostJsonError` naming it."""

    def value_of(found: re.Match[str]) -> str:
        value = environment.get(found[1])
        if value is None:
            raise InvalidHostJsonError(
                f"The app setting '{found[1]}' is not set; the task hub name '{text}' asks for it."
            )
        return value

    return re.sub("%([^%]+)%", value_of, text)


def _host_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise InvalidHostJsonError(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidHostJsonError(f"{path.name} must hold one JSON object.")
    return dict(_flattened(content, ""))


def _flattened(content: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in content.items():
        dotted = f"{prefix}{name.lower()}"
        if isinstance(value, dict):
            flat += _flattened(value, f"{dotted}.")
        else:
            flat.append((dotted, value))
    return flat


def _task_hub(configured: Any, environment: Mapping[str, str]) -> str:
    if configured:
        return parse_task_hub(resolve_setting(str(configured), environment))
    slot = environment.get("WEBSITE_SLOT_NAME", "")
    if slot and slot.lower() != "production":
        # Two slots on one hub would run each other's orchestrations with the wrong code.
        raise InvalidHostJsonError(
            f"The slot '{slot}' needs a task hub of its own: set "
            "'extensions.durableTask.hubName' in host.json to '%TASK_HUB%' and give each slot "
            "its app setting TASK_HUB."
        )
    site = environment.get("WEBSITE_SITE_NAME", "")
    return parse_task_hub(_sanitized(site)) if site else DEFAULT_TASK_HUB


def _sanitized(site: str) -> str:
    name = re.sub("[^A-Za-z0-9]", "", site)
    if not name[:1].isalpha():
        name = f"t{name}"
    if len(name) < TASK_HUB_CHARS_MIN:
        name += "Hub"
    return name[:TASK_HUB_CHARS_MAX]


def _partition_count(value: Any) -> int:
    text = str(value).strip()
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= PARTITIONS_MAX:
        raise InvalidHostJsonError(
            "host.json: 'extensions.durableTask.storageProvider.partitionCount' must be a whole "
            f"number from 1 to {PARTITIONS_MAX}, not {value!r}."
        )
    return int(text)


def _text(value: Any) -> str | None:
    """Take a value as text; an empty one is none."""
    return str(value).strip() or None if value is not None else None


def _choice(values: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = values.get(SECTION + name.lower())
    if value is None:
        return known[0]
    if str(value).strip().lower() not in known:
        raise InvalidHostJsonError(
            f"host.json: 'extensions.durableTask.{name}' must be one of {', '.join(known)} "
            f"(in any case), not {value!r}."
        )
    return str(value).strip().lower()


def _http_polling_ms(values: Mapping[str, Any]) -> int:
    name = "httpSettings.defaultAsyncRequestSleepTimeMilliseconds"
    return _whole_number(values, name, HTTP_POLLING_MS, HTTP_POLLING_MS_MAX, of=" of milliseconds")


def _whole_number(
    values: Mapping[str, Any], name: str, default: int, greatest: int, *, of: str = ""
) -> int:
    value = values.get(SECTION + name.lower(), default)
    text = str(value).strip()
    if not re.fullmatch("[0-9]{1,8}", text) or not 1 <= int(text) <= greatest:
        raise InvalidHostJsonError(
            f"host.json: 'extensions.durableTask.{name}' must be a whole number{of} "
            f"from 1 to {greatest}, not {value!r}."
        )
    return int(text)


def _refuse_half_operations(values: Mapping[str, Any]) -> None:
    # Whoever says so counts on what a failed operation has half done; better told than surprised.
    name = "rollbackEntityOperationsOnExceptions"
    if _choice(values, name, ("true", "false")) == "false":
        raise InvalidHostJsonError(
            f"host.json: 'extensions.durableTask.{name}' can't be false: an operation that fails "
            "changes nothing and sends nothing here. Take the line away, and catch in the "
            "operation what it shall survive."
        )


def _hold_s(environment: Mapping[str, str], *, is_development: bool) -> float:
    text = environment.get("DURABLE_HOLD_SECONDS")
    if not text:
        return HOLD_S_DEVELOPMENT if is_development else HOLD_S
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text.strip()):
        raise InvalidHostJsonError(
            f"The app setting DURABLE_HOLD_SECONDS must be a number of seconds, not {text!r}."
        )
    return float(text)
