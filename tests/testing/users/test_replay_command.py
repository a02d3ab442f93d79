"""python -m durable.testing.replay against a live hub, on Azurite."""

import asyncio
import base64
import uuid
from pathlib import Path

import pytest
from azure.storage.queue.aio import QueueClient

from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.storage.azure.hub import open_store
from durable.testing.replay import load_app, main

APP = """
from durable.engine.registry import Registry

def order(context):
    yield context.call_activity("{activity}", context.get_input())

app = Registry()
app.add_orchestrator("order", order)
"""


async def begin(settings: dict[str, str], hub: str, app: Registry) -> None:
    """Start an order and run its first episode; its activity is never run."""
    store = open_store(settings, task_hub=hub)
    await store.create()
    environment = SystemEnvironment()
    await DurableClient(store, environment).start("order", instance_id="order-1", input_="book")
    worker = TaskHubWorker(store, app, environment, EngineSettings())
    queue = QueueClient.from_connection_string(
        settings["AzureWebJobsStorage"], f"{hub.lower()}-control-00"
    )
    async with queue:
        async for message in queue.receive_messages():
            body = base64.b64decode(message.content).decode()
            await worker.on_control_message(body, dequeue_count=1)
    await store.close()


def test_the_gate_reads_a_live_hub_and_saves_a_history(
    azurite_connection: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every instance under way, or one of them; a saved history is replayed without the hub."""
    settings = {"AzureWebJobsStorage": azurite_connection}
    hub = f"Gate{uuid.uuid4().hex[:8]}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gate_then.py").write_text(APP.format(activity="reserve"))
    (tmp_path / "gate_now.py").write_text(APP.format(activity="allot"))
    asyncio.run(begin(settings, hub, load_app("gate_then:app")))
    live, saved = ["--hub", hub], str(tmp_path / "order-1.jsonl")

    assert main(["--app", "gate_then", *live, "--all"], settings) == 0
    assert "1 of 1 histories fit the code." in capsys.readouterr().out
    assert main(["--app", "gate_now", *live, "--all"], settings) == 1
    assert "activity 'allot', at" in capsys.readouterr().out
    assert main([*live, "--instance", "order-1", "--save", saved], settings) == 0
    assert main(["--app", "gate_then", saved], {}) == 0
    assert main(["--app", "gate_now", saved], {}) == 1
    assert main(["--app", "gate_now", *live, "--instance", "unknown"], settings) == 2


@pytest.mark.parametrize("text", ["app = 1 / 0", "app = 5", "import nothing_of_this_name"])
def test_an_app_that_can_not_be_loaded_is_no_misfit(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python itself would end with 1, which says that a history does not fit."""
    monkeypatch.syspath_prepend(tmp_path)
    module = f"gate_{uuid.uuid4().hex}"
    (tmp_path / f"{module}.py").write_text(text)
    assert main(["--app", module, "order-1.jsonl"], {}) == 2
    assert "Could not look" in capsys.readouterr().out


def test_a_file_that_is_no_text_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As any other that holds no history."""
    monkeypatch.syspath_prepend(tmp_path)
    module = f"gate_{uuid.uuid4().hex}"
    (tmp_path / f"{module}.py").write_text(APP.format(activity="reserve"))
    (tmp_path / "order-1.jsonl").write_bytes(b"\xff\xfe")
    assert main(["--app", module, str(tmp_path / "order-1.jsonl")], {}) == 1
    assert "is no text" in capsys.readouterr().out
