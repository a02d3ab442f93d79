"""Inputs: what an execution of an orchestration can be told, one at a time."""

from dataclasses import dataclass
from typing import TypeAlias

from durable.testing.programs.syntax import Value


@dataclass(frozen=True, slots=True)
class ActivityCompleted:
    """An activity returned this."""

    task_id: int
    value: Value


@dataclass(frozen=True, slots=True)
class ActivityFailed:
    """An activity raised an error with this message."""

    task_id: int
    message: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer is due."""

    task_id: int


@dataclass(frozen=True, slots=True)
class ChildCompleted:
    """A child orchestration returned this."""

    task_id: int
    value: Value


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """A child orchestration failed, was terminated, or could not be started."""

    task_id: int
    message: str


@dataclass(frozen=True, slots=True)
class OperationCompleted:
    """An operation of an entity replied this."""

    task_id: int
    value: Value


@dataclass(frozen=True, slots=True)
class OperationFailed:
    """An operation of an entity raised an error with this message."""

    task_id: int
    message: str


@dataclass(frozen=True, slots=True)
class SectionEntered:
    """All entities of a critical section are locked for this execution."""

    task_id: int


@dataclass(frozen=True, slots=True)
class EventArrived:
    """An external event was raised."""

    name: str
    data: Value


@dataclass(frozen=True, slots=True)
class Terminated:
    """Somebody ends the orchestration, and with it the children that it waits for."""

    reason: str | None
    is_recursive: bool = True


@dataclass(frozen=True, slots=True)
class Suspended:
    """Somebody holds the orchestration: what arrives is kept."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Somebody lets the orchestration go on."""


Answer: TypeAlias = (
    ActivityCompleted
    | ActivityFailed
    | TimerFired
    | ChildCompleted
    | ChildFailed
    | OperationCompleted
    | OperationFailed
    | SectionEntered
)
"""What ends a task; the task is named by the id that it was scheduled under."""

Mail: TypeAlias = EventArrived | Terminated | Suspended | Resumed
"""What is sent to an orchestration from outside."""

Input: TypeAlias = Answer | Mail
