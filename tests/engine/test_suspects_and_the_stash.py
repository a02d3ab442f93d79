"""What ends its process is found out also where its message is recorded by then."""

from dataclasses import replace

import pytest

from durable.engine.settings import POISONINGS_MAX
from durable.model.envelopes import encode_message
from durable.model.history import EventRaised, ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage.port import control_queue
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of

ID = InstanceId("again")
SENDER = Origin(InstanceId("sender"), ExecutionId("f" * 32))
QUEUE = control_queue(0)


def goes(context: Context) -> Orchestration:
    """End with "go"."""
    return (yield context.wait_for_external_event("go"))


def go(number: int) -> TaskMessage:
    """Make an event of another instance."""
    event = EventRaised(timestamp=START, name="go")
    return TaskMessage(instance_id=ID, event=event, origin=SENDER, number=number)


def start(name: str, number: int) -> TaskMessage:
    """Make a detached start of the same instance."""
    event = ExecutionStarted(timestamp=START, name=name)
    life = ExecutionId("e" * 32)
    return TaskMessage(instance_id=ID, event=event, execution_id=life, origin=SENDER, number=number)


async def test_a_life_that_begins_from_the_stash_and_ends_its_process_is_parked() -> None:
    """The event that ended the life before comes again; it is not what the code is run for."""
    is_mended = False

    def deadly(_: Context) -> str:
        if not is_mended:
            raise KeyboardInterrupt
        return "mended"

    registry = registry_of(goes=goes, deadly=deadly)
    hub = Hub(registry)
    await hub.client.start("goes", instance_id=ID)
    await hub.deliver_visible()
    for early in (start("deadly", 3), go(2)):
        await hub.take(QUEUE, encode_message(early))
    with pytest.raises(KeyboardInterrupt):
        await hub.take(QUEUE, encode_message(go(1)))
    assert (await hub.status(ID)).runtime_status is RuntimeStatus.COMPLETED
    hub.deploy(registry)
    given_up = replace(go(1), again=True, is_suspect=True, poisonings=POISONINGS_MAX)
    await hub.take(QUEUE, encode_message(given_up))
    status = await hub.status(ID)
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert "ends the process that runs it" in (status.reason or "")
    is_mended = True
    await hub.client.resume(ID)
    await hub.settle()
    assert (await hub.status(ID)).output == '"mended"'
