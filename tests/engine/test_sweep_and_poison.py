"""What the host gives up gets another chance, alone; what fails alone is told to its instance."""

import contextlib

import pytest

from durable.engine.registry import Registry
from durable.model.errors import InstanceExistsError
from durable.model.ids import InstanceId
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.testing.world.faults import Fault
from durable.testing.world.schedule import Schedule
from durable.testing.world.virtual_time import in_virtual_time
from durable.testing.world.world import World
from tests.engine.hub import Context, Orchestration

GUILTY = InstanceId("guilty")


def sequence(context: Context) -> Orchestration:
    """Three activities."""
    value = 0
    for _ in range(3):
        value = yield context.call_activity("increment", value)
    return value


def deadly(context: Context) -> Orchestration:
    """An activity that ends its process."""
    return (yield context.call_activity("die"))


def registry(world: list[World]) -> Registry:
    """The functions of these tests; `die` kills every host that could be running it."""

    def die(_: object) -> None:
        world[0].kill_hosts(idle_too=False)

    made = Registry()
    made.add_orchestrator("sequence", sequence)
    made.add_orchestrator("deadly", deadly)
    made.add_activity("increment", lambda value: value + 1)
    made.add_activity("die", die)
    return made


async def start(world: World, name: str, instance_id: InstanceId) -> None:
    """Start an instance."""
    await world.as_client(lambda client: client.start(name, instance_id=instance_id))


async def status_of(world: World, instance_id: InstanceId) -> OrchestrationStatus:
    """Read where an instance stands."""
    status = await world.as_client(lambda client: client.read_status(instance_id))
    assert status is not None
    return status


@in_virtual_time
async def test_an_activity_that_kills_its_process_fails_alone_and_harms_nobody() -> None:
    """Its task fails with the reason; twenty orchestrations beside it complete."""
    holder: list[World] = []
    world = World(registry(holder), hosts=2, messages_at_once=8)
    holder.append(world)
    others = [InstanceId(f"other-{number}") for number in range(20)]
    await start(world, "deadly", GUILTY)
    for other in others:
        await start(world, "sequence", other)
    await world.settle()
    guilty = await status_of(world, GUILTY)
    assert guilty.runtime_status is RuntimeStatus.FAILED
    assert "ended its process" in (guilty.output or "")
    for other in others:
        status = await status_of(world, other)
        assert (status.runtime_status, status.output) == (RuntimeStatus.COMPLETED, "3")
    assert not world.store.poison
    assert not world.store.buried


@pytest.mark.parametrize("seed", [4, 10, 11, 16, 20])
@in_virtual_time
async def test_who_waits_beside_four_deadly_ones_is_never_blamed(seed: int) -> None:
    """Each death is a delivery of all who wait; under these schedules some were blamed for it."""
    holder: list[World] = []
    world = World(registry(holder), hosts=1, messages_at_once=32, schedule=Schedule(seed))
    holder.append(world)
    guilty = [InstanceId(f"g{number}") for number in range(4)]
    others = [InstanceId(f"o{number}") for number in range(20)]
    for one in guilty:
        await start(world, "deadly", one)
    for other in others:
        await start(world, "sequence", other)
    await world.settle()
    assert {(await status_of(world, one)).runtime_status for one in guilty} == {
        RuntimeStatus.FAILED
    }
    assert {(await status_of(world, other)).output for other in others} == {"3"}
    assert not world.store.blobs


@in_virtual_time
async def test_what_the_host_gave_up_by_bad_luck_completes() -> None:
    """A message that was only hit by kills is re-admitted by the sweep and goes on."""
    holder: list[World] = []
    world = World(registry(holder), hosts=1)
    holder.append(world)
    await start(world, "sequence", GUILTY)
    [message] = world.store.messages
    message.dequeue_count = 5
    await world.settle()
    status = await status_of(world, GUILTY)
    assert status.output == "3"
    assert not world.store.poison


@in_virtual_time
async def test_a_poisoned_text_that_nobody_can_read_is_buried() -> None:
    """It does not go round for ever."""
    holder: list[World] = []
    world = World(registry(holder), hosts=1)
    await world.store.put("control-00", "{not ours")
    [message] = world.store.messages
    message.dequeue_count = 5
    await world.settle()
    assert [body for _, body in world.store.buried] == ["{not ours"]
    assert not world.store.poison


@in_virtual_time
async def test_no_single_fault_loses_what_the_host_gave_up() -> None:
    """A crash before or after any call, or no answer, between the poison queue and the end."""
    calls = (await _unlucky(None)).gate.calls
    assert {"take poisoned", "forget poisoned"} <= {call.kind for call in calls}
    for call in calls:
        for kind in call.kinds():
            world = await _unlucky(Fault(call.number, kind))
            status = await status_of(world, GUILTY)
            assert status.output == "3", f"{call} {kind}"
            assert not world.store.poison, f"{call} {kind}"
            assert not world.store.messages, f"{call} {kind}"


async def _unlucky(fault: Fault | None) -> World:
    """Run an orchestration whose start the host has given up."""
    world = World(registry([]), hosts=1, faults=[fault] if fault else [])
    with contextlib.suppress(InstanceExistsError):  # our own, from before the client's crash
        await start(world, "sequence", GUILTY)
    for message in world.store.messages:
        message.dequeue_count = 5
    await world.settle()
    return world
