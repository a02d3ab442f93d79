"""Bugs in the projection (rule H) and in payloads (rule I)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from durable.engine import proposals, work_items
from durable.engine.chapters import Chapter
from durable.engine.episode_rows import record_after
from durable.engine.orchestrations import Orchestrations
from durable.engine.turn import Turn
from durable.model.codec import Column, Columns
from durable.model.history import HistoryEvent
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import encode_summary
from durable.storage import payloads, summaries
from durable.storage.payloads import NewId, fetch_payloads, spill_rows
from durable.storage.port import BlobStore
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_turn_dispatch = Orchestrations._dispatch
_spill_row = payloads._spill_row


@mutant(proposals, "record_after", rule="H")
def a_change_of_status_is_not_counted(
    chapter: Chapter,
    before: InstanceRecord | None,
    rows: Sequence[HistoryRow],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """The record does not count what lists must show.

    Its summary seems to be as new, and shows Running for ever.
    """
    record = record_after(chapter, before, rows, sent=sent, now=now, commit_id=commit_id)
    return replace(record, status_sequence=chapter.opened.status_sequence)


@mutant(summaries, "encode_summary", rule="H", shown_by=("custom status, kept",))
def lists_show_the_status_alone(record: InstanceRecord, *, task_hub: str) -> dict[str, Column]:
    """What the orchestrator says of itself is left out of the lists."""
    return encode_summary(replace(record, custom_status=None), task_hub=task_hub)


@mutant(summaries, "_count", rule="H")
def the_projection_goes_backwards(columns: Columns) -> int:
    """Whatever stands in the projection counts as older.

    A host that slept brings back Running over Completed (hole H13).
    """
    return -1


class _Nowhere:
    """A container that keeps nothing."""

    async def put_blob(self, name: str, text: str) -> None:
        del name, text

    async def read_blob(self, name: str) -> str:
        raise NotImplementedError(name)

    async def delete_blobs(self, names: object) -> None:
        raise NotImplementedError(names)


@mutant_of_many(rule="I", shown_by=("large values",))
@contextmanager
def blob_put_after_the_commit() -> Iterator[None]:
    """Large payloads are written when the rows that name them are committed.

    Until then, and for ever if the writer dies, the history names what does not exist.
    """

    async def only_name(
        store: BlobStore, ids: NewId, instance_id: InstanceId, rows: Sequence[HistoryRow]
    ) -> tuple[HistoryRow, ...]:
        del store
        return await spill_rows(_Nowhere(), ids, instance_id, rows)

    async def put_then_dispatch(self: Orchestrations, turn: Turn) -> None:
        for row in turn.committed.rows if turn.committed else ():
            texts = dict(payloads._texts(row.event))
            for column, name in row.blobs.items():
                await self._store.put_blob(name, texts[column])
        await _turn_dispatch(self, turn)

    with (
        replaced(proposals, "spill_rows", only_name),
        replaced(Orchestrations, "_dispatch", put_then_dispatch),
    ):
        yield


class _Numbered:
    """Ids that are a row's number."""

    def __init__(self, ordinal: int) -> None:
        self._ordinal = ordinal

    def new_id(self) -> str:
        return f"{self._ordinal:016X}"


@mutant(payloads, "_spill_row", rule="I", shown_by=("large values in bursts",))
async def blobs_named_by_the_row_number_alone(
    store: BlobStore, ids: NewId, instance_id: InstanceId, row: HistoryRow
) -> HistoryRow:
    """The name of a blob has no fresh id.

    Of two commits that race for one row number, the loser's payload overwrites the winner's.
    """
    return await _spill_row(store, _Numbered(row.ordinal), instance_id, row)


@mutant(work_items, "fetch_payloads", rule="I", shown_by=("large values",))
async def an_input_deleted_by_the_activity_that_read_it(
    store: BlobStore, event: HistoryEvent, blobs: Mapping[str, str]
) -> HistoryEvent:
    """The blob of an activity's input is deleted when it was read.

    The row that scheduled the activity, and each copy of the message, still name it.
    """
    fetched = await fetch_payloads(store, event, blobs)
    await store.delete_blobs(blobs.values())
    return fetched
