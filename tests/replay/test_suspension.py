"""Suspend, resume, park and rewind."""

from datetime import timedelta
from typing import Any

import pytest

from durable.model.history import (
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    StartRefused,
    TaskScheduled,
    TerminationSent,
)
from durable.model.ids import InstanceId
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision, Divergence
from durable.replay.parking import REASON_CHARS_MAX, park
from tests.replay.recording import (
    EXECUTION,
    START,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    completed,
    decide_cold,
    failed,
    raised,
    resumed,
    started,
    suspended,
    terminated,
)


def race(context: Context) -> Orchestration:
    """Say who was first, and when."""
    tasks = [context.call_activity("a"), context.call_activity("b")]
    winner = yield context.task_any(tasks)
    then = context.current_utc_datetime
    yield context.wait_for_external_event("end")
    return [tasks.index(winner), (then - START).total_seconds()]


def test_what_arrives_while_suspended_is_recorded_and_not_applied() -> None:
    """Nothing is scheduled, nothing ends, whatever the batches."""
    recording = Recording(race)
    decision = recording.episode(suspended("a pause"), completed(1), raised("end"))
    assert decision.status is RuntimeStatus.SUSPENDED
    assert decision.reason == "a pause"
    assert decision.consumed == 3
    decision = recording.episode(completed(0))
    assert decision.status is RuntimeStatus.SUSPENDED
    assert len(decision.facts) == 3


def test_a_resume_applies_what_was_held_one_by_one_and_in_order() -> None:
    """At the time of the resume, and what comes with it behind what was held."""
    recording = Recording(race)
    recording.each(suspended(), completed(1))
    decision = recording.episode(resumed(), completed(0), raised("end"), after_s=50)
    assert decision.status is RuntimeStatus.COMPLETED
    assert recording.output == [1, 50]


def test_an_instance_goes_on_after_its_resume() -> None:
    """Inputs are applied as they come again."""
    recording = Recording(race)
    recording.each(suspended(), resumed())
    assert recording.last.status is RuntimeStatus.RUNNING
    assert recording.last.reason is None
    recording.each(completed(0), raised("end"))
    assert recording.output[0] == 0


def test_a_second_suspend_changes_nothing_and_one_resume_ends_both() -> None:
    """A pause is a state, not a count."""
    recording = Recording(race)
    recording.each(suspended("one"), suspended("two"), completed(0), raised("end"))
    assert recording.last.reason == "one"
    assert recording.episode(resumed()).status is RuntimeStatus.COMPLETED


def test_a_resume_of_an_instance_that_runs_changes_nothing() -> None:
    """It may come late."""
    recording = Recording(race)
    assert recording.episode(resumed(), completed(1)).status is RuntimeStatus.RUNNING


def test_a_start_that_is_held_begins_with_the_resume() -> None:
    """The code has not run before."""
    decision = decide_cold([], [suspended(), started()], race)
    assert isinstance(decision, Decision)
    assert decision.status is RuntimeStatus.SUSPENDED
    assert asked(decision) == []
    decision = decide_cold(decision.facts, [resumed()], race)
    assert [name for _, name, _ in asked(decision)] == ["a", "b"]


def test_a_terminate_works_at_once_on_a_suspended_instance() -> None:
    """What is held stays unread."""
    recording = Recording(race)
    recording.each(suspended(), completed(0))
    assert recording.episode(terminated("enough")).status is RuntimeStatus.TERMINATED
    assert recording.output == "enough"


# ---------------------------------------------------------------------------------------- parking


def waits_for(name: str) -> Orchestrator:
    """Call an activity of this name, then another."""

    def orchestrator(context: Context) -> Orchestration:
        first = yield context.call_activity(name)
        second = yield context.call_activity("next")
        return [first, second]

    return orchestrator


def parked(
    arrived: list[HistoryEvent], *, is_parked: bool = False, parent: str | None = None
) -> Decision:
    """Park with what arrived."""
    return park(
        arrived,
        now=START + timedelta(seconds=9),
        reason="why",
        custom_status='"shown"',
        is_parked=is_parked,
        parent_instance=parent,
    )


def test_parking_is_noted_before_what_came_with_it() -> None:
    """So a replay holds that back."""
    decision = parked([completed(0)])
    assert [type(fact).__name__ for fact in decision.facts] == [
        "OrchestratorStarted",
        "ExecutionSuspended",
        "TaskCompleted",
        "OrchestratorCompleted",
    ]
    assert (decision.status, decision.reason) == (RuntimeStatus.SUSPENDED, "why")
    assert decision.custom_status == '"shown"'
    assert decision.execution is None


def test_parking_a_parked_instance_records_only_what_arrived() -> None:
    """The reason is noted once."""
    decision = parked([raised("x"), completed(0)], is_parked=True)
    assert not any(isinstance(fact, ExecutionSuspended) for fact in decision.facts)
    assert decision.consumed == 2


def test_a_reason_is_cut_to_what_a_row_holds() -> None:
    """An explanation may quote a large input."""
    decision = park([], now=START, reason="x" * 10_000, custom_status=None, is_parked=False)
    assert decision.reason == "x" * REASON_CHARS_MAX


def test_a_parked_instance_goes_on_after_a_resume_with_the_right_code() -> None:
    """Nothing that came meanwhile is lost."""
    recording = Recording(waits_for("a"))
    assert isinstance(decide_cold(recording.history, [completed(0)], waits_for("x")), Divergence)
    history = [*recording.history, *parked([completed(0, "first")]).facts]
    history += parked([raised("unread")], is_parked=True).facts
    decision = decide_cold(history, [resumed()], waits_for("a"))
    assert asked(decision) == [(1, "next", None)]
    history += decision.facts  # type: ignore[union-attr]
    decision = decide_cold(history, [completed(1, "second")], waits_for("a"))
    assert isinstance(decision, Decision)
    assert decision.output == '["first","second"]'


@pytest.mark.parametrize("is_parked", [True, False])
def test_a_resume_that_finds_the_wrong_code_parks_anew_and_the_next_one_counts(
    *, is_parked: bool
) -> None:
    """In a later replay the code does not run at the resume that came to nothing."""
    recording = Recording(waits_for("a"))
    history = [*recording.history, *parked([completed(0, "first")]).facts]
    assert isinstance(decide_cold(history, [resumed()], waits_for("x")), Divergence)
    again = parked([resumed(), raised("x")], is_parked=is_parked)
    assert again.status is RuntimeStatus.SUSPENDED
    history += again.facts
    decision = decide_cold(history, [raised("y")], waits_for("a"))
    assert isinstance(decision, Decision)
    assert decision.status is RuntimeStatus.SUSPENDED
    assert asked(decide_cold(history, [resumed()], waits_for("a"))) == [(1, "next", None)]


def test_a_parked_start_runs_after_a_resume() -> None:
    """An orchestrator that no host had is deployed, and resumed."""
    history = parked([started("in"), raised("x")]).facts
    decision = decide_cold(history, [resumed()], waits_for("a"))
    assert asked(decision) == [(0, "a", None)]


def test_a_terminate_ends_a_parked_child_and_names_its_parent() -> None:
    """What comes behind it is left over."""
    parent = Parent(
        instance_id=InstanceId("mother"), execution_id=EXECUTION, task_id=0, name="m"
    ).to_json()
    decision = parked([raised("x"), terminated("enough"), raised("y")], parent=parent)
    assert (decision.status, decision.consumed) == (RuntimeStatus.TERMINATED, 2)
    ended = decision.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert (ended.parent_instance, ended.result) == (parent, '"enough"')
    assert decision.reason is None


# ---------------------------------------------------------------------------------------- rewind


def two_steps(context: Context) -> Orchestration:
    """Fail if either activity does."""
    first = yield context.call_activity("a")
    second = yield context.call_activity("b", first)
    return [first, second]


def repeat_of(fact: TaskScheduled, run: int) -> TaskScheduled:
    """Make the row by which a rewind calls an activity anew."""
    return TaskScheduled(
        timestamp=START, event_id=fact.event_id, name=fact.name, input=fact.input, run=run
    )


def test_a_rewound_instance_waits_for_the_failed_task_again() -> None:
    """The voided episode is not replayed; its rows of repeats count for nothing."""
    recording = Recording(two_steps)
    recording.episode(completed(0, 1))
    before = list(recording.history)
    assert recording.episode(failed(1)).status is RuntimeStatus.FAILED
    rewind = ExecutionRewound(timestamp=START, voided_episode=3)
    decision = decide_cold(before, [rewind, raised("unread")], two_steps)
    assert isinstance(decision, Decision)
    assert decision.status is RuntimeStatus.RUNNING
    assert asked(decision) == []
    call = next(f for f in before if isinstance(f, TaskScheduled) and f.event_id == 1)
    *facts, end = decision.facts
    history = [*before, *facts, repeat_of(call, 1), end]
    decision = decide_cold(history, [completed(1, 2)], two_steps)
    assert isinstance(decision, Decision)
    assert decision.output == "[1,2]"


def test_a_rewind_of_code_that_failed_by_itself_runs_it_again() -> None:
    """Fixed code goes on from the inputs of the voided episode."""

    def fixed(context: Context) -> Any:
        return context.get_input()

    rewind = ExecutionRewound(timestamp=START, voided_episode=1)
    decision = decide_cold([], [rewind, started("in")], fixed)
    assert isinstance(decision, Decision)
    assert decision.output == '"in"'


def test_the_engines_own_facts_are_not_seen_by_the_code() -> None:
    """A refused start and a sent termination change nothing, live and in a replay."""
    recording = Recording(two_steps)
    refused = StartRefused(timestamp=START, name="o", parent_instance="{}")
    recording.episode(refused)
    sent = TerminationSent(timestamp=START, instance_id="child", life_id="l")
    recording.history.append(sent)
    recording.each(completed(0, 1), completed(1, 2))
    assert recording.output == [1, 2]


def test_a_start_names_the_execution_where_nobody_else_does() -> None:
    """Its OrchestrationInstance holds the id that default children are named after."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_sub_orchestrator("child")

    start = ExecutionStarted(
        timestamp=START,
        name="o",
        orchestration_instance='{"InstanceId": "instance", "ExecutionId": "abc"}',
    )
    decision = decide_cold([], [start], orchestrator, execution_id=None)
    assert asked(decision) == [(0, "child", None, "abc:0")]
