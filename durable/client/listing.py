"""Lists: pages of statuses of orchestrations out of the Instances table.

A list is the projection: it may be behind the truth by as long as a send takes, and by one life. It
says nothing of the reason, the parent, or the history of an instance; a status read does.
"""

import logging
from dataclasses import replace
from functools import partial

from durable.client.reading import gather_at_most, read_input, read_record
from durable.model.codec import BLOB_SUFFIX, NOTHING, UNREADABLE, Column, Columns, decode_time
from durable.model.errors import MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.queries import InstanceFilter, OrchestrationStatus, StatusPage
from durable.model.status import RuntimeStatus
from durable.model.streams import life_of
from durable.storage.port import BlobMissing, TaskHubStore

logger = logging.getLogger("durable")

READS_AT_ONCE_MAX = 16


async def list_page(
    store: TaskHubStore, wanted: InstanceFilter, *, top: int, token: str | None, show_input: bool
) -> StatusPage:
    """Read one page.

    Inputs are not in the table: each costs two reads, and so does a payload in a blob one.
    """
    orchestrations = replace(wanted, without_entities=True)
    page = await store.query_summaries(orchestrations, top=top, token=token)
    reads = [partial(_status, store, *row, show_input=show_input) for row in page.rows]
    statuses = await gather_at_most(READS_AT_ONCE_MAX, reads)
    return StatusPage([status for status in statuses if status is not None], page.token)


async def _status(
    store: TaskHubStore, instance_id: InstanceId, columns: Columns, *, show_input: bool
) -> OrchestrationStatus | None:
    """Read a row; one that can't be read hides no other."""
    try:
        return OrchestrationStatus(
            instance_id=instance_id,
            name=str(columns["Name"]),
            runtime_status=RuntimeStatus(columns["RuntimeStatus"]),
            created_at=decode_time(columns["CreatedTime"]),
            updated_at=decode_time(columns["LastUpdatedTime"]),
            input=await _input(store, instance_id, columns) if show_input else None,
            output=await _payload(store, columns, "Output"),
            custom_status=_text(columns.get("CustomStatus")),
            version=_text(columns.get("Version")),
            scheduled_at=(
                decode_time(columns["ScheduledStartTime"])
                if "ScheduledStartTime" in columns
                else None
            ),
        )
    except UNREADABLE as error:
        logger.warning("instance=%s its row of the list can't be read: %r", instance_id, error)
        return None


async def _input(store: TaskHubStore, instance_id: InstanceId, columns: Columns) -> str | None:
    """Read the input of the instance, if the life that the row shows is still the one.

    A row may name an earlier execution of it: one that continues as new shows nothing new.
    """
    if "Input" in columns or "Input" + BLOB_SUFFIX in columns:
        return await _payload(store, columns, "Input")
    try:
        record = await read_record(store, instance_id)
        shown = ExecutionId(str(columns.get("ExecutionId")))
        if record is None or record.life_id != life_of(shown):
            return None
        return await read_input(store, instance_id, record)
    except (BlobMissing, MalformedMessageError):
        return None


async def _payload(store: TaskHubStore, columns: Columns, column: str) -> str | None:
    blob = columns.get(column + BLOB_SUFFIX)
    if blob is None:
        return _text(columns.get(column))
    try:
        return await store.read_blob(str(blob))
    except BlobMissing:
        return None  # the row is behind: the life that it shows is over


def _text(value: Column | None) -> str | None:
    return str(value) if value not in {None, "", NOTHING} else None
