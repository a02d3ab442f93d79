"""Continue-as-new: one execution ends, the next begins with its input and the unread events."""

from typing import Any

import pytest

from durable.model.history import ExecutionCompleted, ExecutionStarted, TaskScheduled
from durable.model.ids import InstanceId
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.values import decode_value
from durable.replay.decision import Decision, Divergence
from tests.replay.recording import (
    EXECUTION,
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    decide_cold,
    raised,
    resumed,
    suspended,
    terminated,
)


def continued(decision: Decision) -> Any:
    """Return the input of the next execution, and what is carried, as values."""
    assert decision.status is RuntimeStatus.CONTINUED_AS_NEW
    assert decision.continued is not None
    carried = [(event.name, decode_value(event.input)) for event in decision.continued.carried]
    return decode_value(decision.continued.input), carried


def with_a_yield(context: Context) -> Orchestration:
    """Count up."""
    yield context.wait_for_external_event("tick")
    yield context.continue_as_new(context.get_input() + 1)


def without_a_yield(context: Context) -> Orchestration:
    """Count up."""
    yield context.wait_for_external_event("tick")
    context.continue_as_new(context.get_input() + 1)


async def awaited(context: Context) -> None:
    """Count up."""
    await context.wait_for_external_event("tick")
    await context.continue_as_new(context.get_input() + 1)


def with_a_yield_of_nothing(context: Context) -> Orchestration:
    """Count up."""
    yield context.wait_for_external_event("tick")
    context.continue_as_new(context.get_input() + 1)
    yield


@pytest.mark.parametrize(
    "orchestrator", [with_a_yield, without_a_yield, awaited, with_a_yield_of_nothing]
)
def test_it_takes_effect_with_and_without_a_yield(orchestrator: Any) -> None:
    """The execution ends with the input of the next one; there is no output."""
    recording = Recording(orchestrator, 41)
    decision = recording.episode(raised("tick"))
    assert continued(decision) == (42, [])
    assert decision.output is None
    assert decision.execution is None
    ended = decision.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.orchestration_status is RuntimeStatus.CONTINUED_AS_NEW
    assert ended.result == "42"


def test_a_function_that_never_waits_can_continue_as_new() -> None:
    """What it returns is not looked at."""

    def orchestrator(context: Context) -> str:
        context.continue_as_new("next")
        return "ignored"

    assert continued(Recording(orchestrator).last) == ("next", [])


def test_what_is_asked_for_afterwards_is_ignored() -> None:
    """Activities, events, starts, a second continue-as-new; what came before stands."""

    def orchestrator(context: Context) -> Orchestration:
        context.send_event("other", "before")
        assert not context.will_continue_as_new
        context.continue_as_new("first")
        assert context.will_continue_as_new
        context.send_event("other", "after")
        context.start_new_orchestration("other")
        context.continue_as_new("second")
        yield context.call_activity("never")

    recording = Recording(orchestrator)
    assert continued(recording.last) == ("first", [])
    assert asked(recording.last) == [(0, "before", None, "other")]


def test_the_code_behind_it_does_not_run_on() -> None:
    """Its `finally` blocks find a dead context."""
    seen: list[str] = []

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.continue_as_new(None)
            seen.append("went on")
        finally:
            context.set_custom_status("late")
            seen.append("alive")

    recording = Recording(orchestrator)
    assert continued(recording.last) == (None, [])
    assert seen == []
    assert recording.last.custom_status is None


def test_unread_events_are_carried_in_the_order_in_which_they_came() -> None:
    """Of all names together; those that were read are not among them."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        context.continue_as_new("next")

    recording = Recording(orchestrator)
    recording.episode(raised("b", 1), raised("a", 2), raised("b", 3))
    assert continued(recording.episode(raised("go"))) == ("next", [("b", 1), ("a", 2), ("b", 3)])


def test_inputs_behind_it_are_left_for_the_next_execution() -> None:
    """They are neither consumed nor carried."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        context.continue_as_new("next")

    recording = Recording(orchestrator)
    decision = recording.episode(raised("x"), raised("go"), raised("y"))
    assert decision.consumed == 2
    assert continued(decision) == ("next", [("x", None)])


def test_events_that_were_held_while_suspended_are_carried_too() -> None:
    """Behind those that nobody has read before; answers to the old execution are not."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.task_any([context.wait_for_external_event("go"), context.call_activity("a")])
        context.continue_as_new("next")

    recording = Recording(orchestrator)
    recording.episode(raised("x", 1))
    recording.episode(suspended(), raised("y", 2), raised("go"), completed(0), raised("z", 3))
    decision = recording.episode(resumed())
    assert continued(decision) == ("next", [("x", 1), ("y", 2), ("z", 3)])


def test_an_exception_afterwards_fails_the_orchestration() -> None:
    """It is not lost in a restart."""

    def orchestrator(context: Context) -> Orchestration:
        context.continue_as_new("next")
        raise ValueError("but then")
        yield

    recording = Recording(orchestrator)
    assert recording.last.status is RuntimeStatus.FAILED
    assert "but then" in recording.output


def test_an_input_without_json_form_is_refused_at_its_line() -> None:
    """The execution goes on."""

    def orchestrator(context: Context) -> Orchestration:
        with pytest.raises(ValueError, match="JSON"):
            context.continue_as_new(object())
        yield context.call_activity("a")

    assert asked(Recording(orchestrator).last) == [(0, "a", None)]


def test_a_terminate_beside_it_comes_too_late_or_first() -> None:
    """Inputs are taken one by one."""
    recording = Recording(with_a_yield, 1)
    assert recording.episode(raised("tick"), terminated()).consumed == 1
    recording = Recording(with_a_yield, 1)
    decision = recording.episode(terminated(), raised("tick"))
    assert decision.status is RuntimeStatus.TERMINATED
    assert decision.continued is None


def test_an_execution_that_follows_a_child_still_owes_the_answer() -> None:
    """The end of one execution names no parent: only the last one answers."""
    parent = Parent(
        instance_id=InstanceId("mother"), execution_id=EXECUTION, task_id=0, name="m"
    ).to_json()
    start = ExecutionStarted(timestamp=START, name="o", input="1", parent_instance=parent)
    recording = Recording(with_a_yield, start=start)
    ended = recording.episode(raised("tick")).facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.parent_instance is None


def test_the_custom_status_is_the_executions_own_only_if_it_has_set_one() -> None:
    """Otherwise the one of the execution before it stays."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        context.set_custom_status(None)
        yield context.call_activity("b")

    recording = Recording(orchestrator)
    assert not recording.last.sets_custom_status
    decision = recording.episode(completed(0))
    assert decision.sets_custom_status
    assert decision.custom_status is None


def test_a_terminate_takes_back_the_status_that_came_with_it() -> None:
    """As everything that its episode did."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        context.set_custom_status("set")
        yield context.call_activity("a")

    recording = Recording(orchestrator)
    decision = recording.episode(raised("go"), terminated())
    assert not decision.sets_custom_status
    assert not [fact for fact in decision.facts if isinstance(fact, TaskScheduled)]


def test_code_that_continues_as_new_where_the_history_waited_is_noticed() -> None:
    """It must not end executions that are past that line."""

    def deployed(context: Context) -> Orchestration:
        yield context.continue_as_new(None)

    recording = Recording(with_a_yield, 1)
    assert isinstance(decide_cold(recording.history, [raised("tick")], deployed), Divergence)
