"""What `context.histories` shows: the history so far, as azure-functions-durable 1.7 spells it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import IntEnum
from typing import Any

from durable.model.codec import encode_event
from durable.model.history import HistoryEvent

# A live orchestrator keeps its history for as long as it lives. What is longer than this lies in a
# blob, and was given to the code already: it is not held in memory for the sake of a look back.
KEPT_CHARS_MAX = 16 * 1024
PAYLOADS = ("input", "result", "details")


class HistoryEventType(IntEnum):
    """DTFx's EventType."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_INSTANCE_CREATED = 7
    SUB_ORCHESTRATION_INSTANCE_COMPLETED = 8
    SUB_ORCHESTRATION_INSTANCE_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC_EVENT = 17
    HISTORY_STATE = 18
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


TYPES = {"".join(kind.name.title().split("_")): kind for kind in HistoryEventType}
# These are `None` where an event has none, as in 1.7; any other name is an AttributeError.
ALWAYS_THERE = frozenset({"Name", "InstanceId", "TaskScheduledId", "Reason", "Details", "Input"})


class HistoryView:
    """One event. Its fields are attributes under DTFx's names: `Name`, `TaskScheduledId`, ..."""

    def __init__(self, columns: Mapping[str, Any], *, is_played: bool) -> None:
        """Show these columns."""
        self._columns = columns
        self.is_played = is_played
        self.is_processed = False

    @property
    def event_type(self) -> HistoryEventType:
        """The kind; one that DTFx does not have is `GENERIC_EVENT`."""
        kind = self._columns.get("EventType")
        if isinstance(kind, int):
            return HistoryEventType(kind)
        return TYPES.get(str(kind), HistoryEventType.GENERIC_EVENT)

    @property
    def event_id(self) -> int:
        """The id of the task that the event scheduled, else -1."""
        return int(self._columns.get("EventId", -1))

    @property
    def timestamp(self) -> datetime:
        """When it was noted."""
        moment = self._columns.get("_Timestamp") or self._columns.get("Timestamp")
        return moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))

    def columns(self) -> dict[str, Any]:
        """List all fields."""
        return dict(self._columns)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._columns:
            return self._columns[name]
        if name in ALWAYS_THERE:
            return None
        raise AttributeError(f"A {self.event_type.name} event has no {name}.")

    def __repr__(self) -> str:
        return f"HistoryView({dict(self._columns)!r})"


def view_of(event: HistoryEvent, *, is_played: bool) -> HistoryView:
    """Show an event."""
    return HistoryView(encode_event(event, {}), is_played=is_played)


def kept(event: HistoryEvent) -> HistoryEvent:
    """Return what is kept of an event."""
    for field in PAYLOADS:
        text = getattr(event, field, None)
        if isinstance(text, str) and len(text) > KEPT_CHARS_MAX:
            emptied: Any = {field: "" if field == "details" else None}
            event = replace(event, **emptied)
    return event
