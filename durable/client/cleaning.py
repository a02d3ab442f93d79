"""Cleaning: purge entities that are empty, and free those whose lock nobody will release.

What is empty has no state and nothing to serve: nobody can tell afterwards that it was purged. A
lock is orphaned if the life of its owner is over. The engine releases in the commit of the end, so
this should find nothing; but whoever holds an entity that another tool has orphaned needs a way
out. A release may be under way when a life has just ended; so both the lock and the end must be
some minutes old.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from durable.client.reading import gather_at_most
from durable.client.signals import send_break
from durable.model.codec import Columns
from durable.model.entities import EntityLock
from durable.model.entity_ids import START
from durable.model.entity_queries import CleanEntityStorageResult
from durable.model.environment import Environment
from durable.model.errors import EntityInUseError, ForeignInstanceError, MalformedMessageError
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.queries import InstanceFilter
from durable.model.records import decode_record
from durable.model.streams import Origin
from durable.storage.port import TaskHubStore
from durable.storage.purging import purge

logger = logging.getLogger("durable")

PAGE_ROWS = 100
ENTITIES_AT_ONCE_MAX = 8
ORPHANED_AFTER = timedelta(minutes=5)
EVERY_ENTITY = InstanceFilter(id_prefix=START)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """What a clean-up is to do."""

    removes_empty: bool
    releases_orphaned: bool


async def clean(
    store: TaskHubStore,
    environment: Environment,
    chores: Chores,
    *,
    budget_s: float,
    token: str | None,
) -> CleanEntityStorageResult:
    """Go through all entities: one page, and more while the time lasts."""
    until = environment.now() + timedelta(seconds=budget_s)
    removed = released = 0
    while True:
        page = await store.query_summaries(EVERY_ENTITY, top=PAGE_ROWS, token=token)
        visits = [partial(_visit, store, environment, chores, *row) for row in page.rows]
        for was_removed, was_released in await gather_at_most(ENTITIES_AT_ONCE_MAX, visits):
            removed += was_removed
            released += was_released
        token = page.token
        if token is None or environment.now() >= until:
            return CleanEntityStorageResult(removed, released, token)


async def _visit(
    store: TaskHubStore,
    environment: Environment,
    chores: Chores,
    instance_id: InstanceId,
    columns: Columns,
) -> tuple[bool, bool]:
    """Do what is to be done with one; say whether it was removed, and whether released."""
    if columns.get("HasState") is True and not chores.releases_orphaned:
        return False, False
    try:
        sentinel = await store.read_sentinel(instance_id)
        if sentinel is None:
            return False, False
        record = decode_record(instance_id, sentinel.columns)
        lock = record.entity.lock if record.entity is not None else None
        if lock is not None:
            is_meant = chores.releases_orphaned
            return False, is_meant and await _release(store, environment, instance_id, lock)
        # Of one that is purged a host that slept may have shown a row: a purge takes it away again.
        is_meant = chores.removes_empty and (record.is_purged or _is_empty(record))
        return is_meant and await purge(store, environment, instance_id), False
    except EntityInUseError:
        return False, False  # somebody has spoken to it in between
    except (ForeignInstanceError, MalformedMessageError) as error:
        logger.warning("instance=%s is not cleaned: %s", instance_id, error)
        return False, False


def _is_empty(record: InstanceRecord) -> bool:
    return record.entity is not None and record.entity.is_idle and not record.has_state


async def _release(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, lock: EntityLock
) -> bool:
    owner = Origin.from_text(lock.owner)
    latest = environment.now() - ORPHANED_AFTER
    if lock.since > latest or not await _was_over(store, owner, latest):
        return False
    reason = f"The life of its owner '{owner.instance_id}' is over."
    logger.warning("instance=%s epoch=%d lock is released: %s", instance_id, lock.epoch, reason)
    await send_break(store, environment, instance_id, epoch=lock.epoch, reason=reason)
    return True


async def _was_over(store: TaskHubStore, owner: Origin, at: datetime) -> bool:
    """Say whether the life of an owner was over at a time, by the owner's own record."""
    sentinel = await store.read_sentinel(owner.instance_id)
    if sentinel is None:
        return True  # it has committed before it sent: so somebody has deleted its rows
    record = decode_record(owner.instance_id, sentinel.columns)
    if record.life_id != owner.life_id:
        return record.created_at <= at
    return not record.is_alive and record.updated_at <= at
