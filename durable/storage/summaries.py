"""The projection: the Instances table shows what the sentinel says, or something older (rule H).

It is only ever replaced by something newer, by the record's own count of visible changes: a host
that slept must not bring back "Running" over "Completed". What is purged leaves the table; there it
is the tombstone that tells a host which slept that it must not show the instance again.
"""

import contextlib

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import decode_record, encode_summary
from durable.storage.port import ETag, LostRace, StorageFault, TaskHubStore

ATTEMPTS_MAX = 20


async def show(
    store: TaskHubStore,
    instance_id: InstanceId,
    record: InstanceRecord,
    *,
    etag: ETag | None,
    is_first: bool = False,
) -> ETag | None:
    """Show the record; return the ETag that it now has, `None` where something newer stands.

    With `etag`, what this process wrote last, or `is_first`, nothing was ever shown for this id,
    the read is saved; if the guess is wrong it costs one failed write. A row that is new to the
    table costs a read of the sentinel, but for the first one.
    """
    columns = encode_summary(record, task_hub=store.task_hub)
    must_read = etag is None and not is_first
    for _ in range(ATTEMPTS_MAX):
        if must_read:
            current = await store.read_summary(instance_id)
            if current is not None and _count(current.columns) >= record.status_sequence:
                return None
            etag = current.etag if current is not None else None
        try:
            written = await store.write_summary(instance_id, columns, etag=etag)
        except LostRace:
            must_read = True
            continue
        if etag is None and must_read and await _is_purged(store, instance_id):
            with contextlib.suppress(LostRace):
                await store.delete_summary(instance_id, etag=written)
            return None
        return written
    raise _restless(instance_id)


async def remove(store: TaskHubStore, instance_id: InstanceId, record: InstanceRecord) -> None:
    """Take a purged instance out of the lists, unless they show something newer than this record.

    The tombstone must be committed already.
    """
    for _ in range(ATTEMPTS_MAX):
        current = await store.read_summary(instance_id)
        if current is None or _count(current.columns) > record.status_sequence:
            return
        try:
            await store.delete_summary(instance_id, etag=current.etag)
        except LostRace:
            continue
        return
    raise _restless(instance_id)


async def _is_purged(store: TaskHubStore, instance_id: InstanceId) -> bool:
    sentinel = await store.read_sentinel(instance_id)
    return sentinel is not None and decode_record(instance_id, sentinel.columns).is_purged


def _restless(instance_id: InstanceId) -> StorageFault:
    return StorageFault(
        f"The summary of instance '{instance_id}' changes faster than it can be read."
    )


def _count(columns: Columns) -> int:
    """Read the count of a summary; one that another engine wrote has none and is older."""
    count = columns.get("StatusSequence")
    return count if isinstance(count, int) else -1
