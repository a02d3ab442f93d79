"""Answers to what a voided episode had asked, which come when the id is another task's."""

import json
from collections.abc import Callable

from durable.engine.entity_context import DurableEntityContext
from durable.model.envelopes import decode_message
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage.memory import StoredMessage
from durable.storage.port import WORK_ITEMS
from tests.engine.hub import VISIBILITY_S, Context, Hub, Orchestration, registry_of

ONE = "one"
SLOW = "@slow@entity"
Held = Callable[[StoredMessage, TaskMessage], bool]


def works_or_tells(context: Context) -> Orchestration:
    """Do one thing after another; if the first fails, begin to tell an entity, and fail."""
    try:
        yield context.call_activity("work")
    except Exception:
        told = context.call_entity(SLOW, "tell")
        yield context.task_any([told, context.wait_for_external_event("go")])
        raise
    return (yield context.call_activity("echo", "the activity's"))


def slow(context: DurableEntityContext) -> None:
    """Answer."""
    context.set_result("the entity's")


async def deliver_but(hub: Hub, is_held: Held) -> list[tuple[StoredMessage, int]]:
    """Deliver what shows, and give what is held back."""
    held = []
    while received := hub.store.receive(count=1, visibility_s=VISIBILITY_S):
        if is_held(received[0][0], decode_message(received[0][0].body)):
            held.append(received[0])
        else:
            await hub.invoke(*received[0])
    return held


async def test_an_answer_of_another_kind_is_nobodys() -> None:
    """The entity was asked as the second task; after the rewind that is an activity."""
    fails = [True]

    def work(_: object) -> None:
        if fails:
            raise ConnectionError("no line")

    registry = registry_of(code=works_or_tells)
    registry.add_activity("work", work)
    registry.add_entity("slow", slow)
    hub = Hub(registry)
    await hub.client.start("code", instance_id=ONE)
    await hub.client.raise_event(ONE, "go")
    to_entity = await deliver_but(hub, lambda _, message: message.instance_id == InstanceId(SLOW))
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.FAILED
    fails.clear()
    await hub.client.rewind(ONE)
    echo = await deliver_but(
        hub,
        lambda stored, message: (
            stored.queue == WORK_ITEMS and getattr(message.event, "name", "") == "echo"
        ),
    )
    assert (len(to_entity), len(echo)) == (1, 1)
    await hub.invoke(*to_entity[0])
    await hub.deliver_visible()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.RUNNING
    await hub.invoke(*echo[0])
    await hub.settle()
    assert json.loads(str((await hub.status(ONE)).output)) == "the activity's"
