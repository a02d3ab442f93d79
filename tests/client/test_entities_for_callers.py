"""What a client reads of entities, and what it sends to them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.model.entities import EntityLock, EntityRecord
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import EntityQuery, LockHolder
from durable.model.errors import (
    InstanceNotFoundError,
    InvalidInstanceIdError,
    InvalidPayloadError,
    InvalidTokenError,
    LockNotHeldError,
    PayloadLostError,
)
from durable.model.history import EntityLockBroken, EntityOperationSignaled
from durable.model.ids import ExecutionId, InstanceId
from durable.model.streams import Origin
from durable.storage.memory import MemoryStore
from durable.storage.port import OutcomeUnknown, StorageFault, Versioned

COUNTER = EntityId("Counter", "a")


def lock_of(instance_id: str, *, epoch: int, since: datetime) -> EntityLock:
    """Make the lock of a section of an orchestration that has this id and the life `life`."""
    return EntityLock(
        owner=Origin(InstanceId(instance_id), ExecutionId("life")).to_text(),
        execution_id="life.2",
        section_id=7,
        lock_set=("@counter@a", "@counter@b"),
        epoch=epoch,
        since=since,
    )


async def keys(hub: Any, **wanted: Any) -> list[str]:
    """List the keys of the entities that are meant."""
    return [one.entity_id.key async for one in hub.client.list_entities(EntityQuery(**wanted))]


async def test_a_signal_is_a_message_of_its_own(hub: Any) -> None:
    """It names no life, for an entity begins by being spoken to; each has an id to be known by."""
    await hub.client.signal_entity(COUNTER, "add", 5)
    await hub.client.signal_entity(COUNTER, "add", 5)
    first, second = hub.sent()
    now = hub.environment.now()
    assert first.event == EntityOperationSignaled(
        timestamp=now, instance_id="@counter@a", operation="add", input="5"
    )
    assert (first.instance_id, first.generation, first.origin) == ("@counter@a", None, None)
    assert first.message_id != second.message_id


async def test_a_signal_without_an_input_brings_none(hub: Any) -> None:
    """So an operation without a parameter can be signaled."""
    await hub.client.signal_entity(COUNTER, "reset")
    assert hub.sent_event().input is None


@pytest.mark.parametrize(
    "when",
    [
        datetime(2027, 1, 1, 12),  # noqa: DTZ001  (what is tested)
        datetime(2027, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=["naive", "elsewhere"],
)
async def test_a_signal_for_later_goes_at_once_with_its_time_in_utc(
    hub: Any, when: datetime
) -> None:
    """The entity keeps it: so it is known when it comes twice, however far its time is."""
    await hub.client.signal_entity(COUNTER, "add", 1, scheduled_time=when)
    (message,) = hub.store.visible()
    assert message.queue.startswith("control")
    assert hub.sent_event().scheduled_time == datetime(2027, 1, 1, 12, tzinfo=UTC)


async def test_a_large_input_lies_in_a_blob_of_the_entity(hub: Any) -> None:
    """A queue would not take it."""
    await hub.client.signal_entity(COUNTER, "put", "x" * 100_000)
    (message,) = hub.sent()
    assert list(hub.store.blobs) == list(message.blobs.values())
    assert message.blobs["Input"].startswith("@counter@a/")


@pytest.mark.parametrize("key", ["k" * 300, "a\x00b", "a\nb", "half \ud800"], ids=ascii)
async def test_a_key_that_no_store_could_hold_is_refused(hub: Any, key: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidInstanceIdError):
        await hub.client.signal_entity(EntityId("counter", key), "add")
    with pytest.raises(InvalidInstanceIdError):
        await hub.client.read_entity(EntityId("counter", key))
    assert hub.sent() == []


async def test_an_entity_may_be_named_by_its_instance_id(hub: Any) -> None:
    """With its name in any case; what is told of it is told by an `EntityId`."""
    await hub.client.signal_entity("@Counter@a", "add", 5)
    (message,) = hub.sent()
    assert message.instance_id == message.event.instance_id == "@counter@a"
    await hub.write_entity(COUNTER, state="5")
    assert (await hub.client.read_entity("@COUNTER@a")).entity_id == COUNTER
    with pytest.raises(LockNotHeldError):
        await hub.client.break_lock("@Counter@a", epoch=1)


@pytest.mark.parametrize(
    ("given", "error"),
    [("counter", ValueError), ("counter@a", ValueError), ("", ValueError), (None, TypeError)],
)
async def test_what_names_no_entity_is_refused_with_the_form_that_does(
    hub: Any, given: Any, error: type[Exception]
) -> None:
    """Before anything is sent: the text would be taken for the id of an orchestration."""
    for call in (
        hub.client.signal_entity(given, "add"),
        hub.client.read_entity(given),
        hub.client.break_lock(given, epoch=1),
    ):
        with pytest.raises(error, match="EntityId, or its instance id '@name@key'"):
            await call
    assert hub.sent() == []


async def test_an_operation_without_a_name_or_an_input_without_a_form_is_refused(hub: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match="name of an operation can't be empty"):
        await hub.client.signal_entity(COUNTER, "")
    with pytest.raises(InvalidPayloadError, match="input of operation 'add'"):
        await hub.client.signal_entity(COUNTER, "add", object())
    assert hub.sent() == []


class HesitantStore(MemoryStore):
    """Puts, but answers with these faults first."""

    faults: tuple[StorageFault, ...] = ()

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put unless it is a plain fault; answer."""
        fault = self.faults[0] if self.faults else None
        self.faults = self.faults[1:]
        if fault is None or isinstance(fault, OutcomeUnknown):
            await super().put(queue, body, delay_s=delay_s)
        if fault is not None:
            raise fault


async def test_a_signal_that_got_no_answer_is_put_again_as_the_same_signal(hub: Any) -> None:
    """Two copies of one id count once."""
    hub.store = HesitantStore(now=hub.environment.now)
    hub.store.faults = (OutcomeUnknown("?"), StorageFault("away"))
    await DurableClient(hub.store, hub.environment).signal_entity(COUNTER, "add", 1)
    first, second = hub.sent()
    assert first == second


async def test_a_signal_that_may_have_been_sent_says_so_whatever_came_last(hub: Any) -> None:
    """A last attempt that surely failed does not undo the first, of which nobody knows."""
    hub.store = HesitantStore(now=hub.environment.now)
    hub.store.faults = (OutcomeUnknown("?"), StorageFault("away"), StorageFault("away"))
    with pytest.raises(OutcomeUnknown):
        await DurableClient(hub.store, hub.environment).signal_entity(COUNTER, "add", 1)


async def test_an_entity_is_read_with_its_state_its_lock_and_its_backlog(hub: Any) -> None:
    """No lock is waited for."""
    at = hub.environment.now()
    record = EntityRecord(
        lock=lock_of("transfer", epoch=3, since=at),
        epoch=3,
        waiting=frozenset({4, 5}),
        scheduled=frozenset({2}),
        next_place=6,
        last_operation_at=at,
    )
    await hub.write_entity(COUNTER, '{"n":7}', entity=record)
    entity = await hub.client.read_entity(COUNTER)
    assert (entity.entity_id, entity.exists) == (COUNTER, True)
    assert (entity.state, entity.value) == ('{"n":7}', {"n": 7})
    assert (entity.backlog, entity.last_operation_at) == (3, at)
    assert entity.locked_by == LockHolder(
        instance_id="transfer",
        execution_id="life.2",
        section_id=7,
        lock_set=("@counter@a", "@counter@b"),
        epoch=3,
        since=at,
    )
    without = await hub.client.read_entity(COUNTER, with_state=False)
    assert without == replace(entity, state=None)


async def test_an_entity_without_a_state_is_there_only_for_who_asks(hub: Any) -> None:
    """It may hold a lock or a queue all the same. One that nobody has spoken to is not there."""
    await hub.write_entity(COUNTER)
    assert await hub.client.read_entity(COUNTER) is None
    entity = await hub.client.read_entity(COUNTER, include_transient=True)
    assert (entity.exists, entity.state) == (False, None)
    await hub.client.purge("@counter@a")
    assert await hub.client.read_entity(COUNTER, include_transient=True) is None
    nobody = EntityId("counter", "nobody")
    assert await hub.client.read_entity(nobody, include_transient=True) is None


class MovingStore(MemoryStore):
    """While a blob is looked for, the entity goes on: it is gone, and another is named."""

    async def read_blob(self, name: str) -> str:
        """Move on once, and then read."""
        known = InstanceId("@counter@a")
        if name == "old":
            now = dict(self.sentinels[known].columns) | {"StateBlobName": "new"}
            self.sentinels[known] = Versioned(now, "moved")
        return await super().read_blob(name)


async def test_a_state_that_moved_while_it_was_read_is_read_again(hub: Any) -> None:
    """A blob that is gone is a loss only where nothing has changed."""
    hub.store = MovingStore(now=hub.environment.now)
    client = DurableClient(hub.store, hub.environment)
    await hub.write_entity(COUNTER, blobs={"State": "old"})
    await hub.store.put_blob("new", "8")
    entity = await client.read_entity(COUNTER)
    assert entity is not None
    assert entity.state == "8"
    hub.store.blobs.clear()
    with pytest.raises(PayloadLostError, match="@counter@a"):
        await client.read_entity(COUNTER)
    assert await client.read_entity(COUNTER, with_state=False) == replace(entity, state=None)


async def a_few(hub: Any) -> None:
    """Write entities of two names a minute apart, and orchestrations beside them."""
    for entity_id, state in (
        (EntityId("counter", "a1"), "1"),
        (EntityId("counter", "a2"), None),
        (EntityId("counter", "b1"), "2"),
        (EntityId("counters", "a1"), "3"),
    ):
        await hub.write_entity(entity_id, state)
        await hub.environment.wait(60)
    for instance_id in ("1before", "Zebra", "after"):
        await hub.write(instance_id)


async def test_entities_are_listed_by_name_key_and_last_operation(hub: Any) -> None:
    """Those that have a state, unless the others are asked for too."""
    await a_few(hub)
    start = hub.environment.now() - timedelta(minutes=4)
    assert await keys(hub) == ["a1", "b1", "a1"]
    assert await keys(hub, name="COUNTER") == ["a1", "b1"]
    assert await keys(hub, name="counter", include_transient=True) == ["a1", "a2", "b1"]
    assert await keys(hub, name="counter", key_prefix="b") == ["b1"]
    later = start + timedelta(minutes=2)
    assert await keys(hub, last_modified_from=later) == ["b1", "a1"]
    assert await keys(hub, last_modified_to=later.replace(tzinfo=None)) == ["a1", "b1"]
    assert await keys(hub, name="nothing") == []


@pytest.mark.parametrize("query", [{"key_prefix": "a"}, {"name": ""}, {"name": "a@b"}], ids=str)
def test_a_query_that_can_mean_nothing_is_refused(query: dict[str, str]) -> None:
    """It would have been a list of nothing, or of everything."""
    with pytest.raises(ValueError, match="name"):
        EntityQuery(**query)  # type: ignore[arg-type]


async def test_a_list_of_entities_goes_on_where_it_was(hub: Any) -> None:
    """Page by page, in the order of ids; with states or without."""
    await a_few(hub)
    page = await hub.client.list_entity_page(EntityQuery(include_state=False), top=2)
    assert [(one.entity_id.key, one.state, one.exists) for one in page.entities] == [
        ("a1", None, True)
    ]
    page = await hub.client.list_entity_page(top=2, token=page.token)
    assert [one.value for one in page.entities] == [2, 3]
    assert page.token is None
    with pytest.raises(InvalidTokenError):
        await hub.client.list_entity_page(token="nonsense")


async def test_an_entity_that_can_not_be_read_hides_no_other(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another engine's, one that has lost its state, and an id that is none."""
    await hub.write_entity(COUNTER, "1")
    await hub.write_entity(EntityId("counter", "lost"), blobs={"State": "gone"})
    for odd in ("@odd", "@other@x"):
        await hub.store.write_summary(InstanceId(odd), {"HasState": True}, etag=None)
    await hub.store.transact(InstanceId("@other@x"), (), {"ExecutionId": "x"}, etag=None)
    assert await keys(hub) == ["a"]
    for name in ("@counter@lost", "@odd", "@other@x"):
        assert f"instance={name} is not listed" in caplog.text


async def test_lists_of_orchestrations_have_no_entities(hub: Any) -> None:
    """However their ids begin."""
    await a_few(hub)
    listed = [one.instance_id async for one in hub.client.list_instances()]
    assert sorted(listed) == ["1before", "Zebra", "after"]


async def test_an_entity_is_no_orchestration(hub: Any) -> None:
    """What is asked of orchestrations is refused, with what to do instead."""
    await hub.write_entity(COUNTER, "1")
    for ask in (
        hub.client.raise_event("@counter@a", "Go"),
        hub.client.terminate("@counter@a"),
        hub.client.suspend("@counter@a"),
        hub.client.rewind("@counter@a"),
    ):
        with pytest.raises(InstanceNotFoundError, match="Send it a signal"):
            await ask
    with pytest.raises(InstanceNotFoundError):
        await hub.client.restart("@counter@a")
    assert hub.sent() == []


async def test_a_lock_is_broken_by_its_epoch(hub: Any) -> None:
    """The message names the lock, so that it can't take the one that is next."""
    at = hub.environment.now()
    lock = lock_of("transfer", epoch=3, since=at)
    await hub.write_entity(COUNTER, "1", entity=EntityRecord(lock=lock, epoch=3))
    with pytest.raises(LockNotHeldError, match=r"held by 'transfer' since .*, epoch 3"):
        await hub.client.break_lock(COUNTER, epoch=2)
    await hub.client.break_lock(COUNTER, epoch=3, reason="gone for good")
    (message,) = hub.sent()
    assert message.event == EntityLockBroken(timestamp=at, epoch=3, reason="gone for good")
    assert message.message_id is not None


async def test_a_lock_that_nobody_holds_can_not_be_broken(hub: Any) -> None:
    """Nor one of an entity that is not there."""
    await hub.write_entity(COUNTER)
    with pytest.raises(LockNotHeldError, match="Nobody holds"):
        await hub.client.break_lock(COUNTER, epoch=1)
    with pytest.raises(InstanceNotFoundError):
        await hub.client.break_lock(EntityId("counter", "nobody"), epoch=1)
    assert hub.sent() == []
