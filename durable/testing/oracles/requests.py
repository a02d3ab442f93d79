"""Requests: whether a message is what a committed row asks for, or the answer to that.

Payloads that lie in blobs are not looked at here, but when the message is recorded.
"""

from collections.abc import Callable
from typing import Any

from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    RewindSent,
    StartRefused,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TerminationSent,
    TimerCreated,
    TimerFired,
)
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus

Kinds = tuple[type[HistoryEvent], type[HistoryEvent]]
# A row, a message → what of each must agree. Pairs that are not here never fit.
AGREE: dict[Kinds, Callable[[Any, Any], bool]] = {
    (TaskScheduled, TaskScheduled): lambda row, sent: row.name == sent.name,
    (TaskScheduled, TaskCompleted): lambda _, __: True,
    (TaskScheduled, TaskFailed): lambda _, __: True,
    (TimerCreated, TimerFired): lambda row, sent: bool(row.fire_at == sent.fire_at),
    (SubOrchestrationInstanceCreated, ExecutionStarted): lambda row, sent: (
        (row.name, row.is_detached) == (sent.name, sent.parent_instance is None)
    ),
    (EventSent, EventRaised): lambda row, sent: row.name == sent.name,
    (TerminationSent, ExecutionTerminated): lambda row, sent: row.input == sent.input,
    (RewindSent, ExecutionRewound): lambda _, __: True,
    (StartRefused, SubOrchestrationInstanceFailed): lambda _, __: True,
    (ExecutionCompleted, SubOrchestrationInstanceCompleted): lambda row, _: (
        row.orchestration_status is RuntimeStatus.COMPLETED
    ),
    (ExecutionCompleted, SubOrchestrationInstanceFailed): lambda row, _: (
        row.orchestration_status is not RuntimeStatus.COMPLETED
    ),
    (ExecutionCompleted, ExecutionStarted): lambda row, _: (
        row.orchestration_status is RuntimeStatus.CONTINUED_AS_NEW
    ),
    (EntityOperationCalled, EntityOperationCalled): lambda row, sent: (
        row.operation == sent.operation and sent.parent_instance is not None
    ),
    (EntityOperationSignaled, EntityOperationSignaled): lambda row, sent: (
        (row.operation, row.scheduled_time) == (sent.operation, sent.scheduled_time)
    ),
    (EntityLockRequested, EntityLockRequested): lambda row, sent: (
        (row.lock_set, row.numbers, row.position) == (sent.lock_set, sent.numbers, sent.position)
        and sent.parent_instance is not None
    ),
    (EntityUnlockSent, EntityUnlockSent): lambda row, sent: (
        (row.lock_set, row.critical_section_id) == (sent.lock_set, sent.critical_section_id)
    ),
    (EntityOperationCompleted, EntityOperationCompleted): lambda _, __: True,
    (EntityOperationFailed, EntityOperationFailed): lambda row, sent: row.reason == sent.reason,
    (EntityLockGranted, EntityLockGranted): lambda _, __: True,
}

# Messages with a payload that is the row's own.
CARRYING = (
    TaskScheduled,
    EventRaised,
    SubOrchestrationInstanceCompleted,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityOperationCompleted,
)


def asks_for(row: HistoryRow, message: TaskMessage) -> bool:
    """Say whether the message is what the row asks for, or an answer to it."""
    agree = AGREE.get((type(row.event), type(message.event)))
    if agree is None or not agree(row.event, message.event):
        return False
    if isinstance(row.event, TerminationSent):
        return row.event.life_id == message.execution_id
    is_start = isinstance(row.event, SubOrchestrationInstanceCreated)
    carries = is_start or isinstance(message.event, CARRYING)
    if not carries or row.blobs or message.blobs:
        return True
    return _payload(row.event) == _payload(message.event)


def _payload(event: HistoryEvent) -> str | None:
    text: str | None = getattr(event, "result", None) or getattr(event, "input", None)
    return text
