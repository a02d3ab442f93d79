"""SavedHistory: the history of one execution outside of its hub, and its file.

A file is JSON lines: first the instance, then an event a line, with the columns that the History
table has. Payloads stand in it as they are: keep it as you keep the data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable.model.codec import decode_event, encode_event, to_json
from durable.model.errors import DurableError, MalformedMessageError
from durable.model.history import ExecutionStarted, HistoryEvent
from durable.model.ids import InstanceId

FORMAT = 1
# The kinds of event as DTFx numbers them in a replay request.
KINDS = (
    "ExecutionStarted",
    "ExecutionCompleted",
    "ExecutionFailed",
    "ExecutionTerminated",
    "TaskScheduled",
    "TaskCompleted",
    "TaskFailed",
    "SubOrchestrationInstanceCreated",
    "SubOrchestrationInstanceCompleted",
    "SubOrchestrationInstanceFailed",
    "TimerCreated",
    "TimerFired",
    "OrchestratorStarted",
    "OrchestratorCompleted",
    "EventSent",
    "EventRaised",
    "ContinueAsNew",
    "GenericEvent",
    "HistoryState",
    "ExecutionSuspended",
    "ExecutionResumed",
)


class UnreadableHistoryError(DurableError, ValueError):
    """A text that is not a history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedHistory:
    """The facts of one execution. Its instance id matters: `new_uuid` depends on it."""

    instance_id: InstanceId
    events: tuple[HistoryEvent, ...]

    @property
    def started(self) -> ExecutionStarted:
        """The start; raises `UnreadableHistoryError` where there is none."""
        for event in self.events:
            if isinstance(event, ExecutionStarted):
                return event
        raise UnreadableHistoryError(
            f"The history of '{self.instance_id}' has no ExecutionStarted event: it has not begun."
        )


def to_lines(history: SavedHistory) -> str:
    """Print as JSON lines."""
    head = {"SavedHistory": FORMAT, "InstanceId": history.instance_id}
    lines = [json.dumps(head), *(to_json(encode_event(event, {})) for event in history.events)]
    return "\n".join(lines) + "\n"


def save_history(path: Path | str, history: SavedHistory) -> None:
    """Write a file that `read_history` reads."""
    Path(path).write_text(to_lines(history), encoding="utf-8")


def read_history(path: Path | str) -> SavedHistory:
    """Read a saved file, or raise `UnreadableHistoryError`."""
    return from_lines(Path(path).read_text(encoding="utf-8"))


def from_lines(text: str) -> SavedHistory:
    """Read what `to_lines` printed."""
    try:
        # Not `splitlines`: it also cuts at U+2028 and the like, which may stand in a payload.
        head, *lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        if head["SavedHistory"] != FORMAT:
            raise UnreadableHistoryError(f"A saved history of the unknown form {head!r:.100}.")
        return from_events(lines, instance_id=str(head["InstanceId"]))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UnreadableHistoryError):
            raise
        raise UnreadableHistoryError(f"Not a saved history: {error!r}") from error


def from_events(
    events: Sequence[HistoryEvent | Mapping[str, Any]], *, instance_id: str | None = None
) -> SavedHistory:
    """Take events, or their columns as the History table or a replay request of DTFx has them."""
    read = tuple(
        event if isinstance(event, HistoryEvent) else _read_event(event) for event in events
    )
    started = next((event for event in read if isinstance(event, ExecutionStarted)), None)
    known = instance_id or (_instance_id_of(started) if started else None)
    return SavedHistory(instance_id=InstanceId(known or "instance"), events=read)


def _read_event(columns: Mapping[str, Any]) -> HistoryEvent:
    known: dict[str, Any] = {name: value for name, value in columns.items() if value is not None}
    kind = known.get("EventType")
    if isinstance(kind, int) and 0 <= kind < len(KINDS):
        known["EventType"] = KINDS[kind]
    if "_Timestamp" not in known and "Timestamp" in known:
        known["_Timestamp"] = known["Timestamp"]
    for name in ("FailureDetails", "OrchestrationInstance", "ParentInstance"):
        if isinstance(known.get(name), Mapping):
            known[name] = json.dumps(known[name])
    try:
        event, blobs = decode_event(known)
    except MalformedMessageError as error:
        raise UnreadableHistoryError(f"{error} in {json.dumps(known, default=str):.200}") from error
    if blobs:
        raise UnreadableHistoryError(
            f"A {type(event).__name__} event names the blob {next(iter(blobs.values()))} instead "
            "of holding its payload. Save the history with DurableClient.read_history."
        )
    return event


def _instance_id_of(started: ExecutionStarted) -> str | None:
    try:
        return str(json.loads(started.orchestration_instance or "")["InstanceId"])
    except (KeyError, TypeError, ValueError):
        return None
