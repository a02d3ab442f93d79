"""Clean-up: which entities go, which locks are freed, and what is left alone."""

from datetime import timedelta
from typing import Any

import pytest

from durable.client import cleaning
from durable.model.entities import EntityLock, EntityRecord
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import CleanEntityStorageResult
from durable.model.errors import EntityInUseError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.purging import QUEUED

EMPTY = EntityId("counter", "empty")
LONG_AGO = timedelta(hours=1)


def lock_of(hub: Any, instance_id: str, life_id: str, age: timedelta = LONG_AGO) -> EntityRecord:
    """Make an entity that this life of an orchestration has held for a while."""
    lock = EntityLock(
        owner=Origin(InstanceId(instance_id), ExecutionId(life_id)).to_text(),
        execution_id=life_id,
        section_id=0,
        lock_set=("@counter@x",),
        epoch=5,
        since=hub.environment.now() - age,
    )
    return EntityRecord(lock=lock, epoch=5)


def sentinel(hub: Any, entity_id: EntityId) -> Any:
    """Read what is left in the table."""
    known = InstanceId(str(entity_id))
    return decode_record(known, hub.store.sentinels[known].columns)


async def test_an_empty_entity_is_removed_and_leaves_its_tombstone(hub: Any) -> None:
    """What the id must remember stays: streams in and out, clients' messages, places and locks."""
    await hub.write_entity(
        EMPTY,
        entity=EntityRecord(epoch=3, next_place=9, last_operation_at=hub.environment.now()),
        marks={"life@a": 4},
        message_ids=frozenset({"m1"}),
        outs={"b": 2},
    )
    cleaned = await hub.client.clean_entities()
    assert cleaned.number_of_empty_entities_removed == 1
    assert cleaned.is_complete
    assert hub.store.summaries == {}
    left = sentinel(hub, EMPTY)
    assert (left.is_purged, left.marks, left.outs) == (True, {"life@a": 4}, {"b": 2})
    assert left.message_ids == {"m1"}
    assert left.entity == EntityRecord(epoch=3, next_place=9)
    assert (await hub.client.clean_entities()).number_of_empty_entities_removed == 0


@pytest.mark.parametrize(
    ("state", "entity", "problem"),
    [
        ("1", EntityRecord(), "it has a state; signal it 'delete' first"),
        (None, EntityRecord(waiting=frozenset({0, 1}), next_place=2), "2 messages wait"),
        (None, EntityRecord(scheduled=frozenset({0}), next_place=1), "1 for their time"),
    ],
    ids=["state", "queue", "scheduled"],
)
async def test_an_entity_in_use_is_neither_cleaned_nor_purged(
    hub: Any, state: str | None, entity: EntityRecord, problem: str
) -> None:
    """A purge is for storage, not for meaning: nobody may be able to tell."""
    await hub.write_entity(EMPTY, state, entity=entity)
    assert (await hub.client.clean_entities()).number_of_empty_entities_removed == 0
    with pytest.raises(EntityInUseError, match=problem):
        await hub.client.purge(str(EMPTY))
    assert not sentinel(hub, EMPTY).is_purged


async def test_a_locked_entity_is_not_purged(hub: Any) -> None:
    """However empty it is: its lock would be gone while its owner counts on it."""
    await hub.write_entity(EMPTY, entity=lock_of(hub, "owner", "life"))
    with pytest.raises(EntityInUseError, match="held by a lock"):
        await hub.client.purge(str(EMPTY))


async def test_served_rows_of_a_queue_go_with_their_payloads(hub: Any) -> None:
    """But a row whose place was never given stays: the next life writes over it."""
    record = await hub.write_entity(EMPTY, entity=EntityRecord(next_place=1))
    await hub.client.signal_entity(EMPTY, "put", "x" * 100_000)
    (message,) = hub.store.messages
    known = InstanceId(str(EMPTY))
    half = len(message.body) // 2
    row = {"Message0": message.body[:half], "Message1": message.body[half:]}
    rows = {f"{QUEUED}{place:012x}": row for place in (0, 1)}
    before = await partition.load(hub.store, known)
    await partition.commit(hub.store, known, before, record, (), named=rows)
    assert await hub.client.purge(str(EMPTY))
    assert list(hub.store.named[known]) == [f"{QUEUED}{1:012x}"]
    assert hub.store.blobs == {}


async def test_a_lock_is_orphaned_when_the_life_of_its_owner_is_over(hub: Any) -> None:
    """Ended, purged, or replaced by another life: all by the owner's own record."""
    for owner in ("ended", "purged", "replaced"):
        record = await hub.write(owner, RuntimeStatus.COMPLETED)
        await hub.write_entity(
            EntityId("counter", owner), entity=lock_of(hub, owner, record.life_id)
        )
    await hub.client.purge("purged")
    await hub.write("replaced")
    await hub.write_entity(EntityId("counter", "lost"), entity=lock_of(hub, "nobody", "life"))
    hub.environment.moment += timedelta(minutes=10)
    cleaned = await hub.client.clean_entities()
    assert cleaned.number_of_orphaned_locks_released == 4
    assert cleaned.number_of_empty_entities_removed == 0
    assert {(one.instance_id, one.event.epoch) for one in hub.sent()} == {
        (f"@counter@{key}", 5) for key in ("ended", "purged", "replaced", "lost")
    }


async def test_a_lock_whose_release_may_be_under_way_is_left_alone(hub: Any) -> None:
    """Its owner lives, or ended just now; or it has hardly begun."""
    alive = await hub.write("alive")
    await hub.write_entity(EntityId("counter", "a"), entity=lock_of(hub, "alive", alive.life_id))
    young = lock_of(hub, "nobody", "life", timedelta(minutes=4))
    await hub.write_entity(EntityId("counter", "b"), entity=young)
    ended = await hub.write("ended", RuntimeStatus.COMPLETED)
    await hub.write_entity(EntityId("counter", "c"), entity=lock_of(hub, "ended", ended.life_id))
    assert (await hub.client.clean_entities()).number_of_orphaned_locks_released == 0
    assert hub.sent() == []


async def test_each_chore_can_be_left_out(hub: Any) -> None:
    """One at a time."""
    await hub.write_entity(EMPTY)
    locked = EntityId("counter", "locked")
    await hub.write_entity(locked, "1", entity=lock_of(hub, "nobody", "life"))
    cleaned = await hub.client.clean_entities(
        remove_empty_entities=False, release_orphaned_locks=False
    )
    assert cleaned == CleanEntityStorageResult()
    cleaned = await hub.client.clean_entities(remove_empty_entities=False)
    assert cleaned == CleanEntityStorageResult(0, 1)
    cleaned = await hub.client.clean_entities(release_orphaned_locks=False)
    assert cleaned == CleanEntityStorageResult(1, 0)


async def test_a_long_clean_up_goes_on_where_its_time_was_over(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call does at least a page; orchestrations are not looked at."""
    monkeypatch.setattr(cleaning, "PAGE_ROWS", 2)
    for n in range(5):
        await hub.write_entity(EntityId("counter", f"k{n}"))
        await hub.write(f"i{n}", RuntimeStatus.COMPLETED)
    token, removed, calls = None, 0, 0
    while True:
        cleaned = await hub.client.clean_entities(token=token, budget_s=0)
        removed += cleaned.number_of_empty_entities_removed
        calls, token = calls + 1, cleaned.token
        if cleaned.is_complete:
            break
    assert (removed, calls) == (5, 3)
    assert len(hub.store.summaries) == 5


async def test_one_entity_that_can_not_be_read_does_not_stop_a_clean_up(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left, with a warning."""
    await hub.write_entity(EMPTY)
    await hub.store.write_summary(InstanceId("@other@x"), {"HasState": False}, etag=None)
    await hub.store.transact(InstanceId("@other@x"), (), {"ExecutionId": "x"}, etag=None)
    assert (await hub.client.clean_entities()).number_of_empty_entities_removed == 1
    assert "instance=@other@x is not cleaned" in caplog.text


async def test_a_row_that_a_host_which_slept_has_shown_is_taken_away(hub: Any) -> None:
    """There is no entity behind it."""
    await hub.write_entity(EMPTY)
    shown = dict(hub.store.summaries)
    await hub.client.clean_entities()
    hub.store.summaries.update(shown)
    assert await hub.client.clean_entities() == CleanEntityStorageResult()
    assert hub.store.summaries == {}
