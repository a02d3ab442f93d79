"""The JSON that the Durable extension sends to a Python orchestrator, as surroundings.

Nobody sends it here; unit tests written for azure-functions-durable 1.7 make it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from durable.model.codec import EVENT_TYPES, decode_event, decode_time
from durable.model.errors import MalformedMessageError
from durable.model.history import ExecutionStarted, HistoryEvent, OrchestratorStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import Parent
from durable.replay.docket import Docket
from durable.replay.histories import TYPES
from durable.replay.surroundings import BEFORE_ALL, FunctionContext, Surroundings

OF_THE_ENGINE = frozenset(
    {
        "history",
        "instanceId",
        "isReplaying",
        "parentInstanceId",
        "input",
        "upperSchemaVersion",
        "upperSchemaVersionNew",
        "maximumShortTimerDuration",
        "longRunningTimerIntervalDuration",
    }
)
NAMES = {int(kind): name for name, kind in TYPES.items()}


def read_trigger_body(text: str) -> Surroundings:
    """Read it, or raise `MalformedMessageError`."""
    try:
        members = json.loads(text)
        events = [event for entry in members["history"] for event in _event(entry)]
        started = next((e for e in events if isinstance(e, ExecutionStarted)), None)
        parent = members.get("parentInstanceId")
        given = members.get("input")
        seen = Surroundings(
            instance_id=InstanceId(members["instanceId"]),
            name=started.name if started else "",
            input=given if isinstance(given, str | None) else json.dumps(given),
            docket=Docket(),
            version=started.version if started else None,
            parent_instance=None if parent is None else _parent(parent),
            is_replaying=bool(members.get("isReplaying")),
            further=FunctionContext(
                **{key: value for key, value in members.items() if key not in OF_THE_ENGINE}
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessageError(
            f"Not the body of an orchestration trigger: {error!r}"
        ) from error
    seen.begin_episode(_first_time(events))
    seen.note(*events)
    return seen


def _event(entry: Mapping[str, Any]) -> list[HistoryEvent]:
    """Read one event; those that no orchestrator ever needed are passed over."""
    kind = entry["EventType"]
    name = NAMES.get(kind, "") if isinstance(kind, int) else str(kind)
    if name not in EVENT_TYPES:
        return []
    # A test names what it needs: the rest of the required fields is empty.
    columns: dict[str, Any] = {"Name": "", "Reason": "", "Details": "", "TaskScheduledId": -1}
    columns.update({key: value for key, value in entry.items() if value is not None})
    columns.update({"EventType": name, "_Timestamp": decode_time(entry["Timestamp"])})
    return [decode_event(columns)[0]]


def _parent(instance_id: str) -> str:
    parent = Parent(
        instance_id=InstanceId(instance_id), execution_id=ExecutionId(""), task_id=-1, name=""
    )
    return parent.to_json()


def _first_time(events: list[HistoryEvent]) -> datetime:
    starts = (event.timestamp for event in events if isinstance(event, OrchestratorStarted))
    return next(starts, BEFORE_ALL)
