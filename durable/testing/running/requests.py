"""What an orchestrator asked for, as values that a test compares. Inputs are decoded JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EventSent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable.model.streams import read_lock_set
from durable.model.values import decode_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An activity that was called. `task_id` counts within its execution.

    `attempt` counts from 1 where a retry policy called it.
    """

    name: str
    input: Any
    task_id: int
    at: datetime
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCall:
    """Another orchestration that was started; a detached one owes no answer."""

    name: str
    input: Any
    instance_id: str
    task_id: int
    at: datetime
    version: str | None = None
    is_detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer that was set. One that the code has cancelled stays in the list."""

    fire_at: datetime
    task_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """An external event that was raised to another instance."""

    instance_id: str
    name: str
    data: Any
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityCall:
    """An operation of an entity that was called; `entity` is its instance id, `@name@key`."""

    entity: str
    operation: str
    input: Any
    task_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySignal:
    """An operation of an entity that was asked for without waiting."""

    entity: str
    operation: str
    input: Any
    at: datetime
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """The entities of a critical section, by instance id, in the order of locking."""

    entities: tuple[str, ...]
    task_id: int
    at: datetime


Request = Call | ChildCall | Timer | SentEvent | EntityCall | EntitySignal | LockRequest


def request_of(fact: HistoryEvent) -> Request | None:
    """Say what was asked for, if this fact says that something was."""
    match fact:
        case TaskScheduled():
            return Call(
                name=fact.name,
                input=decode_value(fact.input),
                task_id=fact.event_id,
                at=fact.timestamp,
                attempt=fact.attempt,
            )
        case SubOrchestrationInstanceCreated():
            return ChildCall(
                name=fact.name,
                input=decode_value(fact.input),
                instance_id=fact.instance_id,
                task_id=fact.event_id,
                at=fact.timestamp,
                version=fact.version,
                is_detached=fact.is_detached,
            )
        case TimerCreated():
            return Timer(fire_at=fact.fire_at, task_id=fact.event_id, at=fact.timestamp)
        case EventSent():
            data = decode_value(fact.input)
            return SentEvent(
                instance_id=fact.instance_id, name=fact.name, data=data, at=fact.timestamp
            )
        case _:
            return _asked_of_entities(fact)


def _asked_of_entities(fact: HistoryEvent) -> Request | None:
    match fact:
        case EntityOperationCalled():
            return EntityCall(
                entity=fact.instance_id,
                operation=fact.operation,
                input=decode_value(fact.input),
                task_id=fact.event_id,
                at=fact.timestamp,
            )
        case EntityOperationSignaled():
            return EntitySignal(
                entity=fact.instance_id,
                operation=fact.operation,
                input=decode_value(fact.input),
                at=fact.timestamp,
                scheduled_time=fact.scheduled_time,
            )
        case EntityLockRequested():
            entities = tuple(read_lock_set(fact.lock_set))
            return LockRequest(entities=entities, task_id=fact.event_id, at=fact.timestamp)
        case _:
            return None


@dataclass(slots=True)
class Requests:
    """All that an instance asked for, in the order in which it did, over all its executions."""

    calls: list[Call] = field(default_factory=list)
    child_calls: list[ChildCall] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    sent_events: list[SentEvent] = field(default_factory=list)
    entity_calls: list[EntityCall] = field(default_factory=list)
    signals: list[EntitySignal] = field(default_factory=list)
    locks: list[LockRequest] = field(default_factory=list)

    def note(self, fact: HistoryEvent) -> None:
        """Add what this fact asks for, if it asks for anything."""
        match request_of(fact):
            case Call() as call:
                self.calls.append(call)
            case ChildCall() as child:
                self.child_calls.append(child)
            case Timer() as timer:
                self.timers.append(timer)
            case SentEvent() as event:
                self.sent_events.append(event)
            case EntityCall() as operation:
                self.entity_calls.append(operation)
            case EntitySignal() as signal:
                self.signals.append(signal)
            case LockRequest() as lock:
                self.locks.append(lock)
            case None:
                pass

    @property
    def called(self) -> list[tuple[str, Any]]:
        """The activities that were called, each with its input: what most tests compare."""
        return [(call.name, call.input) for call in self.calls]

    def inputs_of(self, name: str) -> list[Any]:
        """The inputs of all calls of this activity, in order."""
        return [call.input for call in self.calls if call.name == name]
