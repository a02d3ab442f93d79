"""Calls of activities: ids in the order of yielding, results where they belong."""

from typing import Any

import pytest

from durable.model.history import (
    ExecutionCompleted,
    ExecutionStarted,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
)
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from tests.replay.recording import (
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    decide_cold,
    failed,
    raised,
    started,
)


def sequence(context: Context) -> Orchestration:
    """Call three activities, each with the result of the one before."""
    value = context.get_input()
    for name in ("a", "b", "c"):
        value = yield context.call_activity(name, value)
    return value


def test_a_sequence_schedules_one_call_an_episode_and_returns_the_last_result() -> None:
    """Each result becomes the input of the next call; ids count up from 0."""
    recording = Recording(sequence, "x")
    assert asked(recording.last) == [(0, "a", "x")]
    assert asked(recording.episode(completed(0, {"n": 1}))) == [(1, "b", {"n": 1})]
    assert asked(recording.episode(completed(1, [2]))) == [(2, "c", [2])]
    assert recording.episode(completed(2, None)).status is RuntimeStatus.COMPLETED
    assert recording.last.output == "null"
    assert asked(recording.last) == []


def test_an_episode_is_recorded_between_its_brackets() -> None:
    """The facts are: started, the inputs, what was asked for, the end, completed."""
    recording = Recording(sequence, "x")
    kinds = [type(fact) for fact in recording.last.facts]
    first = [OrchestratorStarted, ExecutionStarted, TaskScheduled, OrchestratorCompleted]
    assert kinds == first
    recording.each(completed(0), completed(1), completed(2))
    kinds = [type(fact) for fact in recording.last.facts]
    last = [OrchestratorStarted, TaskCompleted, ExecutionCompleted, OrchestratorCompleted]
    assert kinds == last


def test_ids_are_given_in_the_order_of_yielding() -> None:
    """A call that is made first and yielded last has the last id."""

    def orchestrator(context: Context) -> Orchestration:
        made_first = context.call_activity("made first")
        made_second = context.call_activity("made second")
        second = yield made_second
        first = yield made_first
        return [first, second]

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "made second", None)]
    assert asked(recording.episode(completed(0, 2))) == [(1, "made first", None)]
    recording.episode(completed(1, 1))
    assert recording.output == [1, 2]


def test_a_call_that_is_never_yielded_is_never_scheduled() -> None:
    """Making a task asks for nothing, not even at the end."""

    def orchestrator(context: Context) -> Orchestration:
        context.call_activity("forgotten")
        context.task_all([context.call_activity("forgotten too")])
        yield context.call_activity("wanted")
        return "done"

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "wanted", None)]
    assert asked(recording.episode(completed(0))) == []
    assert recording.output == "done"


def test_a_task_that_is_yielded_twice_runs_once() -> None:
    """The second yield of a completed task gives its result again, at once."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a")
        return [(yield task), (yield task), (yield context.task_all([task, task]))]

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "a", None)]
    recording.episode(completed(0, 7))
    assert recording.output == [7, 7, [7, 7]]


def test_the_first_answer_of_a_task_counts() -> None:
    """A second answer with another value changes nothing, in the same episode or a later one."""

    def orchestrator(context: Context) -> Orchestration:
        first = yield context.call_activity("a")
        yield context.wait_for_external_event("go")
        return first

    recording = Recording(orchestrator)
    recording.episode(completed(0, "first"), completed(0, "second"))
    recording.episode(failed(0))
    recording.episode(raised("go"))
    assert recording.output == "first"


def test_an_answer_to_a_task_that_nobody_asked_for_is_ignored() -> None:
    """It neither fails the orchestration nor reaches the code."""
    recording = Recording(sequence, "x")
    assert asked(recording.episode(completed(17, "ghost"))) == []
    assert recording.last.status is RuntimeStatus.RUNNING
    assert asked(recording.episode(completed(0, "y"))) == [(1, "b", "y")]


def test_an_answer_behind_the_end_is_left_over() -> None:
    """What came after the end in one batch is not among the facts, and is said to be left."""

    def orchestrator(context: Context) -> Orchestration:
        quick, slow = context.call_activity("quick"), context.call_activity("slow")
        yield context.task_any([quick, slow])
        return "done"

    recording = Recording(orchestrator)
    decision = recording.episode(completed(0), completed(1))
    assert decision.consumed == 1
    assert decision.status is RuntimeStatus.COMPLETED
    assert completed(1) not in decision.facts


@pytest.mark.parametrize("value", [None, 0, "", "ü€😀", [1, [2]], {"a": {"b": None}}, 1.5, True])
def test_json_values_come_through_unchanged(value: Any) -> None:
    """Input, activity input, result and output are the same JSON value."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_activity("echo", context.get_input()))

    recording = Recording(orchestrator, value)
    assert asked(recording.last) == [(0, "echo", value)]
    recording.episode(completed(0, value))
    assert recording.output == value


def test_an_input_without_json_form_is_an_error_at_the_call() -> None:
    """The error names the activity and can be caught where the call stands."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a", object())
        except ValueError as error:
            return str(error)

    recording = Recording(orchestrator)
    assert "activity 'a'" in recording.output
    assert "JSON" in recording.output


def test_an_activity_is_named_by_a_string_not_by_a_plain_function() -> None:
    """A plain callable is refused with a ValueError, as in azure-functions-durable 1.7."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity(sequence)
        except ValueError as error:
            return str(error)

    assert "string" in Recording(orchestrator).output


def test_a_helper_generator_works_with_yield_from() -> None:
    """Tasks, results and errors pass through `yield from` as if the helper's lines stood there."""

    def twice(context: Context, value: int) -> Orchestration:
        first = yield context.call_activity("a", value)
        try:
            second = yield context.call_activity("b", first)
        except Exception as error:  # noqa: BLE001
            return f"{first} and {type(error).__name__}"
        return second

    def orchestrator(context: Context) -> Orchestration:
        one = yield from twice(context, 1)
        two = yield from twice(context, 2)
        return [one, two]

    recording = Recording(orchestrator)
    recording.each(completed(0, 10), completed(1, 11), completed(2, 20), failed(3))
    assert asked(recording.episodes[2].decision) == [(2, "a", 2)]
    assert recording.output == [11, "20 and TaskFailedError"]


def test_an_orchestrator_that_never_waits_completes_in_its_first_episode() -> None:
    """A plain function is an orchestrator too; its return value is the output."""
    recording = Recording(lambda context: {"input": context.get_input()}, [1])
    assert recording.last.status is RuntimeStatus.COMPLETED
    assert recording.output == {"input": [1]}


@pytest.mark.parametrize("input_", [None, [1, 2], 3, True, "text", '"quoted"', {"a": 1}])
def test_the_input_is_decoded_exactly_once(input_: Any) -> None:
    """Lists, numbers, booleans and strings are inputs as good as objects."""
    assert Recording(lambda context: [context.get_input()], input_).output == [input_]


def test_the_context_knows_its_instance_and_whether_it_replays() -> None:
    """`instance_id` is the id; `is_replaying` is true only over what has happened already."""
    replays: list[bool] = []

    def orchestrator(context: Context) -> Orchestration:
        replays.append(context.is_replaying)
        yield context.call_activity("a")
        replays.append(context.is_replaying)
        return [context.instance_id, context.name]

    decision = decide_cold([], [started()], orchestrator)
    assert isinstance(decision, Decision)
    decide_cold(decision.facts, [completed(0)], orchestrator)
    assert replays == [False, True, False]
    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.output == ["instance", "orchestrator"]
