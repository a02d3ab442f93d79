"""Effects: what an execution of an orchestration asks of the world, in the order of asking."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from durable.testing.programs.syntax import Value
from durable.testing.specification.inputs import EventArrived


@dataclass(frozen=True, slots=True)
class ActivityAsked:
    """Run this activity."""

    task_id: int
    name: str
    argument: Value


@dataclass(frozen=True, slots=True)
class TimerAsked:
    """Say when this time has come."""

    task_id: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ChildAsked:
    """Start this orchestration as a child; without an id it gets one that is new."""

    task_id: int
    name: str
    argument: Value
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class DetachedAsked:
    """Start this orchestration as nobody's child; without an id it gets one that is new."""

    task_id: int
    name: str
    argument: Value
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class EventSent:
    """Raise this external event to another instance."""

    task_id: int
    instance_id: str
    name: str
    data: Value


@dataclass(frozen=True, slots=True)
class OperationAsked:
    """Call this operation of an entity."""

    task_id: int
    entity: str
    operation: str
    argument: Value


@dataclass(frozen=True, slots=True)
class SignalSent:
    """Run this operation of an entity, not before a time if there is one; nobody waits for it.

    An orchestration sends it under an id, as it does an event; an entity does not.
    """

    entity: str
    operation: str
    argument: Value
    task_id: int | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StartSent:
    """Start an orchestration, on behalf of an entity; nobody waits for it."""

    name: str
    argument: Value
    instance_id: str


@dataclass(frozen=True, slots=True)
class SectionAsked:
    """Lock these entities, sorted and each once."""

    task_id: int
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SectionLeft:
    """Release what the `SectionAsked` of this id locked, or do not lock it if it was not yet.

    `release_id` is the id of the release itself, where the code leaves. Where it is cut off, by a
    terminate or by a continue-as-new inside the section, it has none: the code asks no more.
    """

    task_id: int
    entities: tuple[str, ...]
    release_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The orchestration is over; the output is its value, its message or the reason.

    `ends_children`: the children that have not answered are to end for the same reason.
    """

    status: Literal["Completed", "Failed", "Terminated"]
    output: Value
    ends_children: bool = False


@dataclass(frozen=True, slots=True)
class ContinuedAsNew:
    """This execution is over; another one begins with this input and these events, in order."""

    argument: Value
    unread: tuple[EventArrived, ...]


Effect: TypeAlias = (
    ActivityAsked
    | TimerAsked
    | ChildAsked
    | DetachedAsked
    | EventSent
    | OperationAsked
    | SignalSent
    | SectionAsked
    | SectionLeft
    | Ended
    | ContinuedAsNew
)
