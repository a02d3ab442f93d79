"""Function apps on the memory store, with the host's part played by a loop of this file.

The loop calls what the host would call: the functions that `get_functions()` lists.
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.app_hub import hub_of
from durable.storage.memory import MemoryStore
from durable.storage.port import TIMERS, WORK_ITEMS

ROOT = Path(__file__).resolve().parents[2]
ROUNDS_MAX = 200


class ReceivedMessage(func.QueueMessage):
    """A queue message with the count that the host adds."""

    def __init__(self, body: str, dequeue_count: int) -> None:
        """Carry both."""
        super().__init__(body=body)
        self._dequeue_count = dequeue_count

    @property
    def dequeue_count(self) -> int:
        """How often it has been received."""
        return self._dequeue_count


class Host:
    """Plays the host for one app on a memory store."""

    def __init__(self, app: Any, *, store: MemoryStore | None = None) -> None:
        """Open the app's hub on this store instead of Azure."""
        self.store = store or MemoryStore(now=lambda: datetime.now(UTC), task_hub="Tests")
        self.app = app
        hub_of(app).opener = self._open

    def _open(
        self,
        settings: Mapping[str, str],
        *,
        task_hub: str,
        partition_count: int,
        connection_name: str,
    ) -> MemoryStore:
        return self.store

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """Index the app."""
        listed = self.app.get_functions()
        return {each.get_function_name(): each.get_user_function() for each in listed}

    async def run(self) -> None:
        """Hand out messages until no visible one is left."""
        names = {WORK_ITEMS: "durable_workitems", TIMERS: "durable_timers"}
        functions = self.functions
        for _ in range(ROUNDS_MAX):
            received = self.store.receive(count=16, visibility_s=600)
            if not received:
                return
            for message, receipt in received:
                function = functions[names.get(message.queue, "durable_control_00")]
                returned = await function(msg=ReceivedMessage(message.body, message.dequeue_count))
                assert returned is None
                self.store.delete(message, receipt)
        pytest.fail("the queues do not drain")

    async def request(
        self,
        function: str,
        *,
        method: str = "POST",
        url: str = "http://localhost:7071/api/x",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        **route_params: str,
    ) -> func.HttpResponse:
        """Send an HTTP request to a function."""
        request = func.HttpRequest(
            method=method,
            url=url,
            headers=headers or {},
            params=params or {},
            route_params=route_params,
            body=body,
        )
        response: func.HttpResponse = await self.functions[function](req=request)
        return response


@pytest.fixture(autouse=True)
def script_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app's root without files, and an environment without what a host sets."""
    for name in (
        "AZURE_FUNCTIONS_ENVIRONMENT",
        "DURABLE_HOLD_SECONDS",
        "WEBSITE_HOSTNAME",
        "WEBSITE_SITE_NAME",
        "WEBSITE_SLOT_NAME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AzureWebJobsScriptRoot", str(tmp_path))
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    return tmp_path


@pytest.fixture
def write_host_json(script_root: Path) -> Callable[[object], None]:
    """Give the app a host.json."""

    def write(content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (script_root / "host.json").write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def host_of() -> type[Host]:
    """Play the host for an app."""
    return Host


def echo_app() -> df.DFApp:
    """An app whose orchestrator waits for an event, and one that calls an activity."""
    app = df.DFApp()

    @app.orchestration_trigger(context_name="context")
    def waiting(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.wait_for_external_event("Go"))

    @app.activity_trigger(input_name="value")
    def echo(value: Any) -> Any:
        return value

    @app.orchestration_trigger(context_name="context")
    def echoing(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity(echo, context.get_input()))

    return app


@pytest.fixture
def app() -> df.DFApp:
    """An app of this test's own."""
    return echo_app()


@pytest.fixture
def sample() -> Any:
    """The repository's function_app.py, imported afresh."""
    spec = importlib.util.spec_from_file_location("sample_app", ROOT / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
