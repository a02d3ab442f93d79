"""Collect what is left behind.

That is rows of ended executions, the blobs that they alone name, and messages that were stashed
and have been taken.

Never those of an unsent episode (rule F): such an episode is adopted first, that is sent again and
taken out (rule A9). Ordinals are never reused, so a collector that slept deletes nothing new.
"""

import logging
from collections.abc import Sequence

from durable.engine.dispatch import Dispatcher
from durable.engine.warm import InstanceState
from durable.model.history import answered_task_id
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.storage.port import Key, StorageOutcome, TaskHubStore

logger = logging.getLogger("durable")


async def collect(
    store: TaskHubStore, dispatcher: Dispatcher, instance_id: InstanceId, state: InstanceState
) -> None:
    """Delete what is old. A fault only leaves it for the next time."""
    record = state.snapshot.record
    rows = state.snapshot.rows
    if record is None:
        return
    is_clean = not rows or rows[0].ordinal >= record.base
    if is_clean and not state.stash.garbage and not state.seals.outlived:
        return
    try:
        await _adopt(dispatcher, instance_id, state)
        await _delete(store, instance_id, state)
    except StorageOutcome as outcome:
        logger.info("instance=%s old rows stay for now: %s", instance_id, outcome)


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
        name
        for message in unused
        if message.origin is not None or answered_task_id(message.event) is not None
        for name in message.blobs.values()
    }
    for row in state.snapshot.rows if names else ():
        names.difference_update(row.blobs.values())
    for message in (*state.stash.messages, *still_open) if names else ():
        names.difference_update(message.blobs.values())
    if not names:
        return
    try:
        await store.delete_blobs(sorted(names))
    except StorageOutcome as outcome:
        logger.info("payloads that nobody needs stay for ever: %s", outcome)


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
    names = [*state.stash.garbage, *sorted(state.seals.outlived)]
    old: list[HistoryRow] = []
    kept: list[HistoryRow] = []
    for row in snapshot.rows:
        is_old = row.ordinal < record.base and row.episode not in record.unsent
        (old if is_old else kept).append(row)
    rows_max = store.rows_per_transaction_max
    keys: list[Key] = [*(row.ordinal for row in old), *names]
    for first in range(0, len(keys), rows_max):
        await store.delete_rows(instance_id, keys[first : first + rows_max])
    live_blobs = {name for row in kept for name in row.blobs.values()} | set(record.blobs.values())
    dead_blobs = {name for row in old for name in row.blobs.values()} - live_blobs
    if dead_blobs:
        await store.delete_blobs(sorted(dead_blobs))
    state.forget_rows(kept, names)
