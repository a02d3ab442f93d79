"""Each kind of fault does what its name says."""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from durable.engine.registry import Registry
from durable.model.ids import InstanceId
from durable.replay.context import DurableOrchestrationContext
from durable.storage.port import OutcomeUnknown, StorageFault
from durable.testing.world.actors import INVOCATION, Actor, ActorDied
from durable.testing.world.faults import READ_KINDS, Call, Fault, FaultKind, single_faults
from durable.testing.world.gate import FREEZE_S, LATE_S, SLOW_S, Gate
from durable.testing.world.gated_store import GatedStore
from durable.testing.world.hosts import VISIBILITY_S
from durable.testing.world.schedule import Schedule
from durable.testing.world.virtual_time import StandsStill, in_virtual_time
from durable.testing.world.world import NoRest, World

INSTANCE = InstanceId("i")


def store_with(kind: FaultKind) -> tuple[World, GatedStore, Actor]:
    """A world whose first storage call goes wrong, and an actor's way to its store."""
    world = World(Registry(), faults=[Fault(0, kind)], hosts=0)
    actor = Actor("host")
    return world, GatedStore(world.store, world.gate, actor), actor


def seconds() -> float:
    """Tell the virtual time."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("kind", "applied"), [(FaultKind.CRASH_BEFORE, 0), (FaultKind.CRASH_AFTER, 1)]
)
@in_virtual_time
async def test_a_dead_host_makes_no_further_call(kind: FaultKind, applied: int) -> None:
    """It dies before or after the call took effect, and every other call of it dies too."""
    world, store, actor = store_with(kind)
    with pytest.raises(ActorDied):
        await store.put("workitems", "x")
    with pytest.raises(ActorDied):
        await store.read_sentinel(INSTANCE)
    assert len(world.store.messages) == applied
    assert actor.is_dead


@pytest.mark.parametrize(
    ("kind", "error", "applied"),
    [
        (FaultKind.THROTTLED, StorageFault, 0),
        (FaultKind.UNKNOWN_NOT_APPLIED, OutcomeUnknown, 0),
        (FaultKind.UNKNOWN_APPLIED, OutcomeUnknown, 1),
    ],
)
@in_virtual_time
async def test_a_refused_or_unknown_call_is_applied_or_not(
    kind: FaultKind, error: type[Exception], applied: int
) -> None:
    """The caller lives, and learns no more than the error."""
    world, store, _ = store_with(kind)
    with pytest.raises(error):
        await store.put("workitems", "x")
    assert len(world.store.messages) == applied


@in_virtual_time
async def test_a_late_write_is_applied_when_nobody_waits_for_it_any_more() -> None:
    """The world does not rest before it is."""
    world, store, _ = store_with(FaultKind.UNKNOWN_APPLIED_LATE)
    with pytest.raises(OutcomeUnknown):
        await store.transact(INSTANCE, (), {"Format": 0}, etag=None)
    assert world.gate.has_late_writes
    assert not world.store.sentinels
    await asyncio.sleep(max(LATE_S))
    assert INSTANCE in world.store.sentinels
    assert not world.gate.has_late_writes


@in_virtual_time
async def test_a_late_write_whose_condition_no_longer_holds_is_nothing() -> None:
    """As a conditional write that comes late to storage."""
    world, store, _ = store_with(FaultKind.UNKNOWN_APPLIED_LATE)
    with pytest.raises(OutcomeUnknown):
        await store.transact(INSTANCE, (), {"Format": 1}, etag=None)
    await world.store.transact(INSTANCE, (), {"Format": 2}, etag=None)
    await asyncio.sleep(max(LATE_S))
    assert world.store.sentinels[INSTANCE].columns == {"Format": 2}


@pytest.mark.parametrize("kind", [FaultKind.FREEZE_BEFORE, FaultKind.FREEZE_AFTER])
@in_virtual_time
async def test_a_frozen_host_goes_on_when_its_messages_are_others(kind: FaultKind) -> None:
    """Longer than a message stays hidden; and nothing else of the host moves meanwhile."""
    world, store, actor = store_with(kind)
    begun = seconds()
    call = asyncio.ensure_future(store.put("workitems", "x"))
    await asyncio.sleep(1)
    assert actor.is_frozen()
    assert len(world.store.messages) == (kind is FaultKind.FREEZE_AFTER)
    await store.read_sentinel(INSTANCE)
    assert seconds() - begun >= FREEZE_S > VISIBILITY_S
    await call
    assert len(world.store.messages) == 1


@pytest.mark.parametrize(
    ("kind", "applied"), [(FaultKind.KILL_BEFORE, 0), (FaultKind.KILL_AFTER, 1)]
)
@in_virtual_time
async def test_a_killed_invocation_is_cancelled_and_its_host_lives(
    kind: FaultKind, applied: int
) -> None:
    """Also from a task that the invocation started."""
    world, store, actor = store_with(kind)

    async def invocation() -> None:
        INVOCATION.set(asyncio.current_task())
        await asyncio.gather(store.put("workitems", "x"), asyncio.sleep(100))

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(invocation())
    assert len(world.store.messages) == applied
    await store.put("workitems", "y")
    assert not actor.is_dead


@in_virtual_time
async def test_a_slow_answer_is_as_old_as_its_call() -> None:
    """What was read is what was there before, however long the way back took."""
    world, store, _ = store_with(FaultKind.SLOW)
    begun = seconds()
    reading = asyncio.ensure_future(store.read_sentinel(INSTANCE))
    await asyncio.sleep(1)
    await world.store.transact(INSTANCE, (), {"Format": 1}, etag=None)
    assert await reading is None
    assert seconds() - begun >= SLOW_S


@in_virtual_time
async def test_a_message_is_put_twice() -> None:
    """As by a client library that tries again."""
    world, store, _ = store_with(FaultKind.TWICE)
    await store.put("workitems", "x")
    assert [message.body for message in world.store.messages] == ["x", "x"]


def test_every_kind_of_fault_is_tried_where_it_makes_a_difference() -> None:
    """Reads can't be applied; only puts and deliveries happen twice."""
    read, write, put, receive = (
        Call(number, "host", kind, changes)
        for number, (kind, changes) in enumerate(
            [("read page", False), ("transact", True), ("put timers", True), ("receive", True)]
        )
    )
    assert read.kinds() == READ_KINDS
    assert set(put.kinds()) == set(receive.kinds()) == set(FaultKind)
    assert set(FaultKind) - set(write.kinds()) == {FaultKind.TWICE}
    assert len(list(single_faults([read, write]))) == len(READ_KINDS) + len(FaultKind) - 1


@in_virtual_time
async def test_virtual_time_jumps_and_never_waits() -> None:
    """400 days of virtual time are as exact as a second."""
    begun = seconds()
    await asyncio.sleep(timedelta(days=400).total_seconds())
    await asyncio.sleep(0.01)
    assert 0 <= seconds() - begun - timedelta(days=400).total_seconds() < 0.02


def test_what_waits_for_nothing_is_an_error() -> None:
    """Where nobody will ever go on the loop says so, instead of hanging."""

    @in_virtual_time
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandsStill):
        wait_for_ever()


def test_a_hub_that_goes_on_and_on_is_found_by_its_calls() -> None:
    """Liveness: an orchestrator that never ends is told from one that takes long."""

    def restless(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
        while True:
            yield context.call_activity("echo")

    registry = Registry()
    registry.add_orchestrator("restless", restless)
    registry.add_activity("echo", lambda value: value)

    async def main(world: World) -> None:
        await world.as_client(lambda client: client.start("restless", instance_id="i"))
        await world.settle()

    with World(registry, calls_max=500) as world, pytest.raises(NoRest, match="storage calls"):
        world.run(main(world))


def test_the_plain_schedule_is_the_plainest() -> None:
    """Seed 0 draws nothing: every call takes as long as any other."""
    gate = Gate(Schedule(0, delays=((3, 5),)))
    latencies = [gate.timetable.latency_s(call) for call in range(5)]
    assert len(set(latencies)) == 2
    assert latencies[3] > latencies[0]
