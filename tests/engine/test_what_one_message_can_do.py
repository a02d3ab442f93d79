"""One message that can't be dealt with costs itself at most: not its batch, not its duty."""

import asyncio
from datetime import timedelta

from durable.engine.registry import Registry
from durable.model.envelopes import decode_message, encode_message
from durable.model.history import EventRaised, TaskCompleted, TimerFired
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage.port import TIMERS
from tests.engine.hub import Context, Hub, Orchestration

INSTANCE = InstanceId("instance")


def fan(context: Context) -> Orchestration:
    """Five activities at once."""
    return sum((yield context.task_all([context.call_activity("same", n) for n in range(5)])))


def sleeper(context: Context) -> Orchestration:
    """One timer."""
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    return "awake"


def registry() -> Registry:
    """The functions of these tests."""
    made = Registry()
    made.add_orchestrator("fan", fan)
    made.add_orchestrator("sleeper", sleeper)
    made.add_activity("same", lambda value: value)
    return made


async def test_a_message_whose_payload_is_lost_is_buried_alone() -> None:
    """The results that arrived in the same batch are taken, and the orchestration completes."""
    hub = Hub(registry())
    await hub.client.start("fan", instance_id=INSTANCE)
    for received in (1, 5):  # the start, then the work items
        deliveries = hub.store.receive(count=10, visibility_s=600)
        assert len(deliveries) == received
        for message, receipt in deliveries:
            await hub.invoke(message, receipt)
    lost = TaskMessage(
        instance_id=INSTANCE,
        event=EventRaised(timestamp=hub.now(), name="lost"),
        generation=1,
        message_id="lost",
        blobs={"Input": "instance/gone.json.gz"},
    )
    await hub.store.put("control-00", encode_message(lost))
    batch = hub.store.receive(count=10, visibility_s=600)
    assert len(batch) == 6
    await asyncio.gather(*(hub.invoke(message, receipt) for message, receipt in batch))
    assert [decode_message(body).message_id for _, body in hub.store.buried] == ["lost"]
    assert (await hub.status(INSTANCE)).runtime_status is RuntimeStatus.COMPLETED
    assert len(await hub.facts(INSTANCE, TaskCompleted)) == 5


async def test_a_timer_that_is_put_back_keeps_its_duty() -> None:
    """By another host's clock it may have fired, and be the token of what was not sent then."""
    hub = Hub(registry())
    await hub.client.start("sleeper", instance_id=INSTANCE)
    await hub.deliver_visible()
    [timer] = hub.store.messages
    early = timer.body
    assert not decode_message(early).again
    await hub.take(TIMERS, early, dequeue_count=2)
    copies = [message for message in hub.store.messages if message.queue == TIMERS]
    assert [decode_message(message.body).again for message in copies] == [False, True]
    await hub.settle()
    fired = await hub.facts(INSTANCE, TimerFired)
    assert len(fired) == 1
    assert (await hub.status(INSTANCE)).output == '"awake"'
