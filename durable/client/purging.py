"""Purging by filter: the end of many ended orchestrations, page by page.

What a filter finds is the projection; each instance is judged again by its record before it goes.
A purge that is cut off, by its time or by a fault, goes on where it was, or from the beginning.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from durable.client.reading import gather_at_most, read_record
from durable.model.environment import Environment
from durable.model.errors import ForeignInstanceError, InstanceNotEndedError, MalformedMessageError
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter, Purged
from durable.model.status import RuntimeStatus
from durable.storage.port import TaskHubStore
from durable.storage.purging import purge

logger = logging.getLogger("durable")

ENDED = frozenset(status for status in RuntimeStatus if status.is_terminal)
PAGE_ROWS = 100
PURGES_AT_ONCE_MAX = 8


async def purge_by(
    store: TaskHubStore,
    environment: Environment,
    wanted: InstanceFilter,
    *,
    budget_s: float,
    token: str | None,
) -> Purged:
    """Delete the ended instances that are meant: one page, and more while the time lasts."""
    statuses = wanted.statuses & ENDED if wanted.statuses else ENDED
    if not statuses:
        return Purged(0)
    ended = replace(wanted, statuses=statuses, without_entities=True)
    until = environment.now() + timedelta(seconds=budget_s)
    deleted = 0
    while True:
        page = await store.query_summaries(ended, top=PAGE_ROWS, token=token)
        purges = [partial(_purge_one, store, environment, row[0], ended) for row in page.rows]
        deleted += sum(await gather_at_most(PURGES_AT_ONCE_MAX, purges))
        token = page.token
        if token is None or environment.now() >= until:
            return Purged(deleted, token)


async def _purge_one(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, wanted: InstanceFilter
) -> bool:
    """Purge one, and say whether it was there. What is purged already leaves the lists."""
    try:
        record = await read_record(store, instance_id)
        if record is not None and not wanted.has(instance_id, record.created_at, record.status):
            return False
        return await purge(store, environment, instance_id)
    except InstanceNotEndedError:
        return False  # it was started anew in between
    except (ForeignInstanceError, MalformedMessageError) as error:
        logger.warning("instance=%s is not purged: %s", instance_id, error)
        return False
