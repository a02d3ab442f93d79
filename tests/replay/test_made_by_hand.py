"""Tasks and contexts that a unit test makes by hand, as those written for 1.7 do."""

import json
from typing import Any

import pytest

from durable.model.errors import MalformedMessageError
from durable.replay.context import DurableOrchestrationContext
from durable.replay.histories import HistoryEventType
from durable.replay.tasks import TaskBase, TaskState, WhenAllTask, WhenAnyTask
from tests.replay.recording import START


def test_tasks_can_be_completed_by_hand() -> None:
    """`set_value` tells those that the task is a part of."""
    one, two = TaskBase(0, []), TaskBase(1, [])
    both, any_ = WhenAllTask([one, two]), WhenAnyTask([one, two])
    two.set_value(is_error=False, value="two")
    assert (any_.result, both.is_completed) == (two, False)
    one.set_value(is_error=False, value="one")
    assert both.result == ["one", "two"]
    assert both.state is TaskState.SUCCEEDED
    failing = TaskBase(2, [])
    failing.set_value(is_error=True, value=ValueError("no"))
    assert failing.state is TaskState.FAILED
    with pytest.raises(TypeError):
        TaskBase(3, []).set_value(is_error=True, value="no exception")


def test_a_state_can_be_changed_and_told_by_hand() -> None:
    """`propagate` tells; back to running is refused."""
    child = TaskBase(0, [])
    parent = WhenAnyTask([child])
    child.change_state(TaskState.SUCCEEDED)
    assert not parent.is_completed
    child.propagate()
    assert parent.result is child
    with pytest.raises(ValueError, match="RUNNING"):
        child.change_state(TaskState.RUNNING)


def body(**members: Any) -> str:
    """Make what the Durable extension would send."""
    history = [
        {"EventType": 12, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"},
        {
            "EventType": 0,
            "EventId": -1,
            "IsPlayed": False,
            "Timestamp": "2026-01-01T00:00:00Z",
            "Name": "o",
            "Version": "1.0",
            "Input": None,
        },
        {"EventType": 17, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"},
    ]
    usual = {
        "history": history,
        "instanceId": "i",
        "isReplaying": False,
        "parentInstanceId": "mother",
        "input": {"n": 1},
        "upperSchemaVersion": 3,
    }
    return json.dumps({**usual, **members})


def test_a_context_can_be_made_of_a_trigger_body() -> None:
    """With everything in it, for a unit test of an orchestrator."""
    context = DurableOrchestrationContext.from_json(body(flavour="mint"))
    assert (context.instance_id, context.parent_instance_id) == ("i", "mother")
    assert (context.name, context.version, context.get_input()) == ("o", "1.0", {"n": 1})
    assert context.current_utc_datetime == START
    assert context.function_context.flavour == "mint"
    assert [view.event_type for view in context.histories] == [
        HistoryEventType.ORCHESTRATOR_STARTED,
        HistoryEventType.EXECUTION_STARTED,
    ]
    assert not context.call_activity("a").is_completed
    assert context.start_new_orchestration("other") == "i:0"
    context.continue_as_new(1)
    assert context.will_continue_as_new


@pytest.mark.parametrize("text", ["", "[]", "{}", body(history=[{"EventType": 12}])])
def test_a_trigger_body_that_is_none_is_refused(text: str) -> None:
    """With one kind of error."""
    with pytest.raises(MalformedMessageError):
        DurableOrchestrationContext.from_json(text)
