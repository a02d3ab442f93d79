"""function_app.py, the sample that people learn from, on the memory store."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from durable.storage.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def host(sample: Any, host_of: Any) -> Any:
    """Play the host for the sample."""
    return host_of(sample.app)


async def start(
    host: Any, name: str, body: bytes = b"", **params: str
) -> tuple[int, dict[str, Any]]:
    """Send a request to the HTTP starter."""
    response: func.HttpResponse = await host.request(
        "start_orchestration", body=body, params=params, functionName=name
    )
    return response.status_code, json.loads(response.get_body())


async def status_of(host: Any, instance_id: str) -> dict[str, Any]:
    """Ask the management function, as a follower of the links does."""
    response: func.HttpResponse = await host.request(
        "durable_management",
        method="GET",
        path=f"instances/{instance_id}",
        params={"code": "memory-key"},
    )
    payload: dict[str, Any] = json.loads(response.get_body())
    return payload


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b"", ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]),
        (b'["Oslo"]', ["Hello Oslo!"]),
    ],
)
async def test_hello_cities_greets_each_city_in_order(
    host: Any, body: bytes, output: list[str]
) -> None:
    """The body is the input; without one there are three cities."""
    code, links = await start(host, "HelloCities", body)
    assert code == 202
    await host.run()
    status = await status_of(host, links["id"])
    assert (status["runtimeStatus"], status["output"]) == ("Completed", output)


async def test_word_count_counts_the_repositorys_prose(host: Any) -> None:
    """As many activities as files, and the sum of what they counted."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    words = sum(len(file.read_text(encoding="utf-8").split()) for file in files)
    _, links = await start(host, "WordCount")
    await host.run()
    output = (await status_of(host, links["id"]))["output"]
    assert (output["files"], output["words"]) == (len(files), words)
    assert (ROOT / output["longest"]).is_file()


@pytest.mark.parametrize("file", ["../secret.md", "/etc/passwd", "function_app.py", "docs/../x.md"])
def test_word_count_reads_nothing_but_its_own_files(sample: Any, file: str) -> None:
    """An input is never trusted to be a path."""
    with pytest.raises(ValueError, match="not one of"):
        sample.count_words(file)


@pytest.mark.parametrize(("body", "approved"), [(b"true", True), (b"false", False)])
async def test_approval_takes_the_event(host: Any, body: bytes, *, approved: bool) -> None:
    """The custom status says what is waited for; the timer's message is left harmless."""
    _, links = await start(host, "Approval", b"60")
    await host.run()
    assert "Approval" in (await status_of(host, links["id"]))["customStatus"]
    response = await host.request(
        "durable_management",
        path=f"instances/{links['id']}/raiseEvent/Approval",
        params={"code": "memory-key"},
        headers={"Content-Type": "application/json"},
        body=body,
    )
    assert response.status_code == 202
    await host.run()
    status = await status_of(host, links["id"])
    assert status["output"] == {"approved": approved, "decidedBy": "event"}


async def test_approval_ends_with_its_timer(sample: Any, host_of: Any) -> None:
    """Nobody decides: the timer does."""
    ahead = timedelta()
    store = MemoryStore(now=lambda: datetime.now(UTC) + ahead, task_hub="Tests")
    host = host_of(sample.app, store=store)
    _, links = await start(host, "Approval", b"0")
    ahead = timedelta(minutes=1)
    await host.run()
    status = await status_of(host, links["id"])
    assert status["output"] == {"approved": False, "decidedBy": "timer"}
    assert status["customStatus"] == "nobody decided in time"


@pytest.mark.parametrize(
    ("name", "body", "params", "code", "said"),
    [
        ("HelloCities", b"{", {}, 400, "must be JSON"),
        ("HelloCities", b"\xff", {}, 400, "must be JSON"),
        ("HelloCities", b"[" * 100_000, {}, 400, "must be JSON"),
        ("HelloCities", b"NaN", {}, 400, "JSON"),
        ("Nothing", b"", {}, 404, "'HelloCities'"),
        ("HelloCities", b"", {"instanceId": "a/b"}, 400, "'/'"),
    ],
)
async def test_a_start_that_can_not_be_is_refused_with_a_sentence(
    host: Any, name: str, body: bytes, params: dict[str, str], code: int, said: str
) -> None:
    """And nothing is stored."""
    answered, body_ = await start(host, name, body, **params)
    assert answered == code
    assert said in body_["message"]
    assert host.store.messages == []


async def test_a_second_start_of_a_live_instance_is_409(host: Any) -> None:
    """`?instanceId=` names the instance."""
    assert (await start(host, "Approval", instanceId="mine"))[0] == 202
    code, body = await start(host, "Approval", instanceId="mine")
    assert code == 409
    assert "'mine'" in body["message"]


def test_the_samples_host_json_is_fast_and_complete(
    sample: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its hub and queues sections are the ones that the start-up line would recommend."""
    monkeypatch.setenv("AzureWebJobsScriptRoot", str(ROOT))
    sample.app.get_functions()
    assert "Recommended" not in caplog.text
    assert sample.app._hub.settings.task_hub == "DurableSamples"
