"""World: a task hub on the memory store, hosts that deliver its messages, and one seed.

One thread, a virtual clock, chance from the seed alone: the same seed and fault give the same run.
Messages are delivered in rounds: each host receives a few, runs them at once, deletes those that
were dealt with. When nothing is visible the clock jumps to the next message. A dead host's messages
show again when their visibility runs out, as on the platform, and a new host takes its place.
"""

import asyncio
import functools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.timers import NEAR_S
from durable.engine.worker import TaskHubWorker
from durable.model.envelopes import decode_message
from durable.model.history import TaskScheduled, TimerFired
from durable.model.records import decode_record
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import TIMERS, WORK_ITEMS, StorageOutcome
from durable.testing.faults import Actor, ActorDied, Fault, Gate, GatedStore

T = TypeVar("T")

VISIBILITY_S = 600
SWEEP_PERIOD_S = 60
DEQUEUE_COUNT_MAX = 5  # of the stock host.json
ROUNDS_MAX = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)

WorkerFactory = Callable[..., TaskHubWorker]


class VirtualEnvironment:
    """A clock that moves when somebody waits, and chance from a seed."""

    def __init__(self, seed: int) -> None:
        """Begin at the beginning of a year."""
        self._now = START
        self._chance = random.Random(seed)  # noqa: S311
        self._ids = 0

    def now(self) -> datetime:
        """Tell the virtual time."""
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
        """Call it here: nothing blocks in a simulation."""
        return function()

    async def run_orchestrator(self, function: Callable[[], T]) -> T:
        """Call it here."""
        return function()


class SkewedEnvironment:
    """The world by a clock that goes wrong by so many seconds; all else as it is."""

    def __init__(self, true: VirtualEnvironment, skew_s: float) -> None:
        """Look at the true clock and add."""
        self._true = true
        self._skew = timedelta(seconds=skew_s)
        self.new_id = true.new_id
        self.jitter = true.jitter
        self.wait = true.wait
        self.run_activity = true.run_activity
        self.run_orchestrator = true.run_orchestrator

    def now(self) -> datetime:
        """Tell what this host takes for the time."""
        return self._true.now() + self._skew


class World:
    """One task hub and its hosts."""

    def __init__(
        self,
        registry: Registry,
        *,
        seed: int = 0,
        fault: Fault | None = None,
        hosts: int = 2,
        messages_at_once: int = 4,
        skews_s: Sequence[float] = (0.0,),
        rows_per_transaction_max: int = 100,
        rows_per_page_max: int = 1000,
        settings: EngineSettings | None = None,
        worker: WorkerFactory = TaskHubWorker,
    ) -> None:
        """Build it; nothing runs yet."""
        self.environment = VirtualEnvironment(seed)
        self.store = MemoryStore(
            now=self.environment.now,
            chance=random.Random(seed),  # noqa: S311
            rows_per_transaction_max=rows_per_transaction_max,
            rows_per_page_max=rows_per_page_max,
        )
        self.gate = Gate(fault, seed=seed)
        self.registry = registry
        self.settings = settings or EngineSettings()
        self.deliveries: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self.ever_sent: list[tuple[str, str]] = []
        self.ghosts: list[str] = []
        self.driven = 0  # calls that were made before everything was delivered again
        self._worker = worker
        self._messages_at_once = messages_at_once
        self._skews_s = skews_s
        self._hosts_made = 0
        self._hosts = [self._new_host() for _ in range(hosts)]
        self._chance = random.Random(seed + 1)  # noqa: S311

    def _new_host(self) -> tuple[Actor, TaskHubWorker]:
        self._hosts_made += 1
        actor = Actor(f"host{self._hosts_made}")
        store = GatedStore(self.store, self.gate, actor)
        skew_s = self._skews_s[self._hosts_made % len(self._skews_s)]
        environment = SkewedEnvironment(self.environment, skew_s)
        return actor, self._worker(store, self.registry, environment, self.settings)

    async def as_client(self, act: Callable[[DurableClient], Awaitable[T]]) -> T:
        """Let a client do something; one that crashes, or learns no outcome, does it once more."""
        for attempt in range(3):
            actor = Actor(f"client{attempt}")
            client = DurableClient(GatedStore(self.store, self.gate, actor), self.environment)
            try:
                return await act(client)
            except (ActorDied, StorageOutcome):
                continue
        raise AssertionError("a single fault can't fail a client three times")

    async def settle(self) -> None:
        """Deliver until no message is left."""
        for _ in range(ROUNDS_MAX):
            self._note_sent()
            if self.store.visible():
                await self._round()
            elif not await self._let_time_pass():
                return
        raise AssertionError(f"no rest after {ROUNDS_MAX} rounds: {self.store.messages[:3]}")

    async def _let_time_pass(self) -> bool:
        """Move the clock to the next message or sweep; `False` if nothing will ever come."""
        needs_sweep = bool(self.store.timers or self.store.poison)
        shows_at = [message.visible_at for message in self.store.messages]
        if not shows_at and not needs_sweep:
            return False
        if needs_sweep:
            next_sweep = self._next_sweep_of_use()
            if not shows_at or next_sweep < min(shows_at):
                self.environment.move_to(next_sweep)
                await _finish([asyncio.ensure_future(self._hosts[0][1].sweep())])
                self._replace_dead()
                return True
        self.environment.move_to(min(shows_at))
        return True

    def _next_sweep_of_use(self) -> datetime:
        """Tell when the next sweep is that finds something to do."""
        next_sweep = self.environment.now() + timedelta(seconds=SWEEP_PERIOD_S)
        fired = [decode_message(body).event for body in self.store.timers.values()]
        near_at = [
            e.fire_at - timedelta(seconds=NEAR_S) for e in fired if isinstance(e, TimerFired)
        ]
        if self.store.poison or not near_at:
            return next_sweep
        return max(next_sweep, min(near_at))

    async def deliver_everything_again(self) -> None:
        """Put every message that was ever sent once more, and settle."""
        self._note_sent()
        for queue, body in dict.fromkeys(self.ever_sent):
            await self.store.put(queue, body)
        await self.settle()

    def _note_sent(self) -> None:
        self.ever_sent.extend(self.store.take_put_log())

    async def run_round(self) -> None:
        """Let each host deal with a few messages."""
        await self._round()

    def queue_of(self, queue: str) -> list[str]:
        """List the bodies in a queue."""
        return [message.body for message in self.store.messages if message.queue == queue]

    def kill_running(self) -> None:
        """Kill the hosts that are in the middle of an invocation, from inside of one."""
        for actor, _ in self._hosts:
            if self._running[actor.name]:
                actor.is_dead = True

    async def _round(self) -> None:
        self.store.poison_exhausted(dequeue_count_max=DEQUEUE_COUNT_MAX)
        self._chance.shuffle(self._hosts)
        tasks: list[asyncio.Task[None]] = []
        for actor, worker in self._hosts:
            try:
                received = await self.gate.write(actor, "receive", self._receive)
            except (ActorDied, StorageOutcome):
                continue
            tasks.extend(
                asyncio.ensure_future(self._invoke(actor, worker, message, receipt))
                for message, receipt in received
            )
        await _finish(tasks)
        self._replace_dead()

    def _replace_dead(self) -> None:
        self._hosts = [
            (actor, worker) if not actor.is_dead else self._new_host()
            for actor, worker in self._hosts
        ]

    async def _receive(self) -> list[tuple[StoredMessage, int]]:
        return self.store.receive(count=self._messages_at_once, visibility_s=VISIBILITY_S)

    async def _invoke(
        self, actor: Actor, worker: TaskHubWorker, message: StoredMessage, receipt: int
    ) -> None:
        """Do what the Functions host does with one message."""
        self._running[actor.name] += 1
        try:
            await self._handle(actor, worker, message, receipt)
        finally:
            self._running[actor.name] -= 1

    async def _handle(
        self, actor: Actor, worker: TaskHubWorker, message: StoredMessage, receipt: int
    ) -> None:
        self.deliveries[message.queue] += 1
        if message.queue == WORK_ITEMS:
            self._note_ghost(message.body)
        on_message = {WORK_ITEMS: worker.on_work_item, TIMERS: worker.on_timer}.get(
            message.queue, worker.on_control_message
        )
        await on_message(message.body, dequeue_count=message.dequeue_count)

        async def delete() -> None:
            self.store.delete(message, receipt)

        try:
            await self.gate.write(actor, f"delete {message.queue}", delete)
        except StorageOutcome:
            return  # the host does not mind: the message comes again

    def _note_ghost(self, body: str) -> None:
        """Note a task that is about to run although no committed decision asked for it."""
        work = _decode(body)
        task = work.event
        sentinel = self.store.sentinels.get(work.instance_id)
        if not isinstance(task, TaskScheduled) or sentinel is None:
            self.ghosts.append(body)
            return
        last = decode_record(work.instance_id, sentinel.columns).sequence
        rows = self.store.rows.get(work.instance_id, {})
        asked_for = (
            columns
            for ordinal, columns in rows.items()
            if ordinal <= last
            and columns["EventType"] == "TaskScheduled"
            and columns["EventId"] == task.event_id
            and columns["ExecutionId"] == work.execution_id
        )
        if not any(columns["Name"] == task.name for columns in asked_for):
            self.ghosts.append(body)


# Runs of one seed send the same messages; the world looks at each more than once.
_decode = functools.lru_cache(maxsize=20_000)(decode_message)


async def _finish(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Wait for all; a dead actor's are dead, any other error is a finding."""
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(
            outcome, ActorDied | StorageOutcome
        ):
            raise outcome
