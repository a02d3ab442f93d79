"""Facts, records and messages ↔ columns and text. The only place that knows the wire names.

Columns are DTFx's (DurableTask.AzureStorage's tracking store): a field `task_scheduled_id` is
the column `TaskScheduledId`, enums stand as their names, structures as JSON text. Columns of our
own add `Episode`, `MessageId` and what the sentinel needs. A payload that lies in a blob leaves its
column empty and names the blob in `<Column>BlobName`.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from durable.model import history
from durable.model.errors import MalformedMessageError
from durable.model.failures import FailureDetails
from durable.model.history import HistoryEvent
from durable.model.ids import ExecutionId
from durable.model.instance import HistoryRow
from durable.model.status import RuntimeStatus

Column = str | int | bool | datetime
Columns = Mapping[str, Column]

BLOB_SUFFIX = "BlobName"
# What reading hostile text can end in: wrong types, missing members, numbers without end, depth.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
NOTHING = "null"

EVENT_TYPES: Mapping[str, type[HistoryEvent]] = {
    kind.__name__: kind
    for kind in (
        history.OrchestratorStarted,
        history.OrchestratorCompleted,
        history.ExecutionStarted,
        history.ExecutionCompleted,
        history.ExecutionTerminated,
        history.ExecutionSuspended,
        history.ExecutionResumed,
        history.ExecutionRewound,
        history.TaskScheduled,
        history.TaskCompleted,
        history.TaskFailed,
        history.SubOrchestrationInstanceCreated,
        history.SubOrchestrationInstanceCompleted,
        history.SubOrchestrationInstanceFailed,
        history.StartRefused,
        history.TerminationSent,
        history.RewindSent,
        history.EventSent,
        history.TimerCreated,
        history.TimerFired,
        history.EventRaised,
        history.EntityOperationCalled,
        history.EntityOperationSignaled,
        history.EntityLockRequested,
        history.EntityUnlockSent,
        history.EntityOperationCompleted,
        history.EntityOperationFailed,
        history.EntityLockGranted,
        history.EntityLockBroken,
        history.EntityBatchCompleted,
    )
}


def column_of(field: str) -> str:
    """Name the column of a field."""
    if field == "timestamp":  # "Timestamp" is a system property of every table row
        return "_Timestamp"
    return "".join(part.capitalize() for part in field.split("_"))


def _column_type(kind: Any) -> type[Column]:
    """Tell what a field's column holds: a truth value, a number, a time, else text."""
    members = (kind, *get_args(kind))
    for known in (bool, int, datetime):
        if known in members:
            return known
    return str


FIELD_TYPES: Mapping[type[HistoryEvent], Mapping[str, type[Column]]] = {
    kind: {field.name: _column_type(field.type) for field in dataclasses.fields(kind)}
    for kind in EVENT_TYPES.values()
}
FIELDS: Mapping[type[HistoryEvent], tuple[tuple[str, str], ...]] = {
    kind: tuple((field.name, column_of(field.name)) for field in dataclasses.fields(kind))
    for kind in EVENT_TYPES.values()
}


def encode_event(event: HistoryEvent, blobs: Mapping[str, str]) -> dict[str, Column]:
    """Lay an event out in columns; what `blobs` names is left out of them."""
    columns: dict[str, Column] = {"EventType": type(event).__name__, "IsPlayed": False}
    for field, column in FIELDS[type(event)]:
        value = getattr(event, field)
        if isinstance(value, FailureDetails):
            value = value.to_json()
        if column in blobs:
            columns[column + BLOB_SUFFIX] = blobs[column]
            value = ""
        if isinstance(value, RuntimeStatus):
            value = value.value
        if value is not None:
            columns[column] = value
    return columns


def decode_event(columns: Columns) -> tuple[HistoryEvent, dict[str, str]]:
    """Read an event and the blobs that hold its payloads, or raise `MalformedMessageError`."""
    try:
        kind = EVENT_TYPES[str(columns["EventType"])]
        values: dict[str, Any] = {}
        blobs: dict[str, str] = {}
        for field, column in FIELDS[kind]:
            blob = columns.get(column + BLOB_SUFFIX)
            if blob is not None:
                blobs[column] = str(blob)
            if columns.get(column) is not None:
                values[field] = _decode_field(field, columns[column], FIELD_TYPES[kind][field])
        return kind(**values), blobs
    except UNREADABLE as error:
        raise MalformedMessageError(f"Not a history event: {error!r}") from error


def _decode_field(field: str, value: Column, expected: type[Column]) -> Any:
    """Read one column. A message may hold anything: what is of the wrong type is refused here."""
    if expected is datetime:
        return decode_time(value)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise TypeError(f"{field} is {value!r}")
    if field == "orchestration_status":
        return RuntimeStatus(value)
    if field == "failure_details":
        return FailureDetails.from_json(str(value)) if value and value != NOTHING else None
    return value


def with_payload(event: HistoryEvent, column: str, text: str) -> HistoryEvent:
    """Put the text of a fetched blob into its field."""
    for field, name in FIELDS[type(event)]:
        if name == column:
            return dataclasses.replace(event, **{field: _decode_field(field, text, str)})
    raise MalformedMessageError(f"{type(event).__name__} has no column {column}.")


def decode_time(value: Column) -> datetime:
    """Read a time of a table (aware) or of a message (ISO 8601 text) as UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def encode_row(row: HistoryRow) -> dict[str, Column]:
    """Lay a history row out in columns."""
    columns = encode_event(row.event, row.blobs)
    columns["ExecutionId"] = row.execution_id
    columns["Episode"] = row.episode
    if row.message_id is not None:
        columns["MessageId"] = row.message_id
    if row.number is not None:
        columns["StreamNumber"] = row.number
    return columns


def decode_row(ordinal: int, columns: Columns) -> HistoryRow:
    """Read a history row, or raise `MalformedMessageError` naming its ordinal."""
    try:
        event, blobs = decode_event(columns)
        message_id = columns.get("MessageId")
        number = columns.get("StreamNumber")
        return HistoryRow(
            ordinal=ordinal,
            episode=int(columns["Episode"]),  # type: ignore[arg-type]
            execution_id=ExecutionId(str(columns["ExecutionId"])),
            event=event,
            message_id=None if message_id is None else str(message_id),
            number=None if number is None else int(number),  # type: ignore[arg-type]
            blobs=blobs,
        )
    except (MalformedMessageError, KeyError, TypeError, ValueError) as error:
        raise MalformedMessageError(f"History row {ordinal} can't be read: {error}") from error


def to_json(columns: Mapping[str, Any] | Sequence[str]) -> str:
    """Print columns, or names, as JSON; times as ISO 8601."""
    return json.dumps(
        columns, separators=(",", ":"), ensure_ascii=False, default=datetime.isoformat
    )
