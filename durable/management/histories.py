"""The history as callers know it from the Durable Task extension (`historyEvents`).

Source: HttpApiHandler.cs and DurableClient.cs of azure-functions-durable-extension. The brackets of
episodes go. A call that was answered is one entry, that of its answer, with the time of the call as
`ScheduledTime`; a call that is open stands for itself. Numbers that only the engine needs go.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from durable.model.codec import Column, encode_event
from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable.model.values import decode_value

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
LEFT_OUT = frozenset(
    {
        "EventId",
        "IsPlayed",
        "TaskScheduledId",
        "TimerId",
        "Version",
        "OrchestrationInstance",
        "ParentInstance",
        "Generation",
        "Run",
        "VoidedEpisode",
        "Numbers",
        "Position",
    }
)
PAYLOADS = frozenset({"Input", "Result", "FailureDetails", "LockSet", "Operations"})
Called = (
    TaskScheduled | SubOrchestrationInstanceCreated | EntityOperationCalled | EntityLockRequested
)
Answered = (
    TaskCompleted
    | TaskFailed
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | EntityOperationCompleted
    | EntityOperationFailed
    | EntityLockGranted
)


def history_payload(history: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    """Describe a history; what the events do not hold is not told."""
    answered = {fact.task_scheduled_id for fact in history if isinstance(fact, Answered)}
    calls: dict[int, Called] = {}
    entries: list[dict[str, Any]] = []
    for fact in history:
        if isinstance(fact, OrchestratorStarted | OrchestratorCompleted):
            continue
        if isinstance(fact, Called):
            calls[fact.event_id] = fact
            if fact.event_id in answered:
                continue
        entry = _entry(fact)
        if isinstance(fact, Answered) and fact.task_scheduled_id in calls:
            entry |= _call(calls[fact.task_scheduled_id])
        entries.append(entry)
    return entries


def _entry(fact: HistoryEvent) -> dict[str, Any]:
    columns = encode_event(fact, {})
    entry = {name: _shown(name, value) for name, value in columns.items() if name not in LEFT_OUT}
    entry["Timestamp"] = entry.pop("_Timestamp")
    if isinstance(fact, ExecutionStarted):
        entry["FunctionName"] = entry.pop("Name")
    return entry


def _call(call: Called) -> dict[str, Any]:
    told: dict[str, Any] = {"ScheduledTime": _time(call.timestamp)}
    if isinstance(call, EntityLockRequested):
        return {**told, "LockSet": decode_value(call.lock_set)}
    if isinstance(call, EntityOperationCalled):
        told |= {"InstanceId": call.instance_id, "Operation": call.operation}
    else:
        told["FunctionName"] = call.name
    if call.input is not None:
        told["Input"] = decode_value(call.input)
    return told


def _shown(name: str, value: Column) -> Any:
    if isinstance(value, datetime):
        return _time(value)
    return decode_value(str(value)) if name in PAYLOADS else value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(TIME_FORMAT)
