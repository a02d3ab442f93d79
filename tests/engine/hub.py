"""A task hub with real parts: the memory store behind a gate, a virtual clock, workers, a client.

`Hub` is the host: it hands messages out, deletes what returned, and moves the clock when nothing is
visible. Unlike `World` it lets a test stop half-way, deploy other code, and take storage away.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.queries import OrchestrationStatus
from durable.replay.context import DurableOrchestrationContext
from durable.storage import partition
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import TIMERS, WORK_ITEMS, StorageFault
from durable.testing.world.actors import Actor
from durable.testing.world.gate import Gate
from durable.testing.world.gated_store import GatedStore
from durable.testing.world.schedule import Schedule, Timetable
from durable.testing.world.virtual_time import START

T = TypeVar("T")
Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]

DELIVERIES_MAX = 2000
VISIBILITY_S = 600


class HandMovedEnvironment:
    """A clock that moves when somebody waits, and chance from a seed."""

    def __init__(self) -> None:
        """Begin at the beginning of a year."""
        self._now = START
        self._chance = random.Random(0)
        self._ids = 0

    def now(self) -> datetime:
        """Tell the time."""
        return self._now

    def new_id(self) -> str:
        """Count."""
        self._ids += 1
        return f"{self._ids:032x}"

    def jitter(self) -> float:
        """Draw from the seed."""
        return self._chance.random()

    async def wait(self, delay_s: float) -> None:
        """Move the clock and let the others go first."""
        self._now += timedelta(seconds=delay_s)
        await asyncio.sleep(0)

    def move_to(self, moment: datetime) -> None:
        """Move the clock, never back."""
        self._now = max(self._now, moment)

    async def run_activity(self, function: Callable[[], T]) -> T:
        """Call it here."""
        return function()

    async def run_orchestrator(self, function: Callable[[], T]) -> T:
        """Call it here."""
        return function()


class AtOnce(Timetable):
    """Calls that take no time."""

    def latency_s(self, call: int | None = None) -> float:
        return 0.0


class Outage(Gate):
    """Storage that is away while `is_away` says so of a kind of call."""

    def __init__(self) -> None:
        """Begin with storage there."""
        super().__init__()
        self.timetable = AtOnce(Schedule())
        self.is_away: Callable[[str], bool] = lambda _: False
        self.refused = 0

    async def write(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Refuse, or pass."""
        self._refuse(kind)
        return await super().write(actor, kind, effect)

    async def read(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Refuse, or pass."""
        self._refuse(kind)
        return await super().read(actor, kind, effect)

    def _refuse(self, kind: str) -> None:
        if self.is_away(kind):
            self.refused += 1
            raise StorageFault(f"{kind}: storage is away")


class Hub:
    """One task hub, its host and its client."""

    def __init__(self, registry: Registry, *, settings: EngineSettings | None = None) -> None:
        """Start with one worker."""
        self.environment = HandMovedEnvironment()
        self.store = MemoryStore(
            now=self.environment.now,
            chance=random.Random(0),
        )
        self.gate = Outage()
        self.settings = settings or EngineSettings()
        self.client = DurableClient(self.store, self.environment)
        self.worker = self.deploy(registry)

    def deploy(self, registry: Registry) -> TaskHubWorker:
        """Replace the worker by a fresh one with other code."""
        self.registry = registry
        store = GatedStore(self.store, self.gate, Actor("host"))
        self.worker = TaskHubWorker(store, registry, self.environment, self.settings)
        return self.worker

    @property
    def elapsed_s(self) -> float:
        """The virtual time since the beginning."""
        return (self.environment.now() - START).total_seconds()

    async def invoke(self, message: StoredMessage, receipt: int) -> None:
        """Hand one message to the worker and delete it when that returns."""
        await self.take(message.queue, message.body, dequeue_count=message.dequeue_count)
        self.store.delete(message, receipt)

    async def take(self, queue: str, body: str, *, dequeue_count: int = 1) -> None:
        """Call the trigger of a queue."""
        on_message = {WORK_ITEMS: self.worker.on_work_item, TIMERS: self.worker.on_timer}.get(
            queue, self.worker.on_control_message
        )
        await on_message(body, dequeue_count=dequeue_count)

    async def deliver_visible(self) -> None:
        """Deliver until no message is visible; the clock stands still but for waits."""
        for _ in range(DELIVERIES_MAX):
            received = self.store.receive(count=1, visibility_s=VISIBILITY_S)
            if not received:
                return
            await self.invoke(*received[0])
        pytest.fail(f"no rest after {DELIVERIES_MAX} deliveries")

    async def run_until(self, after_s: float) -> None:
        """Deliver what shows until so long after the beginning."""
        for _ in range(DELIVERIES_MAX):
            await self.deliver_visible()
            due = min((m.visible_at for m in self.store.messages), default=None)
            if due is None or (due - START).total_seconds() > after_s:
                return
            self.environment.move_to(due)
        pytest.fail("the clock does not get there")

    async def settle(self) -> None:
        """Deliver until no message is left, however long that takes."""
        await self.run_until(10 * 86_400)
        assert not self.store.messages

    async def status(self, instance_id: str) -> OrchestrationStatus:
        """Read where an instance stands."""
        status = await self.client.read_status(instance_id)
        assert status is not None, f"no instance {instance_id}"
        return status

    async def rows(self, instance_id: str) -> tuple[HistoryRow, ...]:
        """Read the history of an instance."""
        return (await partition.load(self.store, InstanceId(instance_id))).rows

    async def facts(self, instance_id: str, kind: type[T]) -> list[T]:
        """List the recorded facts of one kind."""
        return [row.event for row in await self.rows(instance_id) if isinstance(row.event, kind)]

    def now(self) -> datetime:
        """Tell the virtual time."""
        return self.environment.now()


def echo(value: Any) -> Any:
    """Return the input."""
    return value


def chain(context: Context) -> Orchestration:
    """Two activities, one after another."""
    first = yield context.call_activity("echo", context.get_input())
    second = yield context.call_activity("echo", first)
    return second


def waits(context: Context) -> Orchestration:
    """Wait for "go", then call an activity with what it brought."""
    data = yield context.wait_for_external_event("go")
    return (yield context.call_activity("echo", data))


def registry_of(**orchestrators: Callable[[Context], Any]) -> Registry:
    """Make a registry with these orchestrators and `echo`."""
    registry = Registry()
    for name, orchestrator in orchestrators.items():
        registry.add_orchestrator(name, orchestrator)
    registry.add_activity("echo", echo)
    return registry
