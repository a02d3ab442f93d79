"""Requests to entities that none of ours has sent: of no use, or buried; the entity goes on."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.model.envelopes import encode_message
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.port import control_queue
from durable.testing.world.virtual_time import START
from tests.engine.hub import Hub
from tests.engine.test_sections import ALL, A, B, audit, hub_of, locks

CONTROL = control_queue(0)
ID = InstanceId(str(A))
SENDER = Origin(InstanceId("sender"), ExecutionId("life"))
HEADS = '{"OrchestrationInstance":{"InstanceId":"sender","ExecutionId":"life"},"TaskScheduleId":'


def parent(instance: Any = "sender", execution: Any = "life", task: Any = 1) -> str:
    """Say who waits."""
    instances = {"InstanceId": instance, "ExecutionId": execution}
    return json.dumps({"OrchestrationInstance": instances, "TaskScheduleId": task})


def call(waits: str | None) -> EntityOperationCalled:
    """Call the account."""
    return EntityOperationCalled(
        timestamp=START, event_id=0, instance_id=str(A), operation="get", parent_instance=waits
    )


def lock(
    lock_set: str = f'["{A}","{B}"]', numbers: str | None = "[1,1]", position: int = 0
) -> EntityLockRequested:
    """Ask for a lock."""
    return EntityLockRequested(
        timestamp=START,
        event_id=0,
        lock_set=lock_set,
        numbers=numbers,
        position=position,
        parent_instance=parent(),
    )


def message(event: HistoryEvent, to: str = ID, *, number: int = 1) -> str:
    """Print what a sender nobody knows sends in its stream."""
    return encode_message(
        TaskMessage(instance_id=InstanceId(to), event=event, origin=SENDER, number=number)
    )


def signal(to: str = ID, *, message_id: str = "sound") -> str:
    """Print a signal of a client."""
    event = EntityOperationSignaled(timestamp=START, instance_id=to, operation="add", input="1")
    return encode_message(
        TaskMessage(instance_id=InstanceId(to), event=event, message_id=message_id)
    )


async def take(hub: Hub, body: str, *, dequeue_count: int = 1) -> None:
    """Deliver a body; nothing may come out of the worker."""
    try:
        await hub.take(CONTROL, body, dequeue_count=dequeue_count)
    except BaseException as error:  # noqa: BLE001
        pytest.fail(f"{body[:300]!r} made the worker raise {error!r}")


async def assert_healthy(hub: Hub) -> None:
    """All accounts can be locked and used."""
    await hub.client.start("audit", instance_id="healthy")
    await hub.deliver_visible()
    assert (await hub.status("healthy")).output == "301"  # with the one signal that was sound


OF_NO_USE = {
    "who waits is a number": call(parent(5)),
    "who waits is null": call(parent(None)),
    "who waits has no name": call(parent("")),
    "who waits can't be printed": call(parent("\ud800")),
    "its execution is a list": call(parent(execution=[1])),
    "its execution is empty": call(parent(execution="")),
    "its task is beyond numbers": call(HEADS + "1e999}"),
    "its task is no number": call(HEADS + "NaN}"),
    "nobody waits": call(None),
    "who waits is a list": call("[1]"),
    "who waits is deep": call("[" * 20_000),
    "a position before the first": lock(position=-1),
    "a position behind the last": lock(position=2),
    "a position that is another's": lock(position=1),
    "a set without this entity": lock(f'["{B}","@account@c"]'),
    "no numbers": lock(numbers=None),
    "too few numbers": lock(numbers="[1]"),
    "handed on with a number that is none": lock(numbers="[1,-7]"),
    "handed on with the number 0": lock(numbers="[1,0]"),
    "handed on to nobody": lock(f'["{A}",""]'),
    "handed on to an orchestration": lock(f'["{A}","other"]'),
    "handed on to what has no key": lock(f'["{A}","@x"]'),
    "handed on to what can't be printed": lock(f'["{A}","@x@\\ud800"]'),
    "handed on to a name beyond the limit": lock(f'["{A}","@x@{"y" * 300}"]'),
    "a set that is deep": lock("[" * 20_000),
    "a lock for another": replace(lock(), parent_instance=parent("other")),
    "a lock for another life": replace(lock(), parent_instance=parent(execution="another")),
    "a lock for no execution": replace(lock(), parent_instance=parent(execution="")),
    "a lock for a number": replace(lock(), parent_instance=parent(7)),
    "a lock for nobody": replace(lock(), parent_instance=None),
}


@pytest.mark.parametrize("dequeue_count", [1, 2])
@pytest.mark.parametrize("event", OF_NO_USE.values(), ids=OF_NO_USE.keys())
async def test_what_could_not_be_answered_or_handed_on_just_has_its_turn(
    event: HistoryEvent, dequeue_count: int
) -> None:
    """It locks nothing and sends nothing; what comes behind it in its stream is served."""
    hub = hub_of(audit=audit)
    await take(hub, message(event), dequeue_count=dequeue_count)
    await take(hub, message(event), dequeue_count=2)
    assert not hub.store.messages
    assert not hub.store.buried
    assert not await locks(hub)
    behind = EntityOperationSignaled(timestamp=START, instance_id=ID, operation="add", input="1")
    await take(hub, message(behind, number=2))
    await take(hub, message(behind, number=2), dequeue_count=2)
    await assert_healthy(hub)


@pytest.mark.parametrize("to", ["@", "@@", "@x", "@x@", "@@key", f"@x@{'y' * 300}", "@x@\x01"])
@pytest.mark.parametrize("dequeue_count", [1, 2])
async def test_what_goes_to_an_id_that_no_entity_can_have_is_buried(
    to: str, dequeue_count: int
) -> None:
    """No instance comes of it."""
    hub = hub_of(audit=audit)
    bodies = [signal(to), message(call(parent()), to), message(lock(), to)]
    for body in bodies:
        await take(hub, body, dequeue_count=dequeue_count)
    assert [buried for _, buried in hub.store.buried] == bodies
    assert not hub.store.sentinels
    await take(hub, signal())
    await assert_healthy(hub)


async def test_an_entity_that_was_asked_badly_can_be_asked_and_cleaned() -> None:
    """Nothing that can't be sent stays with it: else each message that comes again would raise."""
    hub = hub_of(audit=audit)
    for event in OF_NO_USE.values():
        await take(hub, message(event))
    for dequeue_count in (1, 2, 3):
        await take(hub, signal(), dequeue_count=dequeue_count)
    await assert_healthy(hub)
    await hub.settle()
    assert not await locks(hub)
    hub.environment.move_to(hub.now() + timedelta(days=30))
    cleaned = await hub.client.clean_entities()
    assert cleaned.number_of_orphaned_locks_released == 0
    assert not await locks(hub)


async def test_an_entity_never_becomes_the_owner_of_a_lock() -> None:
    """A request that begins before the first of its set would be handed on in its own stream."""
    hub = hub_of(audit=audit)
    other = InstanceId("@account@c")
    await take(hub, message(lock(position=-1), other))
    await hub.settle()
    assert not await locks(hub)
    for each in ALL:
        record = (await partition.load(hub.store, InstanceId(str(each)))).record
        assert record is None or not record.outs


TEXTS = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.sampled_from(
        [parent(), parent(5), "[]", "{}", "[1]", "[null]", "[1e999]", f'["{A}"]', f'["{A}","{A}"]']
    ),
)
TIMES = st.sampled_from(
    [
        START,
        START - timedelta(days=9000),
        START + timedelta(days=9000),
        datetime.max.replace(tzinfo=START.tzinfo),
        datetime.min.replace(tzinfo=START.tzinfo),
    ]
)
HUGE = st.integers(-(2**70), 2**70)
EVENTS: st.SearchStrategy[HistoryEvent] = st.one_of(
    st.builds(call, TEXTS),
    st.builds(
        lambda lock_set, numbers, position, waits: replace(
            lock(lock_set, numbers, position), parent_instance=waits
        ),
        TEXTS.map(lambda text: text or ""),
        TEXTS,
        HUGE,
        TEXTS,
    ),
    st.builds(
        lambda lock_set, section: EntityUnlockSent(
            timestamp=START, event_id=0, lock_set=lock_set, critical_section_id=section
        ),
        TEXTS.map(lambda text: text or ""),
        HUGE,
    ),
    st.builds(
        lambda due, text: EntityOperationSignaled(
            timestamp=due, instance_id=ID, operation="get", input=text, scheduled_time=due
        ),
        TIMES,
        TEXTS,
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(EVENTS, min_size=1, max_size=3), dequeue_count=st.integers(1, 3))
async def test_no_mangled_request_makes_a_worker_raise(
    events: list[HistoryEvent], dequeue_count: int
) -> None:
    """Whatever it says; and a sound signal behind it is taken, also when it comes again."""
    hub = hub_of(audit=audit)
    for number, event in enumerate(events, 1):
        await take(hub, message(event, number=number), dequeue_count=dequeue_count)
    await hub.deliver_visible()
    for again in (1, 2):
        await take(hub, signal(), dequeue_count=again)
    await hub.deliver_visible()
    record = (await partition.load(hub.store, ID)).record
    assert record is not None
    held = record.entity is not None and record.entity.lock is not None
    assert held or record.state == "101"
