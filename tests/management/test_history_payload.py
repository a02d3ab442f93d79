"""GET instances/{id}?showHistory=true: the history as the extension's callers know it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.management.histories import history_payload
from durable.model import history as facts
from durable.model.failures import FailureDetails
from durable.model.status import RuntimeStatus

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
AT_TEXT, LATER_TEXT = "2026-01-02T03:04:05.678000Z", "2026-01-02T03:04:06.678000Z"


async def test_a_history_comes_only_on_request(hub: Any) -> None:
    """Results only on request too; brackets, numbers and answered calls never."""
    await hub.client.start("hello", instance_id="a", input_="Tokyo")
    await hub.run()

    async def events(**query: str) -> Any:
        answer = await hub.ask("GET", "instances/a", **query)
        return json.loads(answer.body).get("historyEvents")

    moment = "2026-01-02T03:04:05.000000Z"
    assert await events() is None
    assert await events(showHistory="true") == [
        {
            "EventType": "ExecutionStarted",
            "FunctionName": "hello",
            "Input": "Tokyo",
            "Timestamp": moment,
        },
        {
            "EventType": "TaskCompleted",
            "FunctionName": "Greet",
            "Input": "Tokyo",
            "ScheduledTime": moment,
            "Timestamp": moment,
        },
        {
            "EventType": "ExecutionCompleted",
            "OrchestrationStatus": "Completed",
            "Timestamp": moment,
        },
    ]
    whole = await events(showHistory="true", showHistoryOutput="true", showInput="false")
    assert [event.get("Result") for event in whole] == [None, "Hello Tokyo!", ["Hello Tokyo!"]]
    assert [event.get("Input") for event in whole] == [None] * 3


async def test_a_pending_instance_shows_no_history(hub: Any) -> None:
    """There is none yet."""
    await hub.client.start("hello", instance_id="a")
    answer = await hub.ask("GET", "instances/a", showHistory="true")
    assert "historyEvents" not in json.loads(answer.body)


def test_a_failure_keeps_its_reason_and_an_open_call_stands_for_itself() -> None:
    """What has not been answered is not merged into anything."""
    details = FailureDetails(error_type="ValueError", error_message="no")
    history = [
        facts.TaskScheduled(timestamp=AT, event_id=0, name="Pay", input='{"n":1}', attempt=2),
        facts.TaskScheduled(timestamp=AT, event_id=1, name="Ship", input="x"),
        facts.TaskFailed(
            timestamp=LATER,
            task_scheduled_id=0,
            reason="r",
            details="d",
            failure_details=details,
        ),
    ]
    assert history_payload(history) == [
        {"EventType": "TaskScheduled", "Timestamp": AT_TEXT, "Name": "Ship", "Input": "x"},
        {
            "EventType": "TaskFailed",
            "Timestamp": LATER_TEXT,
            "Reason": "r",
            "Details": "d",
            "FailureDetails": json.loads(details.to_json()),
            "ScheduledTime": AT_TEXT,
            "FunctionName": "Pay",
            "Input": {"n": 1},
        },
    ]


@pytest.mark.parametrize(
    "answer",
    [
        facts.SubOrchestrationInstanceCompleted(timestamp=LATER, task_scheduled_id=4, result="1"),
        facts.SubOrchestrationInstanceFailed(
            timestamp=LATER, task_scheduled_id=4, reason="r", details="d"
        ),
    ],
)
def test_a_child_is_one_entry_when_it_has_answered(answer: facts.HistoryEvent) -> None:
    """Created and ended are one, as for activities."""
    created = facts.SubOrchestrationInstanceCreated(
        timestamp=AT, event_id=4, name="inner", instance_id="c", input="7"
    )
    (entry,) = history_payload([created, answer])
    assert entry["EventType"] == type(answer).__name__
    assert (entry["FunctionName"], entry["ScheduledTime"], entry["Input"]) == ("inner", AT_TEXT, 7)
    (alone,) = history_payload([created])
    assert (alone["InstanceId"], alone["Name"]) == ("c", "inner")


def test_timers_and_events_are_shown_without_the_engines_numbers() -> None:
    """Each is a fact of its own."""
    history = [
        facts.OrchestratorStarted(timestamp=AT),
        facts.TimerCreated(timestamp=AT, event_id=0, fire_at=LATER),
        facts.TimerFired(timestamp=LATER, timer_id=0, fire_at=LATER),
        facts.EventRaised(timestamp=LATER, name="Go", input='{"a": 1}'),
        facts.ExecutionCompleted(
            timestamp=LATER, orchestration_status=RuntimeStatus.TERMINATED, result='"why"'
        ),
        facts.OrchestratorCompleted(timestamp=LATER),
    ]
    created, fired, raised, completed = history_payload(history)
    assert created == {"EventType": "TimerCreated", "Timestamp": AT_TEXT, "FireAt": LATER_TEXT}
    assert fired == {"EventType": "TimerFired", "Timestamp": LATER_TEXT, "FireAt": LATER_TEXT}
    assert (raised["Name"], raised["Input"]) == ("Go", {"a": 1})
    assert (completed["OrchestrationStatus"], completed["Result"]) == ("Terminated", "why")


def test_a_call_of_an_entity_and_its_answer_are_one_entry_and_a_lock_and_its_grant_too() -> None:
    """Whoever looks at a history sees which entity, and what of it."""
    history = [
        facts.EntityLockRequested(
            timestamp=AT, event_id=0, lock_set='["@a@1","@a@2"]', numbers="[1,1]"
        ),
        facts.EntityLockGranted(timestamp=LATER, task_scheduled_id=0),
        facts.EntityOperationCalled(
            timestamp=AT, event_id=1, instance_id="@a@1", operation="add", input="5"
        ),
        facts.EntityOperationCompleted(timestamp=LATER, task_scheduled_id=1, result="6"),
    ]
    granted, completed = history_payload(history)
    assert granted == {
        "EventType": "EntityLockGranted",
        "Timestamp": LATER_TEXT,
        "ScheduledTime": AT_TEXT,
        "LockSet": ["@a@1", "@a@2"],
    }
    assert completed == {
        "EventType": "EntityOperationCompleted",
        "Timestamp": LATER_TEXT,
        "ScheduledTime": AT_TEXT,
        "InstanceId": "@a@1",
        "Operation": "add",
        "Input": 5,
        "Result": 6,
    }
