"""Facts: what a decision asks for, laid out for comparing.

Recorded facts and what a model foresees are laid out the same. Numbers in streams, times of notes
and what a rewind asks for anew are left out; the protocol's rules look at those.
"""

from collections.abc import Iterable
from typing import Any

from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventSent,
    ExecutionCompleted,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TerminationSent,
    TimerCreated,
)
from durable.model.ids import ExecutionId
from durable.model.parents import default_child_id
from durable.model.streams import read_lock_set

Fact = tuple[Any, ...]
ENDED = "ended"


def fact_of(event: HistoryEvent, execution_id: ExecutionId) -> Fact | None:
    """Lay a recorded fact out for comparing; `None` for what is no consequence."""
    match event:
        case TaskScheduled(run=None):
            return ("activity", event.event_id, event.name, event.input)
        case TimerCreated(run=None):
            return ("timer", event.event_id, event.fire_at)
        case ExecutionCompleted():
            return (ENDED, event.orchestration_status.value, event.result)
        case _:
            return _fact_for_another(event, execution_id)


def _fact_for_another(event: HistoryEvent, execution_id: ExecutionId) -> Fact | None:
    match event:
        case SubOrchestrationInstanceCreated():
            is_default = event.instance_id == default_child_id(execution_id, event.event_id)
            kind = "detached" if event.is_detached else "child"
            started_id = None if is_default else event.instance_id
            return (kind, event.event_id, event.name, event.input, started_id)
        case EventSent():
            return ("event", event.event_id, event.instance_id, event.name, event.input)
        case TerminationSent():
            return ("termination", event.instance_id, event.input)
        case _:
            return _fact_for_entities(event)


def _fact_for_entities(event: HistoryEvent) -> Fact | None:
    match event:
        case EntityOperationCalled(run=None):
            return ("call", event.event_id, event.instance_id, event.operation, event.input)
        case EntityOperationSignaled():
            sent = (event.instance_id, event.operation, event.input, event.scheduled_time)
            return ("signal", event.event_id, *sent)
        case EntityLockRequested():
            return ("lock", event.event_id, read_lock_set(event.lock_set))
        case EntityUnlockSent():
            return unlock(event.critical_section_id, read_lock_set(event.lock_set))
        case _:
            return None


def unlock(section_id: int, lock_set: Iterable[str]) -> Fact:
    """Lay out the release of a section. Its own id is the code's, or nobody's at an end."""
    return ("unlock", section_id, tuple(lock_set))


def open_sections(events: Iterable[HistoryEvent]) -> dict[int, tuple[str, ...]]:
    """List the sections that were asked for and not left: task id → entities."""
    found: dict[int, tuple[str, ...]] = {}
    for event in events:
        if isinstance(event, EntityLockRequested):
            found[event.event_id] = read_lock_set(event.lock_set)
        elif isinstance(event, EntityUnlockSent):
            found.pop(event.critical_section_id, None)
    return found
