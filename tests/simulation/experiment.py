"""One experiment: a scenario, a seed, at most one fault; and all that must hold afterwards."""

import asyncio
import functools
from collections import Counter
from collections.abc import Iterator, Sequence

from durable.engine.worker import TaskHubWorker
from durable.model.envelopes import decode_message
from durable.model.history import (
    EventRaised,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    answered_task_id,
)
from durable.model.instance import HistoryRow
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.testing.faults import Call, Fault, FaultKind
from durable.testing.world import WorkerFactory, World
from tests.simulation.scenarios import INSTANCE, Scenario, registry

REGISTRY = registry()


def run(
    scenario: Scenario,
    *,
    fault: Fault | None = None,
    seed: int = 0,
    worker: WorkerFactory = TaskHubWorker,
) -> World:
    """Run the scenario to rest, then deliver every message once more, checking both times."""
    return asyncio.run(_run(scenario, fault, seed, worker))


async def _run(scenario: Scenario, fault: Fault | None, seed: int, worker: WorkerFactory) -> World:
    world = World(
        REGISTRY,
        seed=seed,
        fault=fault,
        hosts=scenario.hosts,
        messages_at_once=scenario.messages_at_once,
        rows_per_transaction_max=scenario.rows_per_transaction_max,
        rows_per_page_max=scenario.rows_per_page_max,
        worker=worker,
    )
    await scenario.drive(world)
    world.driven = len(world.gate.calls)
    # Only until here: afterwards old messages of lives that are collected come again on purpose.
    assert not world.ghosts, f"an activity ran on an uncommitted decision: {world.ghosts[0]}"
    first = await _check(world, scenario)
    await world.deliver_everything_again()
    assert await _check(world, scenario) == first, "a message delivered once more changed something"
    return world


async def _check(world: World, scenario: Scenario) -> object:
    """Assert what must hold at rest, and return what must not change any more."""
    snapshot = await partition.load(world.store, INSTANCE)
    record, rows = snapshot.record, snapshot.rows
    assert record is not None, "the instance was lost"
    assert record.status is RuntimeStatus.COMPLETED, f"it is {record.status}"
    assert record.output == scenario.output, f"output {record.output}"
    assert record.generation == scenario.generation, f"{record.generation} lives"
    assert not world.store.messages, "a queue holds something"
    assert not world.store.buried, "a message was buried"
    current = [row for row in rows if row.ordinal >= record.base]
    _assert_answered_once(current)
    _assert_events_once(current)
    _assert_sent(world, current)
    summary = world.store.summaries[INSTANCE].columns
    assert summary["RuntimeStatus"] == "Completed", "the projection shows something else"
    return current, record.output, record.sequence, record.episode


def _assert_answered_once(rows: list[HistoryRow]) -> None:
    scheduled = {
        row.event.event_id for row in rows if isinstance(row.event, TaskScheduled | TimerCreated)
    }
    answers = Counter(answered_task_id(row.event) for row in rows)
    del answers[None]
    assert set(answers) <= scheduled, "an answer to a task that was never scheduled"
    assert all(count == 1 for count in answers.values()), "a result was taken twice"
    activities = {row.event.event_id for row in rows if isinstance(row.event, TaskScheduled)}
    assert activities <= set(answers), "an activity without a result"


def _assert_events_once(rows: list[HistoryRow]) -> None:
    ids = [row.message_id for row in rows if isinstance(row.event, EventRaised)]
    assert len(ids) == len(set(ids)), "an event was taken twice"


def _assert_sent(world: World, rows: list[HistoryRow]) -> None:
    """Every message that a committed row asks for was put at least once.

    But for a task that the ended execution did not wait for (the timer that lost a race): whoever
    took over from a sender that died found that nobody wants it any more.
    """
    put = {_identity(body) for _, body in world.ever_sent}
    answered = {answered_task_id(row.event) for row in rows}
    for row in rows:
        if isinstance(row.event, TaskScheduled | TimerCreated) and row.event.event_id in answered:
            identity = (row.execution_id, row.event.event_id)
            assert identity in put, f"{row.event} was never sent"


# Thousands of experiments send nearly the same messages.
@functools.lru_cache(maxsize=20_000)
def _identity(body: str) -> tuple[str | None, int]:
    message = decode_message(body)
    task_id = message.event.timer_id if isinstance(message.event, TimerFired) else None
    return message.execution_id, message.event.event_id if task_id is None else task_id


def calls_of(scenario: Scenario, *, seed: int = 0) -> list[Call]:
    """List the storage calls that the scenario makes when nothing fails, before the redelivery."""
    world = run(scenario, seed=seed)
    return world.gate.calls[: world.driven]


def faults(calls: Sequence[Call]) -> Iterator[Fault]:
    """Every kind of fault at each of these calls."""
    for call in calls:
        for kind in FaultKind:
            yield Fault(call.number, kind)
