"""What the replayer takes for a history, and how each kind is read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from durable.model.history import HistoryEvent
from durable.model.ids import InstanceId
from durable.testing.replaying.projected import ProjectedHistory
from durable.testing.replaying.saved import (
    SavedHistory,
    UnreadableHistoryError,
    from_events,
    from_lines,
)

# A path is a file. A text is what such a file holds, or the JSON of a status query; a mapping is
# that JSON as a value. Anything else with a `history` is a status.
Source = (
    SavedHistory
    | ProjectedHistory
    | Path
    | str
    | Mapping[str, Any]
    | Sequence[HistoryEvent | Mapping[str, Any]]
)

# Answers of entities, which a status query shows without the call that they are for.
OF_ENTITIES = frozenset({"EntityOperationCompleted", "EntityOperationFailed", "EntityLockGranted"})


def history_of(source: Any, *, instance_id: str | None = None) -> SavedHistory | ProjectedHistory:
    """Read a history, or raise `UnreadableHistoryError`."""
    if isinstance(source, SavedHistory | ProjectedHistory):
        return source
    if isinstance(source, Path):
        return history_of(_text_of(source), instance_id=instance_id)
    if isinstance(source, str):
        return _of_text(source, instance_id)
    if isinstance(source, Mapping):
        return _of_status(source, instance_id)
    if isinstance(source, Sequence):
        return _of_events(source, {}, instance_id)
    return _of_status_object(source, instance_id)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableHistoryError(f"{path} is no text: {error}") from error


def _of_text(text: str, instance_id: str | None) -> SavedHistory | ProjectedHistory:
    try:
        document = json.loads(text)
    except ValueError:
        return from_lines(text)  # more than one line
    if isinstance(document, dict) and "SavedHistory" in document:
        return from_lines(text)
    if isinstance(document, list | dict):
        return history_of(document, instance_id=instance_id)
    raise UnreadableHistoryError(f"Not a history: {text[:100]!r}")


def _of_status(
    status: Mapping[str, Any], instance_id: str | None
) -> SavedHistory | ProjectedHistory:
    events = next((status[k] for k in ("historyEvents", "history") if status.get(k)), None)
    if not isinstance(events, Sequence):
        raise UnreadableHistoryError(
            "The status holds no history. Ask for it with showHistory=true&showHistoryOutput=true"
            "&showInput=true."
        )
    known = instance_id or status.get("instanceId")
    return _of_events(events, status, None if known is None else str(known))


def _of_status_object(status: Any, instance_id: str | None) -> SavedHistory | ProjectedHistory:
    events = next(
        (getattr(status, k) for k in ("historyEvents", "history") if getattr(status, k, None)), None
    )
    if not isinstance(events, Sequence):
        raise UnreadableHistoryError(f"{type(status).__name__} holds no history.")
    members = {"name": getattr(status, "name", None)}
    shown_input = getattr(status, "input_", getattr(status, "input", None))
    if shown_input is not None:
        members["input"] = shown_input
    known = instance_id or getattr(status, "instance_id", None)
    return _of_events(events, members, known)


def _of_events(
    events: Sequence[Any], status: Mapping[str, Any], instance_id: str | None
) -> SavedHistory | ProjectedHistory:
    if not events:
        raise UnreadableHistoryError("The history is empty.")
    if not _is_projected(events):
        return from_events(events, instance_id=instance_id)
    if any(event.get("EventType") in OF_ENTITIES for event in events):
        raise UnreadableHistoryError(
            "The history of a status query does not tell which call of an entity an answer is for. "
            "Save the history in full: python -m durable.testing.replay --save, or read_history."
        )
    started = next((e for e in events if e.get("EventType") == "ExecutionStarted"), None)
    if started is None:
        raise UnreadableHistoryError("The history has no ExecutionStarted event.")
    name = status.get("name") or started.get("FunctionName") or started.get("Name")
    return ProjectedHistory(
        instance_id=InstanceId(instance_id or "instance"),
        name=str(name),
        events=tuple(events),
        has_input=status.get("input") is not None,
        input=status.get("input"),
    )


def _is_projected(events: Sequence[Any]) -> bool:
    """A status query drops the brackets of the episodes."""
    if any(isinstance(event, HistoryEvent) for event in events):
        return False
    return all(event.get("EventType") not in {"OrchestratorStarted", 12} for event in events)
