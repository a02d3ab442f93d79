"""Rule C: the true load and commit keep it on every store, and two wrong ones are caught."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from rule_c_law import Law, append, appended, interleaved, names_of
from store_grounds import BEGIN, Ground, any_instance

from durable.model.codec import decode_row, encode_row
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import decode_record, encode_record
from durable.storage import partition
from durable.storage.memory import MemoryStore
from durable.storage.partition import Snapshot
from durable.storage.port import LostRace, TaskHubStore

OLD_ROWS = 11
TRUE = Law(load=partition.load, commit=partition.commit)


@pytest.fixture
def narrow(ground: Ground) -> TaskHubStore:
    """Open a store that takes few rows at once, so that few rows show what many would."""
    return ground.another(rows_per_transaction_max=4, rows_per_page_max=4)


async def test_a_slow_writer_overwrites_nothing(narrow: TaskHubStore) -> None:
    """Whichever of its calls another commit comes before, a commit of many chunks loses to it."""
    assert await TRUE.a_slow_writer_overwrites_nothing(narrow, any_instance, rows=11) == 4


async def test_a_load_shows_what_was_committed(narrow: TaskHubStore) -> None:
    """Whichever of its calls a commit comes before, a load of many pages is not torn."""
    assert await TRUE.a_load_shows_what_was_committed(narrow, any_instance, rows=11) >= 2


@pytest.mark.parametrize("first", [True, False])
async def test_a_commit_counts_whole_or_not(narrow: TaskHubStore, first: bool) -> None:
    """Also the first commit of an instance, which has no record yet to fence with."""
    law = TRUE.a_commit_that_is_cut_off_counts_whole_or_not
    assert await law(narrow, any_instance, rows=11, first=first) >= 4


# The mutants. Each is the true code with one rule of partition.py taken out.


async def unfenced_commit(
    store: TaskHubStore,
    instance_id: InstanceId,
    before: Snapshot,
    record: InstanceRecord,
    rows: Sequence[HistoryRow],
) -> Snapshot:
    """Break C1: chunks go out under whatever ETag is there; only the last asks for its own."""
    rows_max = store.rows_per_transaction_max - 1
    chunks = [rows[start : start + rows_max] for start in range(0, len(rows), rows_max)]
    for chunk in chunks[:-1]:
        now = await store.read_sentinel(instance_id)
        if now is not None:
            raw = [(row.ordinal, encode_row(row)) for row in chunk]
            await store.transact(instance_id, raw, now.columns, etag=now.etag)
    now = await store.read_sentinel(instance_id)
    if now is not None and before.record is not None:
        found = decode_record(instance_id, now.columns)
        if found.commit_id != before.record.commit_id:
            raise LostRace("somebody committed since")
    etag = None if now is None else now.etag
    raw = [(row.ordinal, encode_row(row)) for row in chunks[-1]]
    etag = await store.transact(instance_id, raw, encode_record(record), etag=etag)
    return Snapshot(record, etag, (*before.rows, *rows))


async def sentinel_last_load(store: TaskHubStore, instance_id: InstanceId) -> Snapshot:
    """Break C3: page through to the end, where the sentinel comes by itself."""
    rows: list[HistoryRow] = []
    first = 0
    while True:
        page = await store.read_page(instance_id, first=first)
        rows += [decode_row(ordinal, columns) for ordinal, columns in page.rows]
        if not page.more:
            break
        first = page.rows[-1][0] + 1
    if page.sentinel is None:
        return Snapshot()
    record = decode_record(instance_id, page.sentinel.columns)
    committed = tuple(row for row in rows if row.ordinal <= record.sequence)
    return Snapshot(record, page.sentinel.etag, committed)


async def garbage_load(store: TaskHubStore, instance_id: InstanceId) -> Snapshot:
    """Break the invariant of the record: what lies above the sequence number is shown."""
    page = await store.read_page(instance_id, first=0)
    if page.sentinel is None:
        return Snapshot()
    rows = tuple(decode_row(ordinal, columns) for ordinal, columns in page.rows)
    record = decode_record(instance_id, page.sentinel.columns)
    return Snapshot(record, page.sentinel.etag, rows)


def narrow_memory(rows_per_page_max: int = 4) -> MemoryStore:
    """Make a memory store that takes few rows at once."""
    return MemoryStore(
        now=lambda: BEGIN, rows_per_transaction_max=4, rows_per_page_max=rows_per_page_max
    )


async def test_the_law_catches_unfenced_chunks() -> None:
    """Without C1 a slow writer's chunks lie over what a faster one has committed."""
    law = Law(load=partition.load, commit=unfenced_commit)
    with pytest.raises(AssertionError, match="slow"):
        await law.a_slow_writer_overwrites_nothing(narrow_memory(), any_instance, rows=11)


async def test_the_law_catches_a_sentinel_read_last() -> None:
    """Without C3 a torn row of page 1 passes for one that was committed meanwhile."""
    law = Law(load=sentinel_last_load, commit=partition.commit)
    with pytest.raises(AssertionError, match="torn"):
        await law.a_load_shows_what_was_committed(narrow_memory(), any_instance, rows=11)


async def test_the_law_catches_garbage_that_is_shown() -> None:
    """A load that trusts every row shows a commit that never happened."""
    law = Law(load=garbage_load, commit=partition.commit)
    with pytest.raises(AssertionError, match="not whole"):
        await law.a_load_shows_what_was_committed(narrow_memory(1000), any_instance, rows=11)


async def test_the_unfenced_mutant_is_right_when_it_is_alone() -> None:
    """It is the race that it loses; without one, it does what the true one does."""
    store, instance_id = narrow_memory(), any_instance()
    before = await append(store, partition.commit, instance_id, Snapshot(), "start", 2)
    await append(store, unfenced_commit, instance_id, before, "alone", 11)
    assert names_of(await partition.load(store, instance_id)) == ["start", "alone"]


async def test_the_sentinel_last_mutant_is_right_when_it_is_alone() -> None:
    """It is the race that it loses; without one, it reads what the true one reads."""
    store, instance_id = narrow_memory(), any_instance()
    await append(store, partition.commit, instance_id, Snapshot(), "start", 11)
    assert await sentinel_last_load(store, instance_id) == await partition.load(store, instance_id)


async def test_a_load_beside_a_new_life_and_its_collection_loses_nothing(
    narrow: TaskHubStore,
) -> None:
    """C3: wherever in a load another life begins and the old rows go, one of the two is read whole.

    Old rows that are missing are no hole in the history: the sentinel has moved on.
    """

    async def begin_anew(one: InstanceId, before: Snapshot) -> None:
        record, rows = appended(before, "new", 3)
        anew = replace(record, life_id=ExecutionId("life-2"), base=OLD_ROWS, generation=2)
        await partition.commit(narrow, one, before, anew, rows)
        for first in range(0, OLD_ROWS, 4):
            await narrow.delete_rows(one, range(first, min(first + 4, OLD_ROWS)))

    read: Counter[int] = Counter()
    for call in range(6):  # the last is behind the load
        one = any_instance()
        before = await append(narrow, partition.commit, one, Snapshot(), "old", OLD_ROWS)
        beside, _ = interleaved(narrow, call, partial(begin_anew, one, before))
        found = await partition.load(beside, one)
        assert found.record is not None
        base = found.record.base
        ordinals = [row.ordinal for row in found.rows if row.ordinal >= base]
        assert ordinals == list(range(base, found.record.sequence + 1))
        read[found.record.generation] += 1
    assert set(read) == {1, 2}
