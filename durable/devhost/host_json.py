"""host.json 2.0: the parts that this host honours, with the real host's defaults and bounds.

Source: QueuesOptions.cs of Microsoft.Azure.WebJobs.Extensions.Storage.Queues, and HttpOptions.cs.
Names are matched without regard to case, as .NET's options binder does, and every value can be
overridden by an app setting such as `AzureFunctionsJobHost__extensions__queues__batchSize`.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

logger = logging.getLogger(__name__)

MINIMUM_POLLING_INTERVAL_S = 0.1
_BATCH_SIZE_MAX = 32
# What the Premium, Dedicated and Flex plans have where host.json is silent; on Consumption 5 min.
_FUNCTION_TIMEOUT_S = 1800.0
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")
_OVERRIDE_PREFIX = "azurefunctionsjobhost__"
_QUEUE_NAMES = (
    "maxPollingInterval",
    "visibilityTimeout",
    "batchSize",
    "newBatchThreshold",
    "maxDequeueCount",
    "messageEncoding",
)


class HostJsonError(Exception):
    """host.json is missing, malformed, or holds a value out of bounds; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesOptions:
    """`extensions.queues`: one set of values for every queue trigger of the app."""

    max_polling_interval_s: float
    visibility_timeout_s: float
    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    message_encoding: Literal["base64", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJson:
    """What this host takes from host.json."""

    queues: QueuesOptions
    route_prefix: str
    # None: unbounded.
    function_timeout_s: float | None


def read_host_json(app_dir: Path, environment: Mapping[str, str] = os.environ) -> HostJson:
    """Read and check `app_dir/host.json`; raises HostJsonError with the name of the bad value."""
    path = app_dir / "host.json"
    if not path.is_file():
        raise HostJsonError(f"{path} is missing: a function app needs a host.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostJsonError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise HostJsonError(f'{path}: expected an object with "version": "2.0"')
    sections = _with_overrides(_flattened(content), environment)
    if str(sections.get("concurrency.dynamicconcurrencyenabled", "")).lower() == "true":
        logger.warning("host.json: dynamicConcurrencyEnabled is not honoured by this dev host")
    return HostJson(
        queues=_queues_options(sections, environment),
        route_prefix=str(sections.get("extensions.http.routeprefix", "api")).strip("/"),
        function_timeout_s=_function_timeout_s(sections.get("functiontimeout")),
    )


def parse_time_span(text: str) -> float:
    """Turn .NET's `[d.]hh:mm[:ss[.fffffff]]` into seconds; ValueError for anything else."""
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a time span such as 00:00:30")
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise ValueError(f"'{text}': hours go to 23, minutes and seconds to 59 (days: 1.00:00:00)")
    whole = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole + float(f"0.{fraction}")


def _flattened(content: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in content.items():
        dotted = f"{prefix}{name.lower()}"
        if isinstance(value, dict):
            flat.update(_flattened(value, f"{dotted}."))
        else:
            flat[dotted] = value
    return flat


def _with_overrides(
    sections: dict[str, object], environment: Mapping[str, str]
) -> dict[str, object]:
    for name, value in environment.items():
        lowered = name.lower()
        if lowered.startswith(_OVERRIDE_PREFIX):
            sections[lowered.removeprefix(_OVERRIDE_PREFIX).replace("__", ".")] = value
    return sections


def _queues_options(
    sections: Mapping[str, object], environment: Mapping[str, str]
) -> QueuesOptions:
    section = "extensions.queues."
    known = {name.lower() for name in _QUEUE_NAMES}
    for name in sections:
        if name.startswith(section) and name.removeprefix(section) not in known:
            logger.warning("host.json: %s is not a name that the queue extension knows", name)
    is_development = environment.get("AZURE_FUNCTIONS_ENVIRONMENT", "").lower() == "development"
    values = {name: sections.get(section + name.lower()) for name in _QUEUE_NAMES}
    batch_size = _whole_number(values, "batchSize", default=16, low=1, high=_BATCH_SIZE_MAX)
    encoding = str(values["messageEncoding"] or "base64").lower()
    if encoding not in ("base64", "none"):
        raise HostJsonError(
            f"extensions.queues.messageEncoding must be 'base64' or 'none', not '{encoding}'"
        )
    return QueuesOptions(
        max_polling_interval_s=_time_span(
            values,
            "maxPollingInterval",
            default_s=2.0 if is_development else 60.0,
            low_s=MINIMUM_POLLING_INTERVAL_S,
        ),
        visibility_timeout_s=_time_span(values, "visibilityTimeout", default_s=0.0, low_s=0.0),
        batch_size=batch_size,
        new_batch_threshold=_whole_number(
            values,
            "newBatchThreshold",
            default=batch_size // 2 * (os.cpu_count() or 1),
            low=0,
        ),
        max_dequeue_count=_whole_number(values, "maxDequeueCount", default=5, low=1),
        message_encoding="none" if encoding == "none" else "base64",
    )


def _function_timeout_s(value: object) -> float | None:
    """Read functionTimeout (ScriptJobHostOptionsSetup.cs): a time span; -1 is unbounded."""
    if value is None:
        return _FUNCTION_TIMEOUT_S
    text = str(value).strip()
    if text == "-1":
        return None
    try:
        timeout_s = parse_time_span(text)
    except ValueError as error:
        raise HostJsonError(f"functionTimeout: {error}, and not -1 (unbounded)") from error
    if timeout_s < 1:
        raise HostJsonError(
            f"functionTimeout must be at least 1 s, or -1 (unbounded), not '{text}'"
        )
    return timeout_s


def _whole_number(
    values: Mapping[str, object], name: str, *, default: int, low: int, high: int | None = None
) -> int:
    value = values[name]
    if value is None:
        return default
    text = str(value).strip()
    bounds = f"{low} or more" if high is None else f"{low} to {high}"
    is_number = re.fullmatch(r"[+-]?\d+", text) is not None
    if not is_number or int(text) < low or (high is not None and int(text) > high):
        raise HostJsonError(
            f"extensions.queues.{name} must be a whole number of {bounds}, not {value!r}"
        )
    return int(text)


def _time_span(values: Mapping[str, object], name: str, *, default_s: float, low_s: float) -> float:
    value = values[name]
    if value is None:
        return default_s
    try:
        seconds = parse_time_span(str(value))
    except ValueError as error:
        raise HostJsonError(f"extensions.queues.{name}: {error}") from error
    if seconds < low_s:
        raise HostJsonError(f"extensions.queues.{name} must be at least {low_s:g} s, not {value!r}")
    return seconds
