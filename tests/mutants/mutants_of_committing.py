"""Bugs in committing and loading: the ETag, chunks and pages (rules C), and what a loser keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from durable.engine.orchestrations import Orchestrations
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState
from durable.model.codec import Columns, decode_row
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import decode_record
from durable.storage import partition
from durable.storage.memory import MemoryStore
from durable.storage.partition import Snapshot
from durable.storage.port import ETag, InstanceStore, LostRace
from tests.mutants.mutant import mutant

_write = Orchestrations._write
_commit = partition.commit
_transact = MemoryStore.transact


@mutant(Orchestrations, "_write", rule="A2: unknown outcome")
async def unknown_outcome_taken_for_success(
    self: Orchestrations, turn: Turn, state: InstanceState, proposal: Proposal
) -> bool:
    """A commit whose answer was lost is taken for done.

    Where it was not applied, what never happened is sent and the messages are acknowledged.
    """
    return await _write(self, turn, state, proposal) or turn.is_tried


@mutant(Orchestrations, "_write", rule="A2: unknown outcome")
async def unknown_outcome_taken_for_failure(
    self: Orchestrations, turn: Turn, state: InstanceState, proposal: Proposal
) -> bool:
    """A commit whose answer was lost gives no duty.

    Where it is applied later, or was overtaken at once, its messages are found to be known and
    nobody sends its episode.
    """
    stands = await _write(self, turn, state, proposal)
    turn.is_tried = False
    return stands


@mutant(partition, "commit", rule="semantics 5.4: ETag dropped")
async def commits_over_whatever_stands(
    store: InstanceStore,
    instance_id: InstanceId,
    before: Snapshot,
    record: InstanceRecord,
    rows: Sequence[HistoryRow],
    *,
    named: Mapping[str, Columns] | None = None,
) -> Snapshot:
    """The commit is conditional on the ETag of now, not on that of the state it was decided on.

    What somebody else committed in between is overwritten.
    """
    sentinel = await store.read_sentinel(instance_id)
    now = replace(before, etag=sentinel.etag if sentinel else None)
    return await _commit(store, instance_id, now, record, rows, named=named)


@mutant(partition, "commit", rule="semantics 5.4: ETag dropped")
async def a_lost_race_repeated_with_the_old_decision(
    store: InstanceStore,
    instance_id: InstanceId,
    before: Snapshot,
    record: InstanceRecord,
    rows: Sequence[HistoryRow],
    *,
    named: Mapping[str, Columns] | None = None,
) -> Snapshot:
    """The loser of a race fetches the new ETag and tries again with the decision that it has.

    What the winner committed is overwritten.
    """
    try:
        return await _commit(store, instance_id, before, record, rows, named=named)
    except LostRace:
        sentinel = await store.read_sentinel(instance_id)
        now = replace(before, etag=sentinel.etag if sentinel else None)
        return await _commit(store, instance_id, now, record, rows, named=named)


@mutant(Orchestrations, "_write", rule="J: after a lost race")
async def live_generator_kept_after_a_lost_race(
    self: Orchestrations, turn: Turn, state: InstanceState, proposal: Proposal
) -> bool:
    """A generator that has run ahead of a commit which never happened decides once more.

    It asks for nothing any more, and what it asked for is nowhere recorded.
    """
    state.live = None  # out of sight, or the original would drop it
    stands = await _write(self, turn, state, proposal)
    if not stands:
        state.live = proposal.live
    return stands


@mutant(
    Orchestrations,
    "_write",
    rule="F: collection",
    shown_by=("race, then its loser", "terminated, then started again"),
)
async def old_rows_deleted_before_the_commit(
    self: Orchestrations, turn: Turn, state: InstanceState, proposal: Proposal
) -> bool:
    """The history of the life before is deleted before the commit that begins the new one.

    If that does not come about, the instance has lost the history that it still has.
    """
    old = [row.ordinal for row in state.snapshot.rows if row.ordinal < proposal.record.base]
    rows_max = self._store.rows_per_transaction_max
    for first in range(0, len(old), rows_max):
        await self._store.delete_rows(turn.instance_id, old[first : first + rows_max])
    return await _write(self, turn, state, proposal)


@mutant(MemoryStore, "transact", rule="C1")
async def chunks_without_if_match(
    self: MemoryStore,
    instance_id: InstanceId,
    rows: Sequence[tuple[int, Columns]],
    sentinel: Columns,
    *,
    etag: ETag | None,
) -> ETag | None:
    """A chunk goes as rows alone, without the sentinel under If-Match.

    A slow writer overwrites rows that a faster one has committed meanwhile (hole H7b).
    """
    last = sentinel["Sequence"]
    assert isinstance(last, int)
    if rows and rows[0][0] > last:  # a sentinel that does not count the rows is the fence
        self.rows.setdefault(instance_id, {}).update((n, dict(columns)) for n, columns in rows)
        return etag
    return await _transact(self, instance_id, rows, sentinel, etag=etag)


@mutant(partition, "commit", rule="C1")
async def the_first_chunk_moves_the_sequence_number(
    store: InstanceStore,
    instance_id: InstanceId,
    before: Snapshot,
    record: InstanceRecord,
    rows: Sequence[HistoryRow],
    *,
    named: Mapping[str, Columns] | None = None,
) -> Snapshot:
    """Each chunk carries the new record, not the one that stands.

    After the first chunk the history has rows that do not exist yet, and will not if the writer
    dies.
    """
    early = replace(before, record=record)
    return await _commit(store, instance_id, early, record, rows, named=named)


@mutant(MemoryStore, "transact", rule="C2")
async def rows_inserted_not_replaced(
    self: MemoryStore,
    instance_id: InstanceId,
    rows: Sequence[tuple[int, Columns]],
    sentinel: Columns,
    *,
    etag: ETag | None,
) -> ETag:
    """Rows are inserted, and one that is there already is a conflict.

    The rows of a commit that was cut off are in the way of each later one (hole H7a).
    """
    if self.rows.get(instance_id, {}).keys() & {ordinal for ordinal, _ in rows}:
        raise LostRace(f"a row of {instance_id} is there already")
    return await _transact(self, instance_id, rows, sentinel, etag=etag)


@mutant(MemoryStore, "transact", rule="C2")
async def rows_merged_not_replaced(
    self: MemoryStore,
    instance_id: InstanceId,
    rows: Sequence[tuple[int, Columns]],
    sentinel: Columns,
    *,
    etag: ETag | None,
) -> ETag:
    """Rows are merged into what is there.

    Columns of a commit that was cut off show through, a message id or a blob name among them.
    """
    torn = self.rows.get(instance_id, {})
    merged = [(ordinal, {**torn.get(ordinal, {}), **columns}) for ordinal, columns in rows]
    return await _transact(self, instance_id, merged, sentinel, etag=etag)


@mutant(partition, "_load_from", rule="C3")
async def sentinel_read_last(
    store: InstanceStore, instance_id: InstanceId, first: int, before: tuple[HistoryRow, ...]
) -> Snapshot:
    """Many pages are read as they come, the sentinel with the last.

    A torn row of the first page, replaced meanwhile, passes for what was committed (hole H7c).
    """
    page = await store.read_page(instance_id, first=first)
    raw = list(page.rows)
    while page.more:
        page = await store.read_page(instance_id, first=raw[-1][0] + 1 if raw else first)
        raw.extend(page.rows)
    if page.sentinel is None:
        return Snapshot()
    record = decode_record(instance_id, page.sentinel.columns)
    rows = tuple(decode_row(n, columns) for n, columns in raw if n <= record.sequence)
    etag = page.sentinel.etag
    partition._refuse_gaps(instance_id, record, etag, first, rows)
    return Snapshot(record, etag, before + rows)


@mutant(partition, "_load_from", rule="C3")
async def rows_above_the_sequence_number_believed(
    store: InstanceStore, instance_id: InstanceId, first: int, before: tuple[HistoryRow, ...]
) -> Snapshot:
    """The last row that is there is taken for the last one committed.

    What a commit that was cut off has left is replayed, and built upon.
    """
    page = await store.read_page(instance_id, first=first)
    sentinel = page.sentinel or await store.read_sentinel(instance_id)
    raw = list(page.rows)
    while page.more and page.rows:
        page = await store.read_page(instance_id, first=raw[-1][0] + 1)
        raw.extend(page.rows)
    if sentinel is None:
        return Snapshot()
    record = decode_record(instance_id, sentinel.columns)
    rows = tuple(decode_row(n, columns) for n, columns in raw)
    record = replace(record, sequence=rows[-1].ordinal if rows else record.sequence)
    partition._refuse_gaps(instance_id, record, sentinel.etag, first, rows)
    return Snapshot(record, sentinel.etag, before + rows)
