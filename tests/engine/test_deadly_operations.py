"""An operation that ends its process is found out, also among others in the queue of its entity."""

from dataclasses import replace

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.settings import EngineSettings
from durable.model.entity_ids import EntityId
from durable.model.envelopes import decode_message, encode_message
from durable.model.failures import TaskFailedError
from durable.model.ids import InstanceId
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, registry_of

LIST = EntityId("list", "1")


def keeps(context: DurableEntityContext) -> None:
    """Keep what comes; or end the process."""
    if context.operation_name == "die":
        raise KeyboardInterrupt
    context.set_state([*context.get_state(list), context.get_input()])


def holds(context: Context) -> Orchestration:
    """Hold the list until told."""
    with (yield context.lock([LIST])):
        yield context.wait_for_external_event("go")


def uses(context: Context) -> Orchestration:
    """Use it around an operation that is deadly."""
    context.signal_entity(LIST, "add", 1)
    deadly = context.call_entity(LIST, "die")
    try:
        yield deadly
    except TaskFailedError as error:
        context.signal_entity(LIST, "add", 2)
        return str(error)


async def state_of(hub: Hub) -> str | None:
    """Load the list."""
    record = (await partition.load(hub.store, InstanceId(str(LIST)))).record
    return record.state if record is not None else None


@pytest.mark.parametrize("batch_max", [1, 200])
async def test_what_ends_its_process_fails_alone(batch_max: int) -> None:
    """It waited behind a lock; the release, which is what comes again, is not to blame."""
    registry = registry_of(holds=holds, uses=uses)
    registry.add_entity("list", keeps)
    hub = Hub(registry, settings=EngineSettings(entity_batch_max=batch_max))
    holder = await hub.client.start("holds")
    await hub.deliver_visible()
    user = await hub.client.start("uses")
    await hub.deliver_visible()
    await hub.client.raise_event(holder, "go")
    # The event ends the section; the release is the next to come.
    received = hub.store.receive(count=1, visibility_s=60)
    await hub.invoke(*received[0])
    [(release, receipt)] = hub.store.receive(count=1, visibility_s=60)
    for poisonings in (0, 2):
        body = encode_message(replace(decode_message(release.body), poisonings=poisonings))
        with pytest.raises(KeyboardInterrupt):
            await hub.take(release.queue, body, dequeue_count=2)
        hub.deploy(registry)
        assert await state_of(hub) == ("[1]" if poisonings or batch_max == 1 else None)
    body = encode_message(replace(decode_message(release.body), poisonings=3))
    await hub.take(release.queue, body, dequeue_count=2)
    hub.store.delete(release, receipt)
    await hub.settle()
    assert await state_of(hub) == "[1,2]"
    assert "it ended its process" in ((await hub.status(user)).output or "")
