"""Drills: experiments made for one purpose each, for what random programs can't say or rarely hit.

Each raises an AssertionError if the engine does not stand it. The mutants meet them first.
"""

import contextlib
from collections.abc import Awaitable, Callable, Generator
from datetime import timedelta
from functools import partial
from typing import Any

from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.history import EventRaised
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.storage import partition
from durable.storage.memory import MemoryStore
from durable.storage.port import Key, Page, StorageFault, TaskHubStore
from durable.testing.oracles.models import ReplayModel
from durable.testing.programs.handwritten import NAMED
from durable.testing.programs.syntax import (
    Activity,
    Await,
    CallActivity,
    Constant,
    Orchestration,
    Program,
    Return,
    SetTimer,
    Start,
    Variable,
)
from durable.testing.simulation.experiment import Experiment, Setting, run
from durable.testing.simulation.observed import observe
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule
from durable.testing.world.virtual_time import START, in_virtual_time
from durable.testing.world.world import World

Context = DurableOrchestrationContext


def code(*, first: str, argument: int, second: str) -> Registry:
    """An orchestrator that calls, waits for an event, and calls again."""

    def orchestrator(context: Context) -> Generator[Any, Any, Any]:
        one = yield context.call_activity(first, argument)
        go = yield context.wait_for_external_event("go")
        two = yield context.call_activity(second, go)
        return [one, two]

    registry = Registry()
    registry.add_orchestrator("main", orchestrator)
    for name in {first, second, "reserve", "pay"}:
        registry.add_activity(name, _named(name))
    return registry


def _named(name: str) -> Callable[[Any], list[Any]]:
    return lambda value: [name, value]


RIGHT = code(first="reserve", argument=1, second="pay")


def _wrong_code_for_a_while(wrong: Registry) -> None:
    """Code that does not fit the history is deployed while the instance waits, then taken back."""

    async def drive(world: World) -> None:
        await world.as_client(lambda client: client.start("main", instance_id="i"))
        await world.run_for(60)
        world.deploy(wrong)
        await world.as_client(lambda client: client.raise_event("i", "go", 2))
        await world.run_for(60)
        world.deploy(RIGHT)
        await world.settle()

    settings = EngineSettings(strict_arguments=True)
    with World(RIGHT, schedule=Schedule(1), settings=settings) as world:
        observe(world, drive, ReplayModel(RIGHT))
        columns = world.store.sentinels[InstanceId("i")].columns
        assert columns["Output"] == '[["reserve",1],["pay",2]]', columns


def code_with_another_name() -> None:
    """The first call is of another activity."""
    _wrong_code_for_a_while(code(first="borrow", argument=1, second="lend"))


def code_with_another_argument() -> None:
    """The first call has another argument."""
    _wrong_code_for_a_while(code(first="reserve", argument=2, second="lend"))


TIMER_THEN_CALL = Program(
    "a timer, then a call",
    (
        Orchestration(
            "main",
            (
                Await("_", SetTimer(30)),
                Await("value", CallActivity("echo", Constant(1))),
                Return(Variable("value")),
            ),
        ),
    ),
    (Activity("echo", Variable("input")),),
    script=(Start("a", "main"),),
)


def a_timer_between_two_clocks() -> None:
    """A host whose clock is ahead takes a timer that is early for the other, and dies.

    Both have its message: the one that puts it back must keep the duty in the copy (rule A4).
    """
    _delivered_twice_then_dies(Setting(skew_s=45, messages_at_once=1), seeds=9, receives=9)


def a_held_message_between_two_hosts() -> None:
    """Two hosts have a message: one lacks the code and hands it back, the other commits and dies.

    The copy that goes back must have the duty (rule A4).
    """
    _delivered_twice_then_dies(Setting(other_code=True, messages_at_once=1), seeds=7, receives=4)


def _delivered_twice_then_dies(setting: Setting, *, seeds: int, receives: int) -> None:
    for seed in range(1, seeds):
        plain = Experiment(TIMER_THEN_CALL, Schedule(seed), setting)
        found = [call for call in run(plain).calls if call.kind == "receive"]
        for call in found[:receives]:
            for dies in range(call.number + 1, call.number + 8):
                faults = (Fault(call.number, FaultKind.TWICE), Fault(dies, FaultKind.CRASH_BEFORE))
                run(Experiment(plain.program, plain.schedule, plain.setting, faults))


RACES = ("race, then its loser", "large values in bursts")


def races_under_many_schedules() -> None:
    """Programs whose decisions differ by what came first, on two and three hosts."""
    for name in RACES:
        for seed in range(1, 21):
            for hosts in (2, 3):
                setting = Setting(hosts=hosts, rows_per_transaction_max=3)
                run(Experiment(NAMED[name], Schedule(seed), setting))


EXECUTIONS = ("continued as new after an activity", "continued as new, unread events kept")


def executions_between_two_clocks() -> None:
    """An execution begins on a host whose clock is behind that of the host where the last ended."""
    for name in EXECUTIONS:
        for skew_s in (45, -45):
            setting = Setting(skew_s=skew_s, messages_at_once=1)
            for seed in (1, 2, 3):
                run(Experiment(NAMED[name], Schedule(seed), setting))


ONE = InstanceId("one")
NOON = START + timedelta(hours=12)


async def _append(
    store: TaskHubStore, before: partition.Snapshot, text: str, count: int
) -> partition.Snapshot:
    first = before.record.sequence + 1 if before.record is not None else 0
    life = ExecutionId("life")
    rows = [
        HistoryRow(
            ordinal=ordinal,
            episode=1,
            execution_id=life,
            event=EventRaised(timestamp=NOON, name="row", input=text),
        )
        for ordinal in range(first, first + count)
    ]
    record = InstanceRecord(
        generation=1,
        life_id=life,
        execution_id=life,
        name="pages",
        status=RuntimeStatus.RUNNING,
        created_at=NOON,
        updated_at=NOON,
        commit_id=text,
        sequence=first + count - 1,
    )
    return await partition.commit(store, ONE, before, record, rows)


class _Interrupted(MemoryStore):
    """A store that fails its nth transaction, and does something before its nth page."""

    fails_at = -1
    before_page: tuple[int, Callable[[], Awaitable[object]]] | None = None
    transactions = pages = 0

    async def transact(self, *args: Any, **options: Any) -> str:
        self.transactions += 1
        if self.transactions == self.fails_at:
            raise StorageFault("cut off here")
        return await super().transact(*args, **options)

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        self.pages += 1
        if self.before_page is not None and self.pages == self.before_page[0]:
            await self.before_page[1]()
        return await super().read_page(instance_id, first=first)


@in_virtual_time
async def a_page_beside_a_commit() -> None:
    """A torn row of the first page must not pass for what is committed while pages are read."""
    for page in range(1, 6):
        store = _Interrupted(now=lambda: NOON, rows_per_transaction_max=4, rows_per_page_max=4)
        before = await _append(store, partition.Snapshot(), "first", 3)
        store.fails_at = store.transactions + 2
        with contextlib.suppress(StorageFault):
            await _append(store, before, "torn", 8)
        standing = await partition.load(store, ONE)
        assert len(standing.rows) == 3
        store.pages = 0
        store.before_page = (page, partial(_append, store, standing, "second", 8))
        read = await partition.load(store, ONE)
        texts = [row.event.input for row in read.rows if isinstance(row.event, EventRaised)]
        assert texts in (["first"] * 3, ["first"] * 3 + ["second"] * 8), texts


DRILLS: tuple[Callable[[], None], ...] = (
    code_with_another_name,
    code_with_another_argument,
    a_page_beside_a_commit,
    executions_between_two_clocks,
    a_timer_between_two_clocks,
    a_held_message_between_two_hosts,
    races_under_many_schedules,
)
