"""How an execution begins: the transition of rule E2, from generation g to g+1.

The client makes it (to *pending*) after it has put the start message, and the receiver of that
message makes the same one; whoever comes first wins, and neither can be stuck: with the message
alone the instance starts, with the record alone it starts too, from any message that arrives.
"""

import json
from dataclasses import replace
from datetime import datetime

from durable.model.history import ExecutionRewound, ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus


def born(
    before: InstanceRecord | None,
    started: ExecutionStarted,
    execution_id: ExecutionId,
    *,
    now: datetime,
    commit_id: str,
    status: RuntimeStatus,
) -> InstanceRecord:
    """Make the record of the next life.

    Ordinals, episodes and unsent episodes go on (rule E1), and so do the watermarks (rule D3). What
    this life sends is numbered anew.
    """
    return InstanceRecord(
        generation=(before.generation if before else 0) + 1,
        life_id=execution_id,
        execution_id=execution_id,
        name=started.name,
        version=started.version,
        status=status,
        created_at=started.timestamp,
        updated_at=now,
        commit_id=commit_id,
        sequence=before.sequence if before else -1,
        base=(before.sequence if before else -1) + 1,
        episode=before.episode if before else 0,
        unsent=before.unsent if before else frozenset(),
        status_sequence=(before.status_sequence if before else 0) + 1,
        parent=started.parent_instance,
        scheduled_at=started.scheduled_start_time,
        marks=before.marks if before else {},
        sealed=before.sealed if before else 0,
        sealed_from=before.sealed_from if before else 0,
    )


def start_of_pending(instance_id: InstanceId, record: InstanceRecord) -> TaskMessage:
    """Make the start that a pending record stands for."""
    started = ExecutionStarted(
        timestamp=record.created_at,
        name=record.name,
        version=record.version,
        input=record.input,
        generation=record.generation,
        orchestration_instance=orchestration_instance(instance_id, record.execution_id),
        parent_instance=record.parent,
        scheduled_start_time=record.scheduled_at,
    )
    blobs = {"Input": record.blobs["Input"]} if "Input" in record.blobs else {}
    return TaskMessage(
        instance_id=instance_id, event=started, execution_id=record.execution_id, blobs=blobs
    )


def start_anew(asked: ExecutionRewound) -> ExecutionStarted:
    """Make the start of a child that a rewound parent asks for and that is no more."""
    return ExecutionStarted(
        timestamp=asked.timestamp,
        name=asked.name or "",
        version=asked.version,
        input=asked.input,
        parent_instance=asked.parent_instance,
    )


def running(record: InstanceRecord) -> InstanceRecord:
    """Take a pending record into its first episode; the input moves to the history."""
    return replace(
        record,
        status=RuntimeStatus.RUNNING,
        status_sequence=record.status_sequence + 1,
        input=None,
        waiting=0,
        blobs={},
    )


def orchestration_instance(instance_id: InstanceId, execution_id: ExecutionId) -> str:
    """Print the pair as DTFx does in an ExecutionStarted row."""
    return json.dumps({"InstanceId": instance_id, "ExecutionId": execution_id})
