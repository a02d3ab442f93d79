"""Messages that come too early, to nobody, or behind an end: what they stand for is not lost."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from durable.engine.settings import EngineSettings
from durable.model.envelopes import encode_message
from durable.model.history import EventRaised, ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage.port import control_queue
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of, waits

ONE = "one"
SENDER = Origin(InstanceId("sender"), ExecutionId("5" * 32))


def at_once(context: Context) -> Any:
    """End without waiting."""
    return context.get_input()


def sent(number: int) -> str:
    """An event from another instance, at its place in the stream."""
    event = EventRaised(timestamp=START, name="go", input=json.dumps(number))
    message = TaskMessage(instance_id=InstanceId(ONE), event=event, origin=SENDER, number=number)
    return encode_message(message)


async def test_a_purge_keeps_what_came_before_its_turn() -> None:
    """Its own copy is gone: without the row the stream would stand still for ever."""
    hub = Hub(registry_of(at_once=at_once, waits=waits))
    await hub.client.start("at_once", instance_id=ONE)
    await hub.settle()
    await hub.take(control_queue(0), sent(2))
    assert await hub.client.purge(ONE)
    await hub.take(control_queue(0), sent(1))
    await hub.client.start("waits", instance_id=ONE)
    await hub.settle()
    await hub.take(control_queue(0), sent(3))
    await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.output) == (RuntimeStatus.COMPLETED, "3")


async def test_who_began_an_execution_that_ended_without_it_is_its_token() -> None:
    """The start comes for the first time and has no duty; so the event must have it."""
    hub = Hub(registry_of(at_once=at_once), settings=EngineSettings(storage_patience_s=0))
    await hub.client.start("at_once", instance_id=ONE)
    start, receipt = hub.store.receive(count=1, visibility_s=60)[0]
    hub.gate.is_away = _is("write summary")
    await hub.take(control_queue(0), sent(1))
    hub.gate.is_away = _is("nothing")
    await hub.invoke(start, receipt)
    await hub.settle()
    shown = hub.store.summaries[InstanceId(ONE)].columns
    assert shown["RuntimeStatus"] == "Completed"
    record = decode_record(InstanceId(ONE), hub.store.sentinels[InstanceId(ONE)].columns)
    assert not record.unsent


def _is(kind: str) -> Callable[[str], bool]:
    return lambda asked: asked == kind


def parent(context: Context) -> Orchestration:
    """Start a child under an id that is taken."""
    return (yield context.call_sub_orchestrator("at_once", None, ONE))


async def test_a_child_does_not_begin_whom_its_id_belongs_to() -> None:
    """That instance begins at its time; the parent is told then, be it that it ends at once."""
    hub = Hub(registry_of(at_once=at_once, parent=parent))
    await hub.client.start("at_once", instance_id=ONE, start_at=START + timedelta(hours=1))
    await hub.client.start("parent", instance_id="parent")
    await hub.run_until(1800)
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.PENDING
    hub.environment.move_to(START + timedelta(minutes=59))
    await hub.worker.sweep()
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.COMPLETED
    assert len(await hub.facts(ONE, ExecutionStarted)) == 1
    status = await hub.status("parent")
    assert status.runtime_status is RuntimeStatus.FAILED
    assert "is alive already" in str(status.output)


async def test_a_line_that_a_dead_host_brought_back_after_a_purge_goes_with_its_message() -> None:
    """It had shown the instance once more, and died before it saw the tombstone."""
    hub = Hub(registry_of(at_once=at_once))
    await hub.client.start("at_once", instance_id=ONE)
    start, receipt = hub.store.receive(count=1, visibility_s=60)[0]
    await hub.take(start.queue, start.body)
    shown = hub.store.summaries[InstanceId(ONE)]
    assert await hub.client.purge(ONE)
    hub.store.summaries[InstanceId(ONE)] = shown
    start.dequeue_count += 1
    await hub.invoke(start, receipt)
    assert InstanceId(ONE) not in hub.store.summaries
