"""Timers that are due late: in the table until they come near, never early, never lost, once."""

import contextlib
from datetime import timedelta

import pytest

from durable.engine.registry import Registry
from durable.model.envelopes import decode_message
from durable.model.errors import InstanceExistsError
from durable.model.history import OrchestratorStarted, TimerCreated, TimerFired
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.port import TIMERS
from durable.storage.timers import NEAR_S, key_of, timer_key
from durable.testing.world.faults import Fault
from durable.testing.world.virtual_time import START, in_virtual_time
from durable.testing.world.world import World
from tests.engine.hub import Context, Orchestration

INSTANCE = InstanceId("instance")


def sleeper(context: Context) -> Orchestration:
    """Sleep for as many seconds as the input says; tell when it woke."""
    due_at = context.current_utc_datetime + timedelta(seconds=context.get_input())
    yield context.create_timer(due_at)
    return [due_at.isoformat(), context.current_utc_datetime.isoformat()]


def impatient(context: Context) -> Orchestration:
    """Set a timer of 10 days, cancel it for an event, and end."""
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=10))
    event = context.wait_for_external_event("go")
    yield context.task_any([timer, event])
    timer.cancel()
    return "went"


def registry() -> Registry:
    """The functions of these tests."""
    made = Registry()
    made.add_orchestrator("sleeper", sleeper)
    made.add_orchestrator("impatient", impatient)
    return made


async def started(world: World, name: str, input_: object = None) -> World:
    """Start the instance and let everything happen."""
    with contextlib.suppress(InstanceExistsError):  # our own, from before the client's crash
        await world.as_client(
            lambda client: client.start(name, instance_id=INSTANCE, input_=input_)
        )
    return world


@pytest.mark.parametrize("seconds", [1, NEAR_S - 1, NEAR_S + 1, 86_400, 10 * 86_400, 400 * 86_400])
@in_virtual_time
async def test_a_timer_of_any_length_fires_once_and_never_early(seconds: float) -> None:
    """Under a virtual clock, through the table and the queue."""
    world = await started(World(registry()), "sleeper", seconds)
    await world.settle()
    snapshot = await partition.load(world.store, INSTANCE)
    fired = [row.event for row in snapshot.rows if isinstance(row.event, TimerFired)]
    assert len(fired) == 1
    [created] = [row.event for row in snapshot.rows if isinstance(row.event, TimerCreated)]
    [begun, *_] = [row.event for row in snapshot.rows if isinstance(row.event, OrchestratorStarted)]
    assert fired[0].fire_at == created.fire_at == begun.timestamp + timedelta(seconds=seconds)
    assert world.environment.now() >= fired[0].fire_at
    assert world.environment.now() - fired[0].fire_at <= timedelta(seconds=2)
    assert snapshot.record is not None
    assert snapshot.record.status is RuntimeStatus.COMPLETED
    assert not world.store.timers


@in_virtual_time
async def test_a_far_timer_is_no_message_until_it_is_near() -> None:
    """A sleeping hub shows the scaler no backlog."""
    world = await started(World(registry()), "sleeper", 86_400)
    await world.run_for(10)
    assert [message.queue for message in world.store.messages] == []
    [(key, body)] = world.store.timers.items()
    fired = decode_message(body).event
    assert isinstance(fired, TimerFired)
    assert key.startswith(key_of(fired.fire_at))
    assert timedelta(days=1) <= fired.fire_at - START < timedelta(days=1, seconds=10)
    await world.settle()


@in_virtual_time
async def test_a_cancelled_far_timer_disturbs_nobody() -> None:
    """It comes near after ten days, finds the instance ended, and is dropped."""
    world = await started(World(registry()), "impatient")
    await world.as_client(lambda client: client.raise_event(INSTANCE, "go"))
    await world.settle()
    status = await world.as_client(lambda client: client.read_status(INSTANCE))
    assert status is not None
    assert status.output == '"went"'
    assert not world.store.timers
    assert not world.store.messages


def test_a_timer_has_one_row_however_often_it_is_sent() -> None:
    """The key follows from the timer; keys sort as due times do."""
    keys = []
    for seconds in (0.000001, 1, 60, 86_400):
        due_at = START + timedelta(seconds=seconds)
        fired = TimerFired(timestamp=due_at, timer_id=3, fire_at=due_at)
        message = TaskMessage(instance_id=INSTANCE, execution_id=ExecutionId("x"), event=fired)
        keys.append(timer_key(message, due_at))
        assert timer_key(message, due_at) == keys[-1]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@in_virtual_time
async def test_no_single_fault_loses_a_far_timer() -> None:
    """A crash before or after any call, or no answer: it fires once all the same."""
    calls = (await _run(None)).gate.calls
    cases = 0
    for call in calls:
        for kind in call.kinds():
            cases += 1
            world = await _run(Fault(call.number, kind))
            snapshot = await partition.load(world.store, INSTANCE)
            fired = [row for row in snapshot.rows if isinstance(row.event, TimerFired)]
            assert len(fired) == 1, f"{call} {kind}"
            assert snapshot.record is not None
            assert snapshot.record.status is RuntimeStatus.COMPLETED, f"{call} {kind}"
            assert not world.store.timers
    assert cases > 40


async def _run(fault: Fault | None) -> World:
    world = World(registry(), faults=[fault] if fault else [])
    await started(world, "sleeper", 3600)
    await world.settle()
    return world


@in_virtual_time
async def test_hosts_whose_clocks_differ_by_a_minute_fire_no_timer_early() -> None:
    """By the clock of whoever delivers it, and by the time that the code sees, it is due."""
    world = World(registry(), skews_s=(0.0, 60.0, -60.0), hosts=3)
    await started(world, "sleeper", 90)
    await world.settle()
    status = await world.as_client(lambda client: client.read_status(INSTANCE))
    assert status is not None
    assert status.runtime_status is RuntimeStatus.COMPLETED
    due_at, woke_at = status.output.strip('[]"').split('","')  # type: ignore[union-attr]
    assert woke_at >= due_at
    assert world.queue_of(TIMERS) == []
