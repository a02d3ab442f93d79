"""World: a task hub on the memory store, the hosts that serve it, and one seed.

`with World(registry) as world: world.run(...)`, or, in a function that is decorated with
`in_virtual_time`, just `world = World(registry)` and `await`.

Time is virtual, chance comes from the schedule alone: the same schedule and faults give the same
run, storage call by storage call. When nothing is visible and nothing runs, the clock jumps to the
next message, or to the next sweep that has something to do. A dead host is replaced by a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.model.envelopes import decode_message, encode_message
from durable.model.ids import InstanceId
from durable.storage.memory import StoredMessage
from durable.storage.port import StorageOutcome, TaskHubStore
from durable.storage.timers import NEAR_S, due_at_of
from durable.testing.world.actors import Actor, ActorDied
from durable.testing.world.faults import Fault
from durable.testing.world.gate import Gate
from durable.testing.world.gated_store import GatedStore
from durable.testing.world.hosts import DEQUEUE_COUNT_MAX, Host
from durable.testing.world.journal import Entry, Journal, JournaledStore, Put
from durable.testing.world.schedule import TICK_S, Schedule
from durable.testing.world.virtual_time import (
    START,
    Ids,
    VirtualEnvironment,
    VirtualLoop,
    virtual_clock,
)

T = TypeVar("T")

SWEEP_PERIOD_S = 60.0
POLL_S = 5 * TICK_S
ROUNDS_MAX = 20_000
CALLS_MAX = 50_000
CALLER_ATTEMPTS_MAX = 8

WorkerFactory = Callable[..., TaskHubWorker]


class NoRest(AssertionError):  # noqa: N818  (a finding)
    """The hub goes on and on: liveness, as far as it can be seen."""

    oracle = "liveness"


class World:
    """One task hub and its hosts.

    `other_code`: what every second host runs until `deploy` brings the right code everywhere, as
    in the middle of a deployment.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        schedule: Schedule | None = None,
        faults: Iterable[Fault] = (),
        hosts: int = 2,
        messages_at_once: int = 4,
        skews_s: Sequence[float] = (0.0,),
        rows_per_transaction_max: int = 100,
        rows_per_page_max: int = 1000,
        settings: EngineSettings | None = None,
        other_code: Registry | None = None,
        calls_max: int = CALLS_MAX,
        deliveries_max: int = DEQUEUE_COUNT_MAX,
        worker: WorkerFactory = TaskHubWorker,
    ) -> None:
        """Build it; nothing runs yet."""
        schedule = schedule or Schedule()
        self.clock = virtual_clock()
        self.gate = Gate(schedule, faults)
        self.store = JournaledStore(
            now=self.clock.now,
            chance=self.gate.timetable,
            rows_per_transaction_max=rows_per_transaction_max,
            rows_per_page_max=rows_per_page_max,
        )
        self.store.journal = self.journal = Journal(self.clock.now)
        self.journal.watchers.append(self._stir_on_put)
        self.about_to_run: list[Callable[[StoredMessage], None]] = []
        self._beside: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException | None] = []
        self._stirred: asyncio.Future[None] | None = None
        self._registry = registry
        self._other_code = other_code
        self._calls_max = calls_max
        self._deliveries_max = deliveries_max
        self._settings = settings or EngineSettings()
        self._worker = worker
        self._ids = Ids()
        self._seed = schedule.seed
        self.skews_s = skews_s
        self._messages_at_once = messages_at_once
        self._hosts_made = 0
        self._callers_made = 0
        self.last_caller: Actor | None = None
        self._ghosts: list[Host] = []
        self.hosts = [self._new_host() for _ in range(hosts)]
        self.environment = self._new_environment()
        self._runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock))

    def __enter__(self) -> Self:
        """Open the loop."""
        self._runner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs, as a crash of every host would."""
        for host in self._everybody():
            host.actor.is_dead = True
        self._runner.close()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until this is done, in virtual time."""
        return self._runner.run(main)

    # The hosts.

    def _new_host(self) -> Host:
        self._hosts_made += 1
        actor = Actor(f"host{self._hosts_made}")
        is_other = self._other_code is not None and self._hosts_made % 2 == 0
        registry = self._other_code if is_other and self._other_code else self._registry
        skew_s = self.skews_s[self._hosts_made % len(self.skews_s)]
        environment = self._new_environment(skew_s)
        store: TaskHubStore = GatedStore(self.store, self.gate, actor)
        return Host(
            actor,
            self._worker(store, registry, environment, self._settings),
            store=self.store,
            gate=self.gate,
            invocations_max=self._messages_at_once,
            deliveries_max=self._deliveries_max,
            about_to_run=self._tell_about_to_run,
            returned=self._stir,
        )

    def _new_environment(self, skew_s: float = 0.0) -> VirtualEnvironment:
        seed = self._seed * 31 + self._hosts_made
        return VirtualEnvironment(self.clock, seed, skew_s=skew_s, ids=self._ids)

    def _tell_about_to_run(self, message: StoredMessage) -> None:
        for watcher in self.about_to_run:
            watcher(message)

    def deploy(self, registry: Registry | None = None) -> None:
        """Give new hosts in the place of all: with this code, or with the right one everywhere.

        The old ones take nothing new; what they run they finish, as when an app is drained.
        """
        self._registry = registry or self._registry
        self._other_code = None
        self._ghosts.extend(self.hosts)
        self.hosts = [self._new_host() for _ in self.hosts]

    def kill_hosts(self, *, idle_too: bool = True) -> None:
        """Kill every host in the middle of whatever it does, or those that do something."""
        for host in self._everybody():
            if idle_too or host.running:
                host.actor.is_dead = True

    def _replace_dead(self) -> None:
        """Put a new host in the place of each dead one."""
        for index, host in enumerate(self.hosts):
            if host.actor.is_dead:
                self._ghosts.append(host)
                self.hosts[index] = self._new_host()

    def running(self) -> list["asyncio.Task[None]"]:
        """List what is under way: invocations, those of dead and frozen hosts too, and callers."""
        invocations = [task for host in self._everybody() for task in host.running]
        return [*self._beside, *invocations]

    # Callers.

    async def as_caller(self, act: Callable[[DurableClient], Awaitable[T]]) -> T:
        """Let a caller do something, once. Raises what the client does, and `ActorDied`."""
        self._callers_made += 1
        self.last_caller = actor = Actor(f"caller{self._callers_made}")
        return await act(DurableClient(GatedStore(self.store, self.gate, actor), self.environment))

    async def as_client(self, act: Callable[[DurableClient], Awaitable[T]]) -> T:
        """Let a caller do something; one that dies, or learns no outcome, does it once more."""
        for _ in range(CALLER_ATTEMPTS_MAX):
            try:
                return await self.as_caller(act)
            except (ActorDied, StorageOutcome):
                continue
        raise AssertionError(f"no caller got through in {CALLER_ATTEMPTS_MAX} attempts")

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Let something happen beside the hosts, such as callers; `settle` waits for it too."""
        task = asyncio.ensure_future(coroutine)
        self._beside.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._beside.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failures.append(task.exception())
        self._stir()

    # Time.

    async def settle(self) -> None:
        """Serve until nothing runs and no message, timer or late write is left."""
        await self._serve(None)

    async def run_for(self, seconds: float) -> None:
        """Serve for so long."""
        await self._serve(self.clock.seconds + seconds)

    async def _serve(self, until: float | None) -> None:
        next_sweep = self.clock.seconds + SWEEP_PERIOD_S
        for _ in range(ROUNDS_MAX):
            self._raise_findings()
            self._replace_dead()
            if until is not None and self.clock.seconds >= until:
                return
            wake_at = self._wakes_at(next_sweep)
            if wake_at is None and not self.running() and not self.gate.has_late_writes:
                if until is None:
                    return
                wake_at = until
            if self._is_sweep_due(next_sweep):
                self.hosts[0].begin(self.hosts[0].worker.sweep())
                next_sweep = self.clock.seconds + SWEEP_PERIOD_S
            await self._receive()
            await self._pass_time(wake_at if until is None else min(wake_at or until, until))
        raise NoRest(f"after {ROUNDS_MAX} rounds: {[m.body for m in self.store.messages[:3]]}")

    def _raise_findings(self) -> None:
        if self.journal.finding is not None:
            raise self.journal.finding
        if len(self.gate.calls) > self._calls_max:
            bodies = [message.body for message in self.store.messages[:3]]
            raise NoRest(f"after {len(self.gate.calls)} storage calls: {bodies}")
        for failure in (*self._failures, *(f for host in self._everybody() for f in host.failures)):
            if failure is not None:
                raise failure

    def _everybody(self) -> list[Host]:
        return [*self.hosts, *self._ghosts]

    async def _receive(self) -> None:
        """Let a host that has room take what is visible."""
        if not self.store.visible():
            return
        hosts = [host for host in self.hosts if host.is_serving()]
        if hosts:
            await self.gate.timetable.pick(hosts).receive()

    async def _pass_time(self, wake_at: float | None) -> None:
        """Let what runs go on for a moment; where nothing can be done, until something can."""
        now = self.clock.seconds
        if self.store.visible() and any(host.is_serving() for host in self.hosts):
            await asyncio.sleep(POLL_S)
            return
        moments = [host.actor.frozen_until for host in self.hosts]
        if wake_at is not None:
            moments.append(wake_at)
        wake_at = min((moment for moment in moments if moment > now), default=now + SWEEP_PERIOD_S)
        await self._until_stirred(wake_at)

    async def _until_stirred(self, at: float) -> None:
        """Wait until something was put or has returned, at the latest until this time."""
        loop = asyncio.get_running_loop()
        self._stirred = loop.create_future()
        timer = loop.call_at(at, self._stir)
        try:
            await self._stirred
        finally:
            timer.cancel()

    def _stir(self) -> None:
        if self._stirred is not None and not self._stirred.done():
            self._stirred.set_result(None)

    def _stir_on_put(self, entry: Entry, _: datetime) -> None:
        if isinstance(entry, Put):
            self._stir()

    def _wakes_at(self, next_sweep: float) -> float | None:
        """Say when there is something to do, be it in the past; `None`: never."""
        moments = [self._seconds(message.visible_at) for message in self.store.messages]
        if self._needs_sweep():
            moments.append(max(next_sweep, self._sweep_of_use()))
        return min(moments, default=None)

    def _is_sweep_due(self, next_sweep: float) -> bool:
        due_at = max(next_sweep, self._sweep_of_use()) if self._needs_sweep() else None
        return due_at is not None and self.clock.seconds >= due_at and self.hosts[0].is_serving()

    def _needs_sweep(self) -> bool:
        return bool(self.store.timers or self.store.poison)

    def _sweep_of_use(self) -> float:
        """Say when the first sweep is that finds something: nobody waits for idle ones."""
        if self.store.poison:
            return 0.0
        due_at = [due_at_of(decode_message(body).event) for body in self.store.timers.values()]
        near_at = [
            self._seconds(moment - timedelta(seconds=NEAR_S))
            for moment in due_at
            if moment is not None
        ]
        return min(near_at, default=0.0)

    @staticmethod
    def _seconds(moment: datetime) -> float:
        return (moment - START).total_seconds()

    def queue_of(self, queue: str) -> list[str]:
        """List the bodies in a queue."""
        return [message.body for message in self.store.messages if message.queue == queue]

    # At the end.

    async def deliver_everything_again(self) -> list[StoredMessage]:
        """Put every message that was ever put once more, and settle; give what hosts put then."""
        copies = dict.fromkeys(
            (entry.message.queue, entry.message.body)
            for entry in self.journal.entries
            if isinstance(entry, Put)
        )
        for queue, body in copies:
            await self.store.put(queue, body)
        first = len(self.journal.entries)
        await self.settle()
        return [entry.message for entry in self.journal.entries[first:] if isinstance(entry, Put)]

    async def deliver_with_duty(self) -> None:
        """Put a message for each instance as if its host had died (rule A2), and settle."""
        messages: dict[InstanceId, tuple[str, str]] = {}
        for entry in self.journal.entries:
            if isinstance(entry, Put):
                message = decode_message(entry.message.body)
                again = encode_message(replace(message, again=True))
                messages.setdefault(message.instance_id, (entry.message.queue, again))
        for queue, body in messages.values():
            await self.store.put(queue, body)
        await self.settle()
