"""HistoryEvent: one frozen class per fact, under DTFx's names.

An orchestration's history is a sequence of these. Facts never change. `event_id` is the id of the
task that a fact scheduled (-1 for others); an answer names that task in `task_scheduled_id` or
`timer_id`. Payloads (`input`, `result`) are JSON text.
"""

from dataclasses import dataclass
from datetime import datetime

from durable.model.failures import FailureDetails
from durable.model.status import RuntimeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """A fact, and when it was noted."""

    timestamp: datetime
    event_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorStarted(HistoryEvent):
    """An episode begins; its timestamp is what the orchestrator sees as the current time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorCompleted(HistoryEvent):
    """The episode ends: the orchestrator waits again, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted(HistoryEvent):
    """The orchestrator is called with this input."""

    name: str
    version: str | None = None
    input: str | None = None
    generation: int = 0
    orchestration_instance: str | None = None
    parent_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCompleted(HistoryEvent):
    """The execution has ended, in whichever way `orchestration_status` says."""

    orchestration_status: RuntimeStatus
    result: str | None = None
    failure_details: FailureDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionTerminated(HistoryEvent):
    """Somebody outside asked for the end; `input` is the reason, as JSON text."""

    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSuspended(HistoryEvent):
    """The instance is parked: nothing runs until it is resumed or terminated."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScheduled(HistoryEvent):
    """The orchestrator called an activity."""

    name: str
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(HistoryEvent):
    """The activity returned."""

    task_scheduled_id: int
    result: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(HistoryEvent):
    """The activity raised, or could not be run."""

    task_scheduled_id: int
    reason: str
    details: str
    failure_details: FailureDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCreated(HistoryEvent):
    """The orchestrator set a timer."""

    fire_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(HistoryEvent):
    """The timer is due. Never noted before `fire_at`."""

    timer_id: int
    fire_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRaised(HistoryEvent):
    """An external event arrived."""

    name: str
    input: str | None = None


Answer = TaskCompleted | TaskFailed | TimerFired
Scheduling = TaskScheduled | TimerCreated


def answered_task_id(event: HistoryEvent) -> int | None:
    """Say which task this fact answers, if it is an answer."""
    if isinstance(event, TaskCompleted | TaskFailed):
        return event.task_scheduled_id
    if isinstance(event, TimerFired):
        return event.timer_id
    return None
