"""The projection: the Instances table shows what the sentinel says, or something older (rule H).

It is only ever replaced by something newer, by the record's own count of visible changes: a host
that slept must not bring back "Running" over "Completed".
"""

from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import encode_summary
from durable.storage.port import ETag, LostRace, StorageFault, TaskHubStore

ATTEMPTS_MAX = 20


async def show(
    store: TaskHubStore, instance_id: InstanceId, record: InstanceRecord, *, etag: ETag | None
) -> ETag | None:
    """Show the record; return the ETag that it now has, `None` where something newer stands.

    `etag` is what this process wrote last, if it did; with it the read is saved.
    """
    columns = encode_summary(record, task_hub=store.task_hub)
    is_guess = etag is not None
    for _ in range(ATTEMPTS_MAX):
        if not is_guess:
            current = await store.read_summary(instance_id)
            if current is not None and _count(current.columns.get("StatusSequence")) >= record.status_sequence:
                return None
            etag = current.etag if current is not None else None
        try:
            return await store.write_summary(instance_id, columns, etag=etag)
        except LostRace:
            is_guess = False
    raise StorageFault(f"The summary of instance '{instance_id}' changes faster than it can be read.")


def _count(value: object) -> int:
    return value if isinstance(value, int) else -1
