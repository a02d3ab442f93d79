"""The instance record ↔ the columns of the `sentinel` row and of the Instances table."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from durable.model.codec import (
    BLOB_SUFFIX,
    NOTHING,
    UNREADABLE,
    Column,
    Columns,
    decode_time,
    to_json,
)
from durable.model.entities import EntityRecord
from durable.model.entity_forms import print_lock, print_ranges, read_lock, read_ranges
from durable.model.errors import ForeignInstanceError, MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.status import RuntimeStatus

# A sentinel without this column was written by another engine; with another value, by a later one.
FORMAT_COLUMN = "Format"
FORMAT = 1
COLUMN_CHARS_MAX = 30_000
PAYLOADS_SHOWN = (("Input", "input"), ("Output", "output"))
# The state of an entity changes too often to be shown in lists.
PAYLOADS = (*PAYLOADS_SHOWN, ("State", "state"))


def encode_record(record: InstanceRecord) -> dict[str, Column]:
    """Lay the record out as the sentinel's columns: DTFx's three, then ours."""
    columns: dict[str, Column] = {
        "ExecutionId": record.execution_id,
        "IsCheckpointComplete": True,
        "CheckpointCompletedTimestamp": record.updated_at,
        FORMAT_COLUMN: FORMAT,
        "Generation": record.generation,
        "LifeId": record.life_id,
        "Name": record.name,
        "RuntimeStatus": record.status.value,
        "CreatedTime": record.created_at,
        "LastUpdatedTime": record.updated_at,
        "Sequence": record.sequence,
        "Base": record.base,
        "Episode": record.episode,
        "Unsent": ",".join(str(episode) for episode in sorted(record.unsent)),
        "StatusSequence": record.status_sequence,
        "CommitId": record.commit_id,
    }
    if record.version is not None:
        columns["Version"] = record.version
    if record.completed_at is not None:
        columns["CompletedTime"] = record.completed_at
    if record.reason is not None:
        columns["Reason"] = record.reason
    if record.custom_status is not None:
        columns["CustomStatus"] = record.custom_status
    columns.update(_payload_columns(record))
    columns.update(_lasting_columns(record))
    if record.entity is not None:
        columns.update(_entity_columns(record.entity))
    return columns


def _entity_columns(entity: EntityRecord) -> dict[str, Column]:
    columns: dict[str, Column] = {"NextPlace": entity.next_place}
    if entity.lock is not None:
        columns["LockedBy"] = print_lock(entity.lock)
    if entity.epoch:
        columns["LockEpoch"] = entity.epoch
    columns.update(_cut("WaitingPlaces", print_ranges(entity.waiting)))
    columns.update(_cut("ScheduledPlaces", print_ranges(entity.scheduled)))
    if entity.given_up:
        columns["GivenUp"] = entity.given_up
    if entity.last_operation_at is not None:
        columns["LastOperationTime"] = entity.last_operation_at
    return columns


def _read_entity(columns: Mapping[str, Any]) -> EntityRecord | None:
    if "NextPlace" not in columns:
        return None
    lock, last = columns.get("LockedBy"), columns.get("LastOperationTime")
    return EntityRecord(
        lock=None if lock is None else read_lock(lock),
        epoch=int(columns.get("LockEpoch", 0)),
        waiting=read_ranges(_joined("WaitingPlaces", columns)),
        scheduled=read_ranges(_joined("ScheduledPlaces", columns)),
        next_place=int(columns["NextPlace"]),
        given_up=str(columns.get("GivenUp", "")),
        last_operation_at=None if last is None else decode_time(last),
    )


def _cut(name: str, text: str) -> dict[str, Column]:
    """Lay a text out in as many columns as it needs: name, name1, ..."""
    starts = range(0, len(text), COLUMN_CHARS_MAX)
    return {
        f"{name}{n or ''}": text[start : start + COLUMN_CHARS_MAX] for n, start in enumerate(starts)
    }


def _joined(name: str, columns: Mapping[str, Any]) -> str:
    parts = itertools.takewhile(
        lambda part: part is not None, (columns.get(f"{name}{n or ''}") for n in itertools.count())
    )
    return "".join(str(part) for part in parts)


def _lasting_columns(record: InstanceRecord) -> dict[str, Column]:
    """What outlives an execution; nothing where there is nothing, as in most instances."""
    columns: dict[str, Column] = {}
    if record.parent is not None:
        columns["ParentInstance"] = record.parent
    if record.scheduled_at is not None:
        columns["ScheduledStartTime"] = record.scheduled_at
    if record.marks:
        columns["Marks"] = to_json(record.marks)
    if record.outs:
        columns["Outs"] = to_json(record.outs)
    if record.message_ids:
        columns["MessageIds"] = to_json(sorted(record.message_ids))
    if record.sealed:
        columns["Sealed"] = record.sealed
    if record.sealed_from:
        columns["SealedFrom"] = record.sealed_from
    if record.waiting:
        columns["Waiting"] = record.waiting
    if record.is_purged:
        columns["IsPurged"] = True
    return columns


def _payload_columns(
    record: InstanceRecord, payloads: Sequence[tuple[str, str]] = PAYLOADS
) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for column, field in payloads:
        if column in record.blobs:
            columns[column + BLOB_SUFFIX] = record.blobs[column]
        elif getattr(record, field) is not None:
            columns[column] = getattr(record, field)
    return columns


def decode_record(instance_id: InstanceId, columns: Columns) -> InstanceRecord:
    """Read a sentinel, or raise `ForeignInstanceError` or `MalformedMessageError`."""
    if columns.get(FORMAT_COLUMN) != FORMAT:
        raise ForeignInstanceError(
            f"The history of instance '{instance_id}' was written by another engine "
            f"(its sentinel has no column {FORMAT_COLUMN}={FORMAT}); this one will not run it. "
            "Give this app a task hub of its own in host.json."
        )
    try:
        return _decode(columns)
    except UNREADABLE as error:
        raise MalformedMessageError(
            f"The sentinel of instance '{instance_id}' can't be read: {error!r}"
        ) from error


def _decode(columns: Mapping[str, Any]) -> InstanceRecord:
    completed_at = columns.get("CompletedTime")
    scheduled_at = columns.get("ScheduledStartTime")
    unsent = columns["Unsent"]
    return InstanceRecord(
        generation=int(columns["Generation"]),
        life_id=ExecutionId(columns["LifeId"]),
        execution_id=ExecutionId(columns["ExecutionId"]),
        name=columns["Name"],
        version=columns.get("Version"),
        status=RuntimeStatus(columns["RuntimeStatus"]),
        created_at=decode_time(columns["CreatedTime"]),
        updated_at=decode_time(columns["LastUpdatedTime"]),
        completed_at=None if completed_at is None else decode_time(completed_at),
        sequence=int(columns["Sequence"]),
        base=int(columns["Base"]),
        episode=int(columns["Episode"]),
        unsent=frozenset(int(part) for part in unsent.split(",") if part),
        status_sequence=int(columns["StatusSequence"]),
        commit_id=columns["CommitId"],
        input=columns.get("Input"),
        output=columns.get("Output"),
        custom_status=columns.get("CustomStatus"),
        reason=columns.get("Reason"),
        parent=columns.get("ParentInstance"),
        scheduled_at=None if scheduled_at is None else decode_time(scheduled_at),
        marks=read_numbers(columns.get("Marks")),
        outs=read_numbers(columns.get("Outs")),
        message_ids=read_names(columns.get("MessageIds")),
        sealed=int(columns.get("Sealed", 0)),
        sealed_from=int(columns.get("SealedFrom", 0)),
        waiting=int(columns.get("Waiting", 0)),
        is_purged=columns.get("IsPurged", False) is True,
        state=columns.get("State"),
        entity=_read_entity(columns),
        blobs={
            column: columns[column + BLOB_SUFFIX]
            for column, _ in PAYLOADS
            if column + BLOB_SUFFIX in columns
        },
    )


def read_numbers(text: str | None) -> dict[str, int]:
    """Read names with numbers."""
    return {name: int(number) for name, number in json.loads(text).items()} if text else {}


def read_names(text: str | None) -> frozenset[str]:
    """Read a list of names."""
    return frozenset(str(name) for name in json.loads(text)) if text else frozenset()


def encode_summary(record: InstanceRecord, *, task_hub: str) -> dict[str, Column]:
    """Lay the record out as its row of the Instances table: what lists show, as in DTFx."""
    columns: dict[str, Column] = {
        "ExecutionId": record.execution_id,
        "Name": record.name,
        "Version": record.version or "",
        "RuntimeStatus": record.status.value,
        "CreatedTime": record.created_at,
        "LastUpdatedTime": record.updated_at,
        "CustomStatus": record.custom_status if record.custom_status is not None else NOTHING,
        "TaskHubName": task_hub,
        "Generation": record.generation,
        "StatusSequence": record.status_sequence,
    }
    if record.scheduled_at is not None:
        columns["ScheduledStartTime"] = record.scheduled_at
    if record.completed_at is not None:
        columns["CompletedTime"] = record.completed_at
    if record.entity is not None:
        columns["HasState"] = record.has_state
    columns.update(_payload_columns(record, PAYLOADS_SHOWN))
    return columns
