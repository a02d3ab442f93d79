"""What of an instance may not have been sent, made anew from its rows (rules A2, A9)."""

from collections.abc import Iterable
from dataclasses import replace

from durable.model.history import ExecutionStarted, TimerFired, answered_task_id
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.rewinding import effective
from durable.storage.outbox import Outgoing, leaves, outbox
from durable.storage.partition import Snapshot
from durable.storage.payloads import fetch_all
from durable.storage.port import BlobStore


async def unsent_messages(
    store: BlobStore, instance_id: InstanceId, snapshot: Snapshot, episodes: frozenset[int]
) -> list[Outgoing]:
    """List the messages of these episodes, flagged `again`, but for those that are of no use.

    Raises `BlobMissing` where a payload of theirs is gone.
    """
    record = snapshot.record
    if record is None or not episodes:
        return []
    rows = [row for row in snapshot.rows if row.episode in episodes]
    answered = {
        task_id
        for row in effective(snapshot.rows, record.execution_id)
        if record.entity is None and (task_id := answered_task_id(row.event)) is not None
    }
    return [
        outgoing
        for outgoing in outbox(instance_id, await _filled(store, rows), again=True)
        if is_wanted(outgoing, record) and not _is_answered(outgoing, answered)
    ]


def is_wanted(outgoing: Outgoing, record: InstanceRecord) -> bool:
    """Work, timers and wakes are of use only while the execution that they are for waits."""
    message = outgoing.message
    if record.entity is not None and isinstance(message.event, TimerFired):
        return message.event.timer_id in record.entity.scheduled
    if outgoing.to_itself:
        return message.execution_id == record.execution_id and not record.status.is_terminal
    if isinstance(message.event, ExecutionStarted) and message.origin is None:
        return message.execution_id == record.execution_id and record.is_pending
    return True


def _is_answered(outgoing: Outgoing, answered: set[int]) -> bool:
    if not outgoing.to_itself:
        return False
    event = outgoing.message.event
    task_id = answered_task_id(event)
    return (event.event_id if task_id is None else task_id) in answered


async def _filled(store: BlobStore, rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """Fetch the payloads of what goes to other instances; what goes to itself names its blob."""
    listed = list(rows)
    far = [row for row in listed if leaves(row.event)]
    events = dict(
        zip(
            (row.ordinal for row in far),
            await fetch_all(store, [(row.event, row.blobs) for row in far]),
            strict=True,
        )
    )
    return [replace(row, event=events.get(row.ordinal, row.event)) for row in listed]
