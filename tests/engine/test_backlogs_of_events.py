"""E3: events that nobody has read outlive their execution, however many executions that takes."""

import json

from durable.engine.chapters import CHAPTERS_MAX
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, registry_of

ONE = InstanceId("one")
BACKLOG = 3 * CHAPTERS_MAX + 5


def takes_one_at_a_time(context: Context) -> Orchestration:
    """Wait for the event `go`; then take one item in each execution."""
    taken = context.get_input()
    if taken is None:
        yield context.wait_for_external_event("go")
        context.continue_as_new([])
        return None
    if len(taken) == BACKLOG:
        return taken
    taken.append((yield context.wait_for_external_event("item")))
    context.continue_as_new(taken)
    return None


async def test_a_backlog_longer_than_one_commit_can_take_is_taken_whole_and_in_order() -> None:
    """The commit that stops after so many executions leaves the rest to the next one."""
    hub = Hub(registry_of(takes_one_at_a_time=takes_one_at_a_time))
    await hub.client.start("takes_one_at_a_time", instance_id=ONE)
    await hub.settle()
    for number in range(BACKLOG):
        await hub.client.raise_event(ONE, "item", number)
        await hub.settle()
    await hub.client.raise_event(ONE, "go")
    await hub.settle()
    status = await hub.status(ONE)
    assert status.runtime_status is RuntimeStatus.COMPLETED
    assert json.loads(status.output or "") == list(range(BACKLOG))


async def test_what_a_backlog_left_beside_the_instance_is_collected() -> None:
    """No row of a message that has been taken stays."""
    hub = Hub(registry_of(takes_one_at_a_time=takes_one_at_a_time))
    await hub.client.start("takes_one_at_a_time", instance_id=ONE)
    for number in range(BACKLOG):
        await hub.client.raise_event(ONE, "item", number)
    await hub.settle()
    await hub.client.raise_event(ONE, "go")
    await hub.settle()
    assert not [
        name for name in (await partition.load(hub.store, ONE)).named if name.startswith("early-")
    ]
