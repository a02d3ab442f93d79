"""Histories as a status query shows them: a weaker source, for what nobody saved in full.

`GET instances/{id}?showHistory=true&showHistoryOutput=true&showInput=true`, of this engine or of
the Durable extension, leaves out when tasks were scheduled and under which ids, and merges a call
into its answer. So the code is not compared with its recorded requests; it is run, and each
recorded answer must find an open request of its kind and name (and input, where that is shown).

What this can't see: the order of requests in an episode, the arguments of timers, the exact time
of an episode, and, where only answered calls are shown, requests that were never answered.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from durable.model.codec import decode_time
from durable.model.failures import FailureDetails
from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import InstanceId

Columns = Mapping[str, Any]
Task = TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated
INPUTS = frozenset(
    {
        "ExecutionStarted",
        "ExecutionSuspended",
        "ExecutionResumed",
        "ExecutionTerminated",
        "EventRaised",
        "TaskCompleted",
        "TaskFailed",
        "TimerFired",
        "SubOrchestrationInstanceCompleted",
        "SubOrchestrationInstanceFailed",
    }
)


class NobodyAskedError(Exception):
    """An answer for which the code has no open request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedHistory:
    """What a status query showed of an instance."""

    instance_id: InstanceId
    name: str
    events: tuple[Columns, ...]
    has_input: bool
    input: Any = None

    @property
    def inputs(self) -> list[Columns]:
        """The events that were inputs of the orchestrator, the start first."""
        return [event for event in self.events if event.get("EventType") in INPUTS]

    @property
    def open_calls(self) -> Counter[str]:
        """The names of calls that have no answer, as far as the source shows them."""
        kinds = {"TaskScheduled", "SubOrchestrationInstanceCreated"}
        return Counter(str(e.get("Name")) for e in self.events if e.get("EventType") in kinds)

    @property
    def end(self) -> Columns | None:
        """The event that ended it."""
        ends = (e for e in self.events if e.get("EventType") == "ExecutionCompleted")
        return next(ends, None)


def input_of(shown: Columns, history: ProjectedHistory, open_tasks: Sequence[Task]) -> HistoryEvent:
    """Make the fact that a shown event stands for; raises `NobodyAskedError`."""
    kind, at = shown["EventType"], decode_time(shown["Timestamp"])
    match kind:
        case "ExecutionStarted":
            text = json.dumps(history.input) if history.has_input else text_of(shown, "Input")
            event: HistoryEvent = ExecutionStarted(
                timestamp=at, name=history.name, input=text, generation=1
            )
        case "ExecutionSuspended":
            event = ExecutionSuspended(timestamp=at, reason=shown.get("Reason"))
        case "ExecutionResumed":
            event = ExecutionResumed(timestamp=at, reason=shown.get("Reason"))
        case "ExecutionTerminated":
            event = ExecutionTerminated(timestamp=at, input=text_of(shown, "Input"))
        case "EventRaised":
            data = text_of(shown, "Input")
            event = EventRaised(timestamp=at, name=str(shown["Name"]), input=data)
        case "TimerFired":
            event = _fired(shown, at, open_tasks)
        case _:
            event = _answer(shown, at, open_tasks)
    return event


def _answer(shown: Columns, at: datetime, open_tasks: Sequence[Task]) -> HistoryEvent:
    kind = str(shown["EventType"])
    asked = TaskScheduled if kind.startswith("Task") else SubOrchestrationInstanceCreated
    task_id = _asked_for(shown, [task for task in open_tasks if isinstance(task, asked)])
    match kind:
        case "TaskCompleted":
            result = text_of(shown, "Result")
            return TaskCompleted(timestamp=at, task_scheduled_id=task_id, result=result)
        case "SubOrchestrationInstanceCompleted":
            result = text_of(shown, "Result")
            return SubOrchestrationInstanceCompleted(
                timestamp=at, task_scheduled_id=task_id, result=result
            )
        case _:
            failed = TaskFailed if kind == "TaskFailed" else SubOrchestrationInstanceFailed
            return failed(
                timestamp=at,
                task_scheduled_id=task_id,
                reason=str(shown.get("Reason") or ""),
                details=str(shown.get("Details") or ""),
                failure_details=_failure(shown.get("FailureDetails")),
            )


def _asked_for(
    shown: Columns, candidates: Sequence[TaskScheduled | SubOrchestrationInstanceCreated]
) -> int:
    name = shown.get("FunctionName") or shown.get("Name")
    named = [task for task in candidates if task.name == name]
    if "Input" in shown:
        named = [task for task in named if _same(task.input, shown["Input"])] or named
    if not named:
        raise NobodyAskedError(
            f"{shown['EventType']} of '{name}' at {shown['Timestamp']}: the history has an answer "
            "for which the code has no open call"
        )
    return min(task.event_id for task in named)


def _fired(shown: Columns, at: datetime, open_tasks: Sequence[Task]) -> TimerFired:
    timers = [task for task in open_tasks if isinstance(task, TimerCreated)]
    if not timers:
        raise NobodyAskedError(
            f"TimerFired at {shown['Timestamp']}: the code has no open timer at this point"
        )
    due = decode_time(shown["FireAt"]) if shown.get("FireAt") else at
    nearest = min(timers, key=lambda timer: (abs(timer.fire_at - due), timer.event_id))
    return TimerFired(timestamp=at, timer_id=nearest.event_id, fire_at=nearest.fire_at)


def text_of(shown: Columns, column: str) -> str | None:
    """Return a payload as JSON text; a status shows it as the value."""
    return json.dumps(shown[column]) if column in shown else None


def _same(text: str | None, value: Any) -> bool:
    try:
        return bool(json.loads(text or "null") == value)
    except ValueError:
        return bool(text == value)


def _failure(shown: Any) -> FailureDetails | None:
    if not shown:
        return None
    return FailureDetails.from_json(shown if isinstance(shown, str) else json.dumps(shown))
