"""Loads and commits of one instance, one after the other: sizes, lives, how much is read."""

from collections import Counter
from dataclasses import replace
from typing import Any, cast

import pytest
from rule_c_law import append, appended, names_of, record_of
from store_grounds import Ground, any_instance

from durable.model.codec import Column
from durable.model.errors import ForeignInstanceError, MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.records import encode_record
from durable.storage import partition
from durable.storage.partition import Snapshot
from durable.storage.port import LostRace, TaskHubStore


class Counting:
    """A store that counts its calls by name."""

    def __init__(self, store: TaskHubStore) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        async def call(*args: Any, **options: Any) -> Any:
            self.calls[name] += 1
            return await found(*args, **options)

        return call


async def test_an_instance_that_was_never_written_has_no_record(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Its snapshot is the empty one, with which a first commit can be made."""
    assert await partition.load(store, instance_id) == Snapshot()


async def test_what_a_commit_returns_is_what_a_load_reads(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The snapshot after a commit can be kept instead of being read."""
    first = await append(store, partition.commit, instance_id, Snapshot(), "a", 3)
    assert await partition.load(store, instance_id) == first
    second = await append(store, partition.commit, instance_id, first, "b", 250)
    assert await partition.load(store, instance_id) == second
    assert names_of(second) == ["a", "b"]


async def test_a_commit_without_rows_moves_the_record_alone(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """As when an unsent episode is taken out: one transaction, no row."""
    before = await append(store, partition.commit, instance_id, Snapshot(), "a", 3)
    assert before.record is not None
    record = replace(before.record, unsent=frozenset({4}))
    after = await partition.commit(store, instance_id, before, record, ())
    assert after == await partition.load(store, instance_id)
    assert after.rows == before.rows


async def test_a_commit_of_an_old_snapshot_loses(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The ETag of the snapshot is the condition, also where a snapshot said: nothing there."""
    old = await append(store, partition.commit, instance_id, Snapshot(), "a", 3)
    new = await append(store, partition.commit, instance_id, old, "b", 3)
    for stale in (Snapshot(), old):
        with pytest.raises(LostRace):
            await append(store, partition.commit, instance_id, stale, "late", 120)
    assert await partition.load(store, instance_id) == new


@pytest.mark.parametrize(("count", "transactions"), [(0, 1), (1, 1), (99, 1), (100, 2), (250, 3)])
async def test_a_commit_takes_as_few_transactions_as_it_can(
    store: TaskHubStore, instance_id: InstanceId, count: int, transactions: int
) -> None:
    """Ninety-nine rows go with each sentinel."""
    before = await append(store, partition.commit, instance_id, Snapshot(), "a", 1)
    counting = Counting(store)
    through = cast("TaskHubStore", counting)
    record, rows = appended(before, "b", count)
    await partition.commit(through, instance_id, before, record, rows)
    assert counting.calls == {"transact": transactions}


async def test_a_small_instance_is_loaded_in_one_call(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Rows and sentinel come in one page."""
    await append(store, partition.commit, instance_id, Snapshot(), "a", 99)
    counting = Counting(store)
    await partition.load(cast("TaskHubStore", counting), instance_id)
    assert counting.calls == {"read_page": 1}


async def test_what_is_known_is_not_read_again(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """With a snapshot at hand a load takes one call, and gives what a whole load gives."""
    known = await append(store, partition.commit, instance_id, Snapshot(), "a", 99)
    await append(store, partition.commit, instance_id, known, "b", 2)
    counting = Counting(store)
    newer = await partition.load(cast("TaskHubStore", counting), instance_id, known)
    assert counting.calls == {"read_page": 1}
    assert newer == await partition.load(store, instance_id)
    assert names_of(newer) == ["a", "b"]


async def test_nothing_new_gives_what_is_known(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """An instance that nobody has touched loads as the same snapshot."""
    known = await append(store, partition.commit, instance_id, Snapshot(), "a", 5)
    assert await partition.load(store, instance_id, known) == known


async def test_a_thousand_rows_are_more_than_a_page(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """With the service's page size, 1,005 rows and their record come back whole."""
    after = await append(store, partition.commit, instance_id, Snapshot(), "long", 1005)
    assert await partition.load(store, instance_id) == after
    assert names_of(after) == ["long"]


async def test_another_life_is_read_from_its_beginning(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Rows of a life that was purged are not kept in front of those of the next one."""
    known = await append(store, partition.commit, instance_id, Snapshot(), "a", 4)
    life = ExecutionId("life-2")
    started = replace(record_of(life), generation=2, sequence=3, base=4, commit_id="tombstone")
    cleared = Snapshot(known.record, known.etag, ())
    purged = await partition.commit(store, instance_id, cleared, started, ())
    await store.delete_rows(instance_id, range(4))
    record, rows = appended(purged, "b", 2)
    record = replace(record, generation=2, life_id=life, execution_id=life, base=4)
    await partition.commit(store, instance_id, purged, record, rows)
    newest = await partition.load(store, instance_id, known)
    assert newest.record == record
    assert [row.ordinal for row in newest.rows] == [4, 5]


async def test_an_instance_of_another_engine_is_refused(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A sentinel without our columns is said to be foreign, not guessed at."""
    foreign: dict[str, Column] = {"ExecutionId": "e", "IsCheckpointComplete": True}
    await store.transact(instance_id, [(0, {"EventType": "ExecutionStarted"})], foreign, etag=None)
    with pytest.raises(ForeignInstanceError, match=str(instance_id)):
        await partition.load(store, instance_id)


async def test_a_row_that_cannot_be_read_is_named(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A damaged row is an error that names its ordinal."""
    record = encode_record(replace(record_of(ExecutionId("e")), sequence=0))
    await store.transact(instance_id, [(0, {"EventType": "Nonsense"})], record, etag=None)
    with pytest.raises(MalformedMessageError, match="row 0"):
        await partition.load(store, instance_id)


@pytest.mark.parametrize("character", ["x", '"', "ж", "世"])
async def test_a_commit_of_large_rows_fits_whatever_they_hold(
    ground: Ground, character: str
) -> None:
    """A hundred rows of 30,000 characters are too many bytes for one transaction, in any script."""
    store, instance_id = ground.store, any_instance()
    before = await append(store, partition.commit, instance_id, Snapshot(), "start", 1)
    text = character * 30_000
    after = await append(store, partition.commit, instance_id, before, "large", 100, text)
    assert await partition.load(store, instance_id) == after
