"""Purge: forget an instance that has ended, but not what its id must remember (rule E1).

An entity never ends. It may be forgotten while nobody could tell: when it has no state, nobody
holds it, and nothing waits in its queue (rule L).

1  send, flagged `again`, all that may not have been sent: the rows that tell it go
2  replace the record by a tombstone, if nobody wrote in between: generation, ordinals and
   watermarks stay, so that a message that comes late finds what it must be judged by
3  delete rows and blobs, as far as they were read before the tombstone stood

Of an entity the tombstone also keeps the ids of clients' messages, for they name no life, the
numbers of its outgoing streams, and how far places and locks were counted.

A purge may be cut off anywhere and be repeated. One that slept deletes nothing of a later life:
ordinals are never used twice, and the names of blobs neither.
"""

from dataclasses import replace

from durable.model.codec import Columns
from durable.model.entities import EntityRecord
from durable.model.envelopes import decode_message
from durable.model.environment import Environment
from durable.model.errors import (
    EntityInUseError,
    InstanceNotEndedError,
    MalformedMessageError,
)
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import encode_record
from durable.storage import partition, summaries
from durable.storage.partition import Snapshot
from durable.storage.port import (
    BlobMissing,
    Key,
    LostRace,
    OutcomeUnknown,
    StorageFault,
    TaskHubStore,
)
from durable.storage.resending import unsent_messages
from durable.storage.sending import send

ATTEMPTS_MAX = 20
# The column of what waits for an execution to begin. What waits for its turn in a stream stays:
# without it the stream would stand still for ever.
WAITS_FOR = "WaitsFor"
# What an entity has accepted and not served: `queue-` and the place in hexadecimal digits.
QUEUED = "queue-"


async def purge(store: TaskHubStore, environment: Environment, instance_id: InstanceId) -> bool:
    """Purge an instance; say whether there was one.

    Raises `InstanceNotEndedError` if it has not ended, `EntityInUseError` for an entity that is not
    empty, or a `StorageFault`: then it may be half done, and purging again finishes it.
    """
    made: dict[str, int] = {}  # what may have become of attempts: tombstone → generation
    for _ in range(ATTEMPTS_MAX):
        snapshot = await partition.load(store, instance_id)
        record = snapshot.record
        if record is None or record.is_stub:
            return False
        if made and record.generation not in made.values():
            raise OutcomeUnknown(
                f"Instance '{instance_id}' may have been purged; it was started anew since."
            )
        if record.is_purged:
            await _delete(store, instance_id, snapshot, record)  # what an earlier purge left
            return record.commit_id in made
        _refuse_if_in_use(instance_id, record)
        tombstone = _tombstone(record, environment)
        try:
            await _send_unsent(store, environment, instance_id, snapshot)
            made[tombstone.commit_id] = record.generation
            await store.transact(instance_id, (), encode_record(tombstone), etag=snapshot.etag)
        except LostRace:
            made.pop(tombstone.commit_id, None)  # somebody else has moved on
        except (OutcomeUnknown, BlobMissing):
            continue  # we may have moved on, or what we were to send from has
        else:
            await _delete(store, instance_id, snapshot, tombstone)
            return True
    raise StorageFault(f"Instance '{instance_id}' changes faster than it can be purged.")


def _refuse_if_in_use(instance_id: InstanceId, record: InstanceRecord) -> None:
    entity = record.entity
    if entity is None:
        if not record.status.is_terminal:
            raise InstanceNotEndedError(
                f"Instance '{instance_id}' is {record.status.value}; only one that has ended can "
                "be purged. Terminate it first."
            )
        return
    problems = []
    if record.has_state:
        problems.append("it has a state; signal it 'delete' first")
    if entity.lock is not None:
        problems.append(f"it is held by a lock (epoch {entity.lock.epoch})")
    if entity.waiting or entity.scheduled:
        problems.append(
            f"{len(entity.waiting)} messages wait for their turn and {len(entity.scheduled)} for "
            "their time"
        )
    if problems:
        raise EntityInUseError(
            f"The entity '{instance_id}' can't be purged: {', and '.join(problems)}."
        )


async def _send_unsent(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, snapshot: Snapshot
) -> None:
    assert snapshot.record is not None
    unsent = snapshot.record.unsent
    for outgoing in await unsent_messages(store, instance_id, snapshot, unsent):
        await send(store, environment, outgoing)


def _tombstone(record: InstanceRecord, environment: Environment) -> InstanceRecord:
    entity = record.entity
    return replace(
        record,
        is_purged=True,
        unsent=frozenset(),
        updated_at=max(environment.now(), record.updated_at),
        status_sequence=record.status_sequence + 1,
        commit_id=environment.new_id(),
        base=record.sequence + 1,
        input=None,
        output=None,
        custom_status=None,
        reason=None,
        parent=None,
        outs={} if entity is None else record.outs,  # its streams go on should it be there again
        waiting=0,
        message_ids=frozenset() if entity is None else record.message_ids,
        state=None,
        entity=entity and EntityRecord(epoch=entity.epoch, next_place=entity.next_place),
        blobs={},
    )


async def _delete(
    store: TaskHubStore, instance_id: InstanceId, snapshot: Snapshot, tombstone: InstanceRecord
) -> None:
    """Delete what was read before the tombstone stood, the lists' row first."""
    await summaries.remove(store, instance_id, tombstone)
    assert snapshot.record is not None
    served = _served_rows(snapshot, snapshot.record)
    keys: list[Key] = [row.ordinal for row in snapshot.rows]
    keys += [name for name, row in snapshot.named.items() if WAITS_FOR in row]
    keys += served
    names = {name for row in snapshot.rows for name in row.blobs.values()}
    names |= set(snapshot.record.blobs.values())
    names |= {name for columns in served.values() for name in _blobs_of(columns)}
    if names:
        await store.delete_blobs(sorted(names))  # first: afterwards no row names them
    size = store.rows_per_transaction_max
    for first in range(0, len(keys), size):
        await store.delete_rows(instance_id, keys[first : first + size])


def _served_rows(snapshot: Snapshot, record: InstanceRecord) -> dict[str, Columns]:
    """List the rows of a queue in which nothing counts, but for those whose place is yet given."""
    if record.entity is None:
        return {}
    return {
        name: columns
        for name, columns in snapshot.named.items()
        if name.startswith(QUEUED) and int(name.removeprefix(QUEUED), 16) < record.entity.next_place
    }


def _blobs_of(columns: Columns) -> list[str]:
    """Name the payloads of the message that a row keeps, in parts."""
    parts = sorted((len(name), name) for name in columns if name.startswith("Message"))
    try:
        return list(decode_message("".join(str(columns[name]) for _, name in parts)).blobs.values())
    except MalformedMessageError:
        return []
