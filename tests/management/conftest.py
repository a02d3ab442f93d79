"""A task hub in memory with real parts on it, and time that passes only when it is waited for."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.entity_context import DurableEntityContext
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.management.api import ManagementApi
from durable.management.exchange import Request, Response
from durable.model.entity_ids import EntityId
from durable.replay.context import DurableOrchestrationContext
from durable.storage.memory import MemoryStore
from durable.storage.port import TIMERS, WORK_ITEMS

T = TypeVar("T")
ROUNDS_MAX = 200


class VirtualEnvironment:
    """A world whose time passes when somebody waits."""

    def __init__(self) -> None:
        """Begin at a round moment."""
        self.moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._ids = itertools.count(1)

    def now(self) -> datetime:
        """Tell the time."""
        return self.moment

    def new_id(self) -> str:
        """Count."""
        return f"{next(self._ids):032x}"

    def jitter(self) -> float:
        """Draw the middle."""
        return 0.5

    async def wait(self, delay_s: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=delay_s)

    def run_activity(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run it elsewhere."""
        return asyncio.to_thread(function)

    def run_orchestrator(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run it elsewhere."""
        return asyncio.to_thread(function)


def hello(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Call one activity."""
    greeting = yield context.call_activity("Greet", context.get_input())
    return [greeting]


def patient(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Wait for an event and return what it brought."""
    context.set_custom_status({"waitingFor": "Go"})
    brought = yield context.wait_for_external_event("Go")
    return brought


def unlucky(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Fail."""
    yield context.call_activity("Greet", "")
    raise RuntimeError("no luck")


def fragile(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Return what an activity returns that can fail."""
    return (yield context.call_activity("Weigh", context.get_input()))


def possessive(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Hold a counter until it is told to go."""
    with (yield context.lock([EntityId("counter", "a")])):
        yield context.wait_for_external_event("Go")


def counter(context: DurableEntityContext) -> None:
    """Add, put, or go."""
    if context.operation_name == "delete":
        context.destruct_on_exit()
    elif context.operation_name == "put":
        context.set_state(context.get_input())
    else:
        context.set_state(context.get_state(lambda: 0) + context.get_input())


class Hub:
    """The tree under test and what stands behind it."""

    def __init__(self) -> None:
        """Put the real parts together on the memory store."""
        self.environment = VirtualEnvironment()
        self.store = MemoryStore(now=self.environment.now, task_hub="Memory")
        registry = Registry()
        for orchestrator in (hello, patient, unlucky, fragile, possessive):
            registry.add_orchestrator(orchestrator.__name__, orchestrator)
        registry.add_activity("Greet", lambda name: f"Hello {name}!")
        registry.add_activity("Weigh", self.weigh)
        registry.add_entity("Counter", counter)
        self.is_broken = False
        settings = EngineSettings(hold_s_max=0)
        self.worker = TaskHubWorker(self.store, registry, self.environment, settings)
        self.client = DurableClient(self.store, self.environment)
        self.api = ManagementApi(
            self.client,
            task_hub="Memory",
            key="memory-key",
            orchestrators=registry.orchestrators.keys(),
            entities=registry.entities.keys(),
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Response:
        """Send a request with the right key."""
        return await self.api.answer(
            Request(
                method=method,
                path=path,
                query={"code": "memory-key"} | query,
                headers=headers or {},
                body=body,
                url=f"http://localhost/api/durabletask/{path}",
            )
        )

    def weigh(self, load: int) -> int:
        """Double it, unless the scales are broken."""
        if self.is_broken:
            raise OSError("the scales are broken")
        return 2 * load

    async def run(self) -> None:
        """Be the host: hand out messages until no visible one is left."""
        for _ in range(ROUNDS_MAX):
            received = self.store.receive(count=16, visibility_s=600)
            if not received:
                return
            for message, receipt in received:
                take = {
                    WORK_ITEMS: self.worker.on_work_item,
                    TIMERS: self.worker.on_timer,
                }.get(message.queue, self.worker.on_control_message)
                await take(message.body, dequeue_count=message.dequeue_count)
                self.store.delete(message, receipt)
        pytest.fail("the queues do not drain")


@pytest.fixture
def hub() -> Hub:
    """A hub of this test's own."""
    return Hub()
