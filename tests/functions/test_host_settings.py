"""host.json and app settings, as the extension reads them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from durable.engine.settings import EngineSettings
from durable.functions.client_binding import own_origin
from durable.functions.composition import engine_settings
from durable.functions.errors import InvalidHostJsonError
from durable.functions.host_settings import HostSettings, read_host_settings
from durable.model.errors import InvalidTaskHubError
from durable.model.queries import ReplaceableStates

PREFIX = "AzureFunctionsJobHost__extensions__durableTask__"


def read(root: Path, environment: Mapping[str, str] | None = None) -> HostSettings:
    """Read the settings of an app in this folder."""
    return read_host_settings(environment or {}, working_directory=root)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    """Unit tests need no host.json."""
    assert read(tmp_path) == HostSettings(
        task_hub="TestHubName",
        connection_name="AzureWebJobsStorage",
        partition_count=1,
        route_prefix="api",
        has_queues_section=False,
        is_development=False,
        hold_s=600,
    )


def test_names_have_any_case_and_app_settings_win(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """As .NET binds options."""
    provider = {"PartitionCount": 3, "connectionStringName": "Old"}
    section = {"HUBNAME": "FromFile", "storageprovider": provider}
    write_host_json({"Extensions": {"DurableTask": section, "http": {"routePrefix": "/v1/"}}})
    settings = read(tmp_path)
    assert (settings.task_hub, settings.partition_count) == ("FromFile", 3)
    assert (settings.connection_name, settings.route_prefix) == ("Old", "v1")
    overridden = read(
        tmp_path,
        {
            f"{PREFIX}hubName": "FromSetting",
            f"{PREFIX}storageProvider__connectionName".upper(): "New",
            "AzureFunctionsJobHost:extensions:durableTask:storageProvider:partitionCount": "2",
        },
    )
    assert (overridden.task_hub, overridden.partition_count) == ("FromSetting", 2)
    assert overridden.connection_name == "New"


@pytest.mark.parametrize(
    ("site", "hub"),
    [
        ("my-app", "myapp"),
        ("1st-app", "t1stapp"),
        ("a", "aHub"),
        ("ü-a", "aHub"),
        ("x" * 60, "x" * 45),
    ],
)
def test_the_default_hub_is_the_sites_name_as_storage_takes_it(
    tmp_path: Path, site: str, hub: str
) -> None:
    """Only letters and digits, a letter first, 3 to 45 of them."""
    assert read(tmp_path, {"WEBSITE_SITE_NAME": site}).task_hub == hub


def test_a_slot_needs_a_hub_of_its_own(tmp_path: Path) -> None:
    """Two slots on one hub would run each other's orchestrations."""
    settings = {"WEBSITE_SITE_NAME": "app", "WEBSITE_SLOT_NAME": "staging"}
    with pytest.raises(InvalidHostJsonError, match="staging"):
        read(tmp_path, settings)
    assert read(tmp_path, settings | {"WEBSITE_SLOT_NAME": "Production"}).task_hub == "app"
    assert read(tmp_path, settings | {f"{PREFIX}hubName": "Staging"}).task_hub == "Staging"


@pytest.mark.parametrize(
    ("environment", "error", "said"),
    [
        ({f"{PREFIX}hubName": "%NOT_SET%"}, InvalidHostJsonError, "NOT_SET"),
        ({f"{PREFIX}hubName": "no-hyphens"}, InvalidTaskHubError, "hubName"),
        ({f"{PREFIX}hubName": "ab"}, InvalidTaskHubError, "hubName"),
        ({f"{PREFIX}storageProvider__partitionCount": "17"}, InvalidHostJsonError, "1 to 16"),
        ({f"{PREFIX}storageProvider__partitionCount": "two"}, InvalidHostJsonError, "1 to 16"),
        ({"DURABLE_HOLD_SECONDS": "soon"}, InvalidHostJsonError, "DURABLE_HOLD_SECONDS"),
    ],
)
def test_a_value_that_can_not_be_used_is_named(
    tmp_path: Path, environment: dict[str, str], error: type[Exception], said: str
) -> None:
    """The text says which setting to change."""
    with pytest.raises(error, match=said):
        read(tmp_path, environment)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": }'])
def test_a_file_that_is_not_an_object_is_refused(
    tmp_path: Path, write_host_json: Callable[[object], None], content: str
) -> None:
    """The file is named."""
    write_host_json(content)
    with pytest.raises(InvalidHostJsonError, match=r"host\.json"):
        read(tmp_path)


def test_a_byte_order_mark_does_not_matter(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """Some editors write one."""
    write_host_json('\ufeff{"extensions": {"durableTask": {"hubName": "Marked"}}}')
    assert read(tmp_path).task_hub == "Marked"


@pytest.mark.parametrize(
    ("environment", "hold_s"),
    [
        ({}, 600),
        ({"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}, 5),
        ({"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "DURABLE_HOLD_SECONDS": "60"}, 60),
        ({"DURABLE_HOLD_SECONDS": "0"}, 0),
        ({"DURABLE_HOLD_SECONDS": "1.5"}, 1.5),
    ],
)
def test_patience_is_short_at_a_desk_and_can_be_set(
    tmp_path: Path, environment: dict[str, str], hold_s: float
) -> None:
    """Ten minutes are for deploys, not for typing errors."""
    assert read(tmp_path, environment).hold_s == hold_s


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("app.azurewebsites.net", "https://app.azurewebsites.net"),
        ("localhost:7071", "http://localhost:7071"),
        ("127.0.0.1:81", "http://127.0.0.1:81"),
        ("[::1]:81", "http://[::1]:81"),
        ("[::1]", "http://[::1]"),
        ("app.example:8443", "https://app.example:8443"),
    ],
)
def test_an_app_is_reached_over_tls_unless_it_is_on_this_machine(host: str, origin: str) -> None:
    """The origin of links that no request gives one to."""
    assert own_origin({"WEBSITE_HOSTNAME": host}) == origin


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("defaultVersion", "2.1", "default_version", "2.1"),
        ("defaultVersion", 2, "default_version", "2"),
        ("defaultVersion", " ", "default_version", None),
        ("versionMatchStrategy", "Strict", "version_match", "strict"),
        ("versionMatchStrategy", "None", "version_match", "none"),
        ("versionFailureStrategy", "FAIL", "version_failure", "fail"),
        ("nonDeterminism", "Fail", "non_determinism", "fail"),
        ("overridableExistingInstanceStates", "AnyState", "replaceable", ReplaceableStates.ANY),
        (
            "overridableExistingInstanceStates",
            "NonRunningStates",
            "replaceable",
            ReplaceableStates.NON_RUNNING,
        ),
    ],
)
def test_the_extensions_settings_are_read_from_file_and_app_settings(
    tmp_path: Path,
    write_host_json: Callable[[object], None],
    name: str,
    value: object,
    field: str,
    expected: object,
) -> None:
    """`AzureFunctionsJobHost__extensions__durableTask__...` says the same."""
    by_setting = read(tmp_path, {f"{PREFIX}{name}": str(value)})
    write_host_json({"extensions": {"durableTask": {name: value}}})
    assert getattr(read(tmp_path), field) == getattr(by_setting, field) == expected


def test_the_polling_of_call_http_is_read_in_milliseconds(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """`httpSettings.defaultAsyncRequestSleepTimeMilliseconds`; 30 seconds where it is not said."""
    assert read(tmp_path).http_polling_s == 30
    http = {"defaultAsyncRequestSleepTimeMilliseconds": 1500}
    write_host_json({"extensions": {"durableTask": {"httpSettings": http}}})
    assert read(tmp_path).http_polling_s == 1.5


@pytest.mark.parametrize(
    "name",
    [
        "versionMatchStrategy",
        "versionFailureStrategy",
        "overridableExistingInstanceStates",
        "httpSettings__defaultAsyncRequestSleepTimeMilliseconds",
        "maxEntityOperationBatchSize",
        "rollbackEntityOperationsOnExceptions",
    ],
)
def test_a_value_that_the_extension_does_not_know_is_refused_by_name(
    tmp_path: Path, name: str
) -> None:
    """A typing error is not a silent default."""
    with pytest.raises(InvalidHostJsonError, match=name.replace("__", r"\.")):
        read(tmp_path, {f"{PREFIX}{name}": "Newest"})


def test_the_batches_of_entities_have_a_size(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """`maxEntityOperationBatchSize`; 200 where it is not said."""
    assert read(tmp_path).entity_batch_max == 200
    write_host_json({"extensions": {"durableTask": {"maxEntityOperationBatchSize": 5000}}})
    assert read(tmp_path).entity_batch_max == 5000


def test_a_failed_operation_can_not_be_left_half_done(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """`rollbackEntityOperationsOnExceptions` is always true; who says false is told so."""
    section = {"rollbackEntityOperationsOnExceptions": True}
    write_host_json({"extensions": {"durableTask": section}})
    assert read(tmp_path) == HostSettings(task_hub="TestHubName")
    section["rollbackEntityOperationsOnExceptions"] = False
    write_host_json({"extensions": {"durableTask": section}})
    with pytest.raises(InvalidHostJsonError, match="changes nothing and sends nothing"):
        read(tmp_path)


def test_a_setting_of_entities_that_has_no_effect_is_no_error(
    tmp_path: Path, write_host_json: Callable[[object], None]
) -> None:
    """Order needs no window, and entities share the queues of orchestrations."""
    section = {"entityMessageReorderWindowInMinutes": 5, "maxConcurrentEntityFunctions": 3}
    write_host_json({"extensions": {"durableTask": section}})
    assert read(tmp_path) == HostSettings(task_hub="TestHubName")


def test_what_the_settings_say_reaches_the_engine() -> None:
    """Versions, polling, batches."""
    settings = HostSettings(
        task_hub="Hub",
        default_version="3",
        version_match="strict",
        version_failure="fail",
        http_polling_s=7,
        entity_batch_max=9,
    )
    assert engine_settings(settings) == EngineSettings(
        hold_s_max=settings.hold_s,
        default_version="3",
        version_match="strict",
        version_failure="fail",
        http_polling_s=7,
        entity_batch_max=9,
    )
