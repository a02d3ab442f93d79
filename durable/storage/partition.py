"""One instance's partition as a whole: loads of many pages, commits of many rows (rule C).

C1  A commit that does not fit is written in chunks. Each is a transaction of InsertOrReplace rows
    *with the sentinel under If-Match*, unchanged in meaning; its new ETag is the next one's
    condition. Without that fence a slow writer overwrites rows that a faster one has committed.
C2  Rows are inserted or replaced, never just inserted: a torn commit may have left rows there.
C3  A load that needs more than one page throws the first away, reads the sentinel FIRST, then pages
    up to its sequence number. With the sentinel read last, a torn row of page 1 would pass for a
    row that somebody committed in between. Rows above the sequence number are garbage.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from durable.model.codec import Columns, decode_row, encode_row
from durable.model.errors import MalformedMessageError
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord, stub_of
from durable.model.records import decode_record, encode_record
from durable.storage.port import ETag, InstanceStore, Key, StorageFault, Versioned

# The service takes 4 MiB a transaction; the multipart frame and our estimate of it need the rest.
TRANSACTION_BYTES_MAX = 3 * 1024 * 1024
ROW_OVERHEAD_BYTES = 1500
COLUMN_OVERHEAD_BYTES = 60

LOADS_MAX = 10

RawRow = tuple[int, Columns]
KeyedRow = tuple[Key, Columns]


class HistoryGapError(MalformedMessageError):
    """Rows that the sentinel of this ETag promises were not found."""

    def __init__(self, instance_id: InstanceId, missing: Sequence[int], etag: ETag) -> None:
        """Name the rows."""
        super().__init__(instance_id, missing, etag)
        self.etag = etag

    def __str__(self) -> str:
        """Say what is missing, as far as a sentence can."""
        instance_id, missing, _ = self.args
        return f"The history of instance '{instance_id}' lacks the rows {list(missing)[:10]}."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An instance as it was at one ETag: its record and its committed rows in order.

    `named` are its named rows. What they mean and which of them count is not said here
    (`engine/stash`, `engine/seals`). An instance that does not exist has neither record nor ETag.
    """

    record: InstanceRecord | None = None
    etag: ETag | None = None
    rows: tuple[HistoryRow, ...] = ()
    named: Mapping[str, Columns] = field(default_factory=dict)


async def load(
    store: InstanceStore, instance_id: InstanceId, known: Snapshot | None = None
) -> Snapshot:
    """Read an instance; with `known`, read only what came after it, unless another life began.

    A history of many pages may be collected while it is read, because another life began: what is
    missing then is read anew. Only an unchanged sentinel makes it a loss, which is told as a
    `MalformedMessageError`.
    """
    for _ in range(LOADS_MAX):
        try:
            return await _load(store, instance_id, known)
        except HistoryGapError as gap:
            sentinel = await store.read_sentinel(instance_id)
            if sentinel is None or sentinel.etag == gap.etag:
                raise
            known = None
    raise StorageFault(f"Instance '{instance_id}' changes faster than it can be read.")


async def _load(store: InstanceStore, instance_id: InstanceId, known: Snapshot | None) -> Snapshot:
    if known is None or known.record is None or known.record.entity is not None:
        # Of an entity few rows are kept, and another host may have deleted those that we know.
        return await _load_from(store, instance_id, 0, ())
    newer = await _load_from(store, instance_id, known.record.sequence + 1, known.rows)
    if newer.record is None or newer.record.life_id == known.record.life_id:
        return newer
    # Another life under the same id: ordinals went on, but the rows that we know may be gone.
    return await _load_from(store, instance_id, 0, ())


async def _load_from(
    store: InstanceStore, instance_id: InstanceId, first: int, before: tuple[HistoryRow, ...]
) -> Snapshot:
    page = await store.read_page(instance_id, first=first)
    if page.more:
        sentinel = await store.read_sentinel(instance_id)
        rows, named = await _read_up_to(store, instance_id, first, sentinel)
    else:
        sentinel, rows, named = page.sentinel, page.rows, page.named
    if sentinel is None:
        return Snapshot()
    record = decode_record(instance_id, sentinel.columns)
    committed = tuple(
        decode_row(ordinal, columns) for ordinal, columns in rows if ordinal <= record.sequence
    )
    _refuse_gaps(instance_id, record, sentinel.etag, first, committed)
    return Snapshot(record, sentinel.etag, before + committed, dict(named))


def _refuse_gaps(
    instance_id: InstanceId,
    record: InstanceRecord,
    etag: ETag,
    first: int,
    rows: Sequence[HistoryRow],
) -> None:
    """A history with a hole would replay as another one. Only what is collected may be missing."""
    current = [row.ordinal for row in rows if row.ordinal >= record.base]
    expected = range(max(first, record.base), record.sequence + 1)
    if current != list(expected):
        missing = sorted(set(expected) - set(current))
        raise HistoryGapError(instance_id, missing, etag)


async def _read_up_to(
    store: InstanceStore, instance_id: InstanceId, first: Key, sentinel: Versioned | None
) -> tuple[Sequence[RawRow], Sequence[tuple[str, Columns]]]:
    """Read all pages. Rows that are torn, or younger than the sentinel, are the caller's to skip.

    A named row that is younger than the sentinel does no harm: whoever commits on what was read
    here fails, and what a message says is the same in every copy of it.
    """
    rows: list[RawRow] = []
    named: list[tuple[str, Columns]] = []
    while sentinel is not None:
        page = await store.read_page(instance_id, first=first)
        rows.extend(page.rows)
        named.extend(page.named)
        if not page.more:
            break
        first = page.named[-1][0] + "!" if page.named else page.rows[-1][0] + 1
    return rows, named


async def commit(
    store: InstanceStore,
    instance_id: InstanceId,
    before: Snapshot,
    record: InstanceRecord,
    rows: Sequence[HistoryRow],
    *,
    named: Mapping[str, Columns] | None = None,
) -> Snapshot:
    """Write rows and record so that all of it counts or nothing does; return what now stands there.

    Raises `LostRace` or a `StorageFault`; in either case at most garbage rows were left.
    """
    etag = before.etag
    sentinel = encode_record(record)
    named = named or {}
    keyed: list[KeyedRow] = [(row.ordinal, encode_row(row)) for row in rows]
    chunks = list(_chunks([*keyed, *named.items()], store.rows_per_transaction_max - 1))
    for chunk in chunks[:-1]:
        # The fence: the sentinel as it was, so that this chunk fails if anybody committed since.
        fence = encode_record(before.record or stub_of(record))
        etag = await store.transact(instance_id, chunk, fence, etag=etag)
    etag = await store.transact(instance_id, chunks[-1], sentinel, etag=etag)
    return Snapshot(
        record,
        etag,
        (*before.rows, *rows),
        {**before.named, **named} if named else before.named,
    )


def _chunks(rows: Sequence[KeyedRow], rows_max: int) -> Iterator[Sequence[KeyedRow]]:
    """Cut by count and by bytes, counted as the SDKs print them: a letter beyond ASCII is six."""
    chunk: list[KeyedRow] = []
    size = 0
    for row in rows:
        row_size = ROW_OVERHEAD_BYTES + sum(
            COLUMN_OVERHEAD_BYTES + (len(json.dumps(value)) if isinstance(value, str) else 8)
            for value in row[1].values()
        )
        if chunk and (len(chunk) >= rows_max or size + row_size > TRANSACTION_BYTES_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += row_size
    yield chunk
