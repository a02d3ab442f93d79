"""The projection: the Instances table shows what the sentinel says, or something older (rule H).

It is only ever replaced by something newer, by the record's own count of visible changes: a host
that slept must not bring back "Running" over "Completed".
"""

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import encode_summary
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
    the read is saved; if the guess is wrong it costs one failed write.
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
            return await store.write_summary(instance_id, columns, etag=etag)
        except LostRace:
            must_read = True
    raise StorageFault(
        f"The summary of instance '{instance_id}' changes faster than it can be read."
    )


def _count(columns: Columns) -> int:
    """Read the count of a summary; one that another engine wrote has none and is older."""
    count = columns.get("StatusSequence")
    return count if isinstance(count, int) else -1
