"""Collect what is left behind.

That is rows of ended executions, the blobs that they alone name, and messages that were stashed
and have been taken.

Never those of an unsent episode (rule F): such an episode is adopted first, that is sent again and
taken out (rule A9). Ordinals are never reused, so a collector that slept deletes nothing new.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from durable.engine.dispatch import Dispatcher
from durable.engine.warm import InstanceState
from durable.model.history import EntityOperationSignaled, answered_task_id
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.storage.port import Key, StorageOutcome, TaskHubStore

logger = logging.getLogger("durable")

# Entities commit often, and their old rows are cheap to read: they go many at a time.
ENTITY_GARBAGE_MIN = 64
# What another host has committed it is about to send; only much later nobody will.
ADOPTED_AFTER = timedelta(minutes=10)


async def collect(
    store: TaskHubStore, dispatcher: Dispatcher, instance_id: InstanceId, state: InstanceState
) -> None:
    """Delete what is old. A fault only leaves it for the next time."""
    record = state.snapshot.record
    rows = state.snapshot.rows
    if record is None:
        return
    if record.entity is not None and not _is_worth_it(record, state):
        return
    is_clean = not rows or rows[0].ordinal >= record.base
    if is_clean and not state.garbage:
        return
    try:
        if record.entity is None or _is_overdue(record, state):
            await _adopt(dispatcher, instance_id, state)
        await _delete(store, instance_id, state)
    except StorageOutcome as outcome:
        logger.info("instance=%s old rows stay for now: %s", instance_id, outcome)


async def delete_spent(store: TaskHubStore, names: Iterable[str]) -> None:
    """Delete blobs that a commit has left unnamed. A fault leaves them for ever."""
    if not names:
        return
    try:
        await store.delete_blobs(sorted(names))
    except StorageOutcome as outcome:
        logger.info("payloads that nobody needs stay for ever: %s", outcome)


async def discard(
    store: TaskHubStore,
    state: InstanceState,
    unused: Sequence[TaskMessage],
    *,
    still_open: Sequence[TaskMessage],
) -> None:
    """Delete the payloads of messages that were of no use: second answers, late messages.

    A sender makes them anew each time that it sends, so nobody else names them, but for another
    copy of the very message, which may be recorded, or `still_open` for the next round. What a
    client sends is not like that: a start that is put again keeps its payload.
    """
    names = {
        name for message in unused if _is_made_anew(message) for name in message.blobs.values()
    }
    for row in state.snapshot.rows if names else ():
        names.difference_update(row.blobs.values())
    kept = (*state.stash.messages, *state.queue.messages, *still_open) if names else ()
    for message in kept:
        names.difference_update(message.blobs.values())
    await delete_spent(store, names)


def _is_made_anew(message: TaskMessage) -> bool:
    """Whether nobody else will send a message that names these payloads and is of use.

    A signal that a client has put twice is of use once.
    """
    event = message.event
    is_answer = answered_task_id(event) is not None
    return message.origin is not None or is_answer or isinstance(event, EntityOperationSignaled)


def _is_worth_it(record: InstanceRecord, state: InstanceState) -> bool:
    """Whether an entity has left so much that a transaction may be spent on it."""
    sent = sum(row.episode not in record.unsent for row in state.snapshot.rows)
    is_overdue = _is_overdue(record, state)
    return is_overdue or sent + len(state.garbage) >= ENTITY_GARBAGE_MIN


def _is_overdue(record: InstanceRecord, state: InstanceState) -> bool:
    """Whether an entity's oldest row should have been sent long ago, but for a host that died."""
    horizon = record.updated_at - ADOPTED_AFTER
    first = next(iter(state.snapshot.rows), None)
    return first is not None and first.episode in record.unsent and first.event.timestamp < horizon


async def _adopt(dispatcher: Dispatcher, instance_id: InstanceId, state: InstanceState) -> None:
    record = state.snapshot.record
    assert record is not None
    old = {row.episode for row in state.snapshot.rows if row.ordinal < record.base}
    if old & record.unsent:
        await dispatcher.resend(instance_id, state, record.episode)


async def _delete(store: TaskHubStore, instance_id: InstanceId, state: InstanceState) -> None:
    snapshot = state.snapshot
    record = snapshot.record
    assert record is not None
    names = state.garbage
    old: list[HistoryRow] = []
    kept: list[HistoryRow] = []
    for row in snapshot.rows:
        is_old = row.ordinal < record.base and row.episode not in record.unsent
        (old if is_old else kept).append(row)
    queued = {blob for blobs in state.queue.garbage.values() for blob in blobs}
    if queued:  # their rows are the last to name them
        await store.delete_blobs(sorted(queued))
    rows_max = store.rows_per_transaction_max
    keys: list[Key] = [*(row.ordinal for row in old), *names]
    for first in range(0, len(keys), rows_max):
        await store.delete_rows(instance_id, keys[first : first + rows_max])
    live_blobs = {name for row in kept for name in row.blobs.values()} | set(record.blobs.values())
    dead_blobs = {name for row in old for name in row.blobs.values()} - live_blobs
    if dead_blobs:
        await store.delete_blobs(sorted(dead_blobs))
    state.forget_rows(kept, names)
