"""D: what came too early is taken in order, however much of it there is."""

import asyncio
import json

from durable.model.envelopes import decode_message
from durable.model.ids import InstanceId
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, registry_of

SAID = 1200  # more than Python calls itself


def teller(context: Context) -> Orchestration:
    """Say it all in one step."""
    for number in range(SAID):
        context.send_event("ear", "said", number)
    yield context.wait_for_external_event("never")


def ear(context: Context) -> Orchestration:
    """Hear it all."""
    waits = [context.wait_for_external_event("said") for _ in range(SAID)]
    return (yield context.task_all(waits))


async def test_a_stream_whose_first_message_comes_last_is_taken_whole() -> None:
    """In one commit, and nothing of it stays beside the history."""
    hub = Hub(registry_of(teller=teller, ear=ear))
    await hub.client.start("ear", instance_id="ear")
    await hub.settle()
    await hub.client.start("teller", instance_id="teller")
    [start] = hub.store.messages
    await hub.invoke(start, start.receipt)
    bodies = [message.body for message in hub.store.messages]
    hub.store.messages.clear()
    bodies.sort(key=lambda body: -decode_message(body).number)
    await asyncio.gather(*(hub.take("control-00", body) for body in bodies[:-1]))
    snapshot = await partition.load(hub.store, InstanceId("ear"))
    assert len(snapshot.named) == SAID - 1
    await hub.take("control-00", bodies[-1])
    assert json.loads(str((await hub.status("ear")).output)) == list(range(SAID))
    assert not (await partition.load(hub.store, InstanceId("ear"))).named
