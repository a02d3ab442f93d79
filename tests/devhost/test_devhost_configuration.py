"""Settings, host.json and connections: read as the real host reads them, refused with a reason."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.devhost.host_json import HostJsonError, parse_time_span, read_host_json
from durable.devhost.settings import (
    SettingError,
    apply_settings,
    is_disabled,
    local_values,
    substitute,
)
from durable.devhost.storage_connection import StorageConnections


@pytest.fixture
def host_json_of(tmp_path: Path) -> Callable[..., object]:
    """Read a host.json with these queue options."""

    def read(queues: dict[str, object], **environment: str) -> object:
        content = {"version": "2.0", "extensions": {"queues": queues}}
        (tmp_path / "host.json").write_text(json.dumps(content))
        return read_host_json(tmp_path, environment).queues

    return read


def test_an_empty_host_json_gives_the_real_hosts_defaults(tmp_path: Path) -> None:
    """16 messages, 5 attempts, base64, a minute between polls, prefix api."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    host_json = read_host_json(tmp_path, {})
    queues = host_json.queues
    assert host_json.route_prefix == "api"
    assert (queues.batch_size, queues.max_dequeue_count) == (16, 5)
    assert (queues.max_polling_interval_s, queues.visibility_timeout_s) == (60.0, 0.0)
    assert queues.message_encoding == "base64"
    assert queues.new_batch_threshold % 8 == 0


def test_development_polls_every_two_seconds_unless_host_json_says_otherwise(
    host_json_of: Callable[..., object],
) -> None:
    """AZURE_FUNCTIONS_ENVIRONMENT=Development changes the default only."""
    development = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    default = host_json_of({}, **development)
    chosen = host_json_of({"maxPollingInterval": "00:00:30"}, **development)
    assert getattr(default, "max_polling_interval_s", None) == 2.0
    assert getattr(chosen, "max_polling_interval_s", None) == 30.0


def test_an_app_setting_overrides_host_json_without_regard_to_case(
    host_json_of: Callable[..., object],
) -> None:
    """AzureFunctionsJobHost__ settings win over the file."""
    override = {"AzureFunctionsJobHost__extensions__queues__BATCHSIZE": "3"}
    options = host_json_of({"batchSize": 8}, **override)
    assert getattr(options, "batch_size", None) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batchSize", 0),
        ("batchSize", 33),
        ("batchSize", "many"),
        ("newBatchThreshold", -1),
        ("maxDequeueCount", 0),
        ("maxPollingInterval", "00:00:00.0500000"),
        ("maxPollingInterval", "2s"),
        ("visibilityTimeout", "24:00:00"),
        ("messageEncoding", "utf-8"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(
    host_json_of: Callable[..., object], name: str, value: object
) -> None:
    """The error names the option, so that the line to change is found."""
    with pytest.raises(HostJsonError, match=name):
        host_json_of({name: value})


@pytest.mark.parametrize("text", ['{"version": "1.0"}', "[]", "{", "{}"])
def test_a_host_json_that_is_not_version_2_is_refused(tmp_path: Path, text: str) -> None:
    """Only host.json 2.0 is understood."""
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(HostJsonError, match=r"host\.json"):
        read_host_json(tmp_path, {})


def test_a_folder_without_host_json_is_no_function_app(tmp_path: Path) -> None:
    """As `func start`, the host wants a host.json."""
    with pytest.raises(HostJsonError, match="missing"):
        read_host_json(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:30", 30.0), ("1.02:03:04.5", 93784.5), ("00:00:00.1000000", 0.1), ("01:30", 5400.0)],
)
def test_a_time_span_is_read_as_dotnet_writes_it(text: str, seconds: float) -> None:
    """Days, hours, minutes, seconds and up to seven decimals."""
    assert parse_time_span(text) == seconds


def test_the_real_environment_wins_over_local_settings(tmp_path: Path) -> None:
    """A variable that is set stays; one that is not comes from the file; the host adds its own."""
    values = {"A": "file", "B": "file"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}))
    environment = {"A": "real"}
    apply_settings(tmp_path, host_name="127.0.0.1:7", environment=environment)
    assert (environment["A"], environment["B"]) == ("real", "file")
    assert environment["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"
    assert environment["WEBSITE_HOSTNAME"] == "127.0.0.1:7"
    assert environment["AzureWebJobsScriptRoot"] == str(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Values": 1}', '{"Values": {"A": 1}}', '{"IsEncrypted": true}']
)
def test_malformed_local_settings_are_refused_naming_the_file(tmp_path: Path, text: str) -> None:
    """No half-read settings."""
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingError, match=r"local\.settings\.json"):
        local_values(tmp_path)


def test_percent_settings_are_replaced_anywhere_in_a_text() -> None:
    """`%NAME%` may stand in the middle, and more than once."""
    environment = {"HUB": "h", "N": "1"}
    assert substitute("%HUB%-control-%N%", environment, wanted_by="f") == "h-control-1"


def test_a_missing_percent_setting_is_refused_naming_function_and_setting() -> None:
    """The reader learns what to set, and for whom."""
    with pytest.raises(SettingError, match=r"function 'f'.*'HUB'"):
        substitute("%HUB%-x", {}, wanted_by="function 'f'")


def test_a_function_is_switched_off_by_its_setting() -> None:
    """AzureWebJobs.<name>.Disabled, in both spellings that Linux allows."""
    assert is_disabled("f", {"AzureWebJobs.f.Disabled": "true"})
    assert is_disabled("f", {"AzureWebJobs_f_Disabled": "1"})
    assert not is_disabled("f", {"AzureWebJobs.f.Disabled": "false"})


@pytest.mark.parametrize(
    ("name", "environment", "url"),
    [
        (
            "",
            {"AzureWebJobsStorage": "UseDevelopmentStorage=true"},
            "http://127.0.0.1:10001/devstoreaccount1",
        ),
        ("C", {"C": "UseDevelopmentStorage=true"}, "http://127.0.0.1:10001/devstoreaccount1"),
        (
            "C",
            {"AzureWebJobsC": "UseDevelopmentStorage=true"},
            "http://127.0.0.1:10001/devstoreaccount1",
        ),
        ("C", {"C__accountName": "acc"}, "https://acc.queue.core.windows.net"),
        (
            "C",
            {
                "C__queueServiceUri": "https://q.example",
                "C__clientId": "1",
                "C__credential": "managedidentity",
            },
            "https://q.example",
        ),
    ],
)
async def test_every_connection_form_leads_to_its_queue_service(
    name: str, environment: dict[str, str], url: str
) -> None:
    """Connection string, development storage and identity, under the plain or prefixed name."""
    connections = StorageConnections(environment)
    service = connections.queues(name, wanted_by="f")
    assert service.url.rstrip("/") == url
    assert connections.queues(name, wanted_by="f") is service
    await connections.close()


@pytest.mark.parametrize("environment", [{}, {"C": "nonsense"}])
def test_a_connection_that_is_missing_or_malformed_is_refused_by_name(
    environment: dict[str, str],
) -> None:
    """The error names the setting and never repeats its text."""
    with pytest.raises(SettingError, match="C") as refused:
        StorageConnections(environment).queues("C", wanted_by="function 'f'")
    assert "nonsense" not in str(refused.value)
