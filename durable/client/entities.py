"""Reading entities: state, lock and backlog, from the committed record, which no lock holds shut.

A list finds its ids in the projection, which may be a little behind; what it says of each is what
the record says.
"""

import logging
from datetime import datetime
from functools import partial

from durable.client.reading import gather_at_most, insist
from durable.model.codec import decode_time
from durable.model.entities import EntityLock
from durable.model.entity_ids import EntityId, instance_id_of
from durable.model.entity_queries import EntityMetadata, EntityPage, EntityQuery, LockHolder
from durable.model.errors import ForeignInstanceError, MalformedMessageError, PayloadLostError
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.queries import InstanceFilter
from durable.model.streams import Origin
from durable.storage.partition import Snapshot
from durable.storage.payloads import fetch_record
from durable.storage.port import TaskHubStore

logger = logging.getLogger("durable")

READS_AT_ONCE_MAX = 16


async def read_entity(
    store: TaskHubStore, entity_id: EntityId, *, with_state: bool, include_transient: bool
) -> EntityMetadata | None:
    """Tell where an entity stands, or raise `PayloadLostError`."""
    instance_id = instance_id_of(entity_id)

    async def tell(snapshot: Snapshot) -> EntityMetadata | None:
        record = snapshot.record
        if record is None or record.is_absent:
            return None
        if not record.has_state and not include_transient:
            return None
        if with_state:
            record = await fetch_record(store, record)
        return _metadata(entity_id, record, with_state=with_state)

    return await insist(store, instance_id, tell, with_history=False)


async def list_page(
    store: TaskHubStore, query: EntityQuery, *, top: int, token: str | None
) -> EntityPage:
    """Read one page; it costs a read for each entity that is listed."""
    wanted = InstanceFilter(id_prefix=query.id_prefix)
    page = await store.query_summaries(wanted, top=top, token=token)
    reads = [
        partial(_listed, store, query, instance_id)
        for instance_id, columns in page.rows
        if query.include_transient or columns.get("HasState") is not False
    ]
    entities = await gather_at_most(READS_AT_ONCE_MAX, reads)
    return EntityPage([one for one in entities if one is not None], page.token)


async def _listed(
    store: TaskHubStore, query: EntityQuery, instance_id: InstanceId
) -> EntityMetadata | None:
    """Read one; what can't be read hides no other."""
    try:
        entity = await read_entity(
            store,
            EntityId.get_entity_id(instance_id),
            with_state=query.include_state,
            include_transient=query.include_transient,
        )
    except (ForeignInstanceError, MalformedMessageError, PayloadLostError, ValueError) as error:
        logger.warning("instance=%s is not listed: %s", instance_id, error)
        return None
    return entity if entity is not None and _is_meant(query, entity) else None


def _is_meant(query: EntityQuery, entity: EntityMetadata) -> bool:
    first, last = _in_utc(query.last_modified_from), _in_utc(query.last_modified_to)
    at = entity.last_operation_at
    if at is None:
        return first is None and last is None
    return (first is None or at >= first) and (last is None or at <= last)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else decode_time(moment)


def _metadata(entity_id: EntityId, record: InstanceRecord, *, with_state: bool) -> EntityMetadata:
    entity = record.entity
    if entity is None:
        raise MalformedMessageError(f"The record of '{entity_id}' is not that of an entity.")
    return EntityMetadata(
        entity_id=entity_id,
        exists=record.has_state,
        state=record.state if with_state else None,
        last_operation_at=entity.last_operation_at,
        locked_by=None if entity.lock is None else holder_of(entity.lock),
        backlog=len(entity.waiting) + len(entity.scheduled),
    )


def holder_of(lock: EntityLock) -> LockHolder:
    """Describe who holds a lock."""
    return LockHolder(
        instance_id=Origin.from_text(lock.owner).instance_id,
        execution_id=lock.execution_id,
        section_id=lock.section_id,
        lock_set=lock.lock_set,
        epoch=lock.epoch,
        since=lock.since,
    )
