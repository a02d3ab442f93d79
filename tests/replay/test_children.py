"""Children, detached starts and events to other instances."""

from typing import Any

import pytest

from durable.model.errors import InvalidInstanceIdError
from durable.model.failures import TaskFailedError
from durable.model.history import ExecutionCompleted, ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision, Divergence
from tests.replay.recording import (
    EXECUTION,
    START,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    child_completed,
    child_failed,
    completed,
    decide_cold,
    raised,
    terminated,
)

PARENT = Parent(
    instance_id=InstanceId("mother"), execution_id=ExecutionId("m"), task_id=3, name="family"
).to_json()


def of_a_parent(version: str | None = None) -> ExecutionStarted:
    """Start as a child."""
    return ExecutionStarted(
        timestamp=START, name="child", parent_instance=PARENT, version=version, input="null"
    )


def test_a_child_without_an_id_is_named_after_execution_and_task() -> None:
    """The name is the same in every replay, and no other task has it."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        children = [context.call_sub_orchestrator("child", n) for n in range(2)]
        return (yield context.task_all(children))

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert asked(recording.last) == [
        (1, "child", 0, f"{EXECUTION}:1"),
        (2, "child", 1, f"{EXECUTION}:2"),
    ]
    recording.each(child_completed(2, "second"), child_completed(1, "first"))
    assert recording.output == ["first", "second"]


def test_a_child_has_the_id_and_version_that_it_is_given() -> None:
    """Both are recorded."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("child", 1, "mine", "2.0"))

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "child", 1, "mine")]
    assert recording.last.facts[2].version == "2.0"  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", ["", "a/b", "@entity@key", "x" * 257])
def test_an_id_that_no_store_could_hold_is_refused_at_its_line(bad: str) -> None:
    """Nothing is scheduled."""

    def calls(context: Context) -> Any:
        return context.call_sub_orchestrator("child", instance_id=bad)

    def starts(context: Context) -> Any:
        return context.start_new_orchestration("child", instance_id=bad)

    def sends(context: Context) -> Any:
        return context.send_event(bad, "go")

    for use in (calls, starts, sends):

        def orchestrator(context: Context, use: Any = use) -> Orchestration:
            with pytest.raises(InvalidInstanceIdError):
                use(context)
            yield context.call_activity("a")

        assert asked(Recording(orchestrator).last) == [(0, "a", None)]


def test_the_failure_of_a_child_is_raised_at_the_yield() -> None:
    """With its text and its data."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_sub_orchestrator("child")
        except TaskFailedError as error:
            return [str(error), error.error_type]

    recording = Recording(orchestrator)
    recording.episode(child_failed(0, "broken"))
    assert recording.output == ["broken \n details of broken", "OSError"]


def test_a_detached_start_needs_no_yield_and_tells_its_id() -> None:
    """It takes a task id at the moment of the call; nobody waits for an answer."""

    def orchestrator(context: Context) -> Orchestration:
        later = context.call_activity("a")
        first = context.start_new_orchestration("other", {"n": 1})
        second = context.start_new_orchestration("other", instance_id="given")
        yield later
        return [first, second]

    recording = Recording(orchestrator)
    assert asked(recording.last) == [
        (0, "other", {"n": 1}, f"{EXECUTION}:0"),
        (1, "other", None, "given"),
        (2, "a", None),
    ]
    assert recording.last.facts[2].is_detached  # type: ignore[attr-defined]
    recording.episode(completed(2))
    assert recording.output == [f"{EXECUTION}:0", "given"]


def test_an_event_to_another_instance_needs_no_yield() -> None:
    """Events are recorded in the order of the calls, and in a plain function too."""

    def orchestrator(context: Context) -> Any:
        context.send_event("other", "go", [1])
        context.send_event("other", "go")

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "go", [1], "other"), (1, "go", None, "other")]
    assert recording.last.status is RuntimeStatus.COMPLETED


def test_an_event_has_a_name() -> None:
    """An empty one is refused."""

    def orchestrator(context: Context) -> Any:
        context.send_event("other", "")

    assert Recording(orchestrator).last.status is RuntimeStatus.FAILED


@pytest.mark.parametrize("end", ["output", "failure", "terminate"])
def test_every_end_of_a_child_names_whom_to_answer(end: str) -> None:
    """The row alone tells it."""

    def orchestrator(context: Context) -> Orchestration:
        data = yield context.wait_for_external_event("go")
        if data == "failure":
            raise ValueError("no")
        return context.parent_instance_id

    recording = Recording(orchestrator, start=of_a_parent())
    recording.episode(terminated() if end == "terminate" else raised("go", end))
    ended = recording.last.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.parent_instance == PARENT
    if end == "output":
        assert recording.output == "mother"


def test_the_code_knows_its_version() -> None:
    """It is the one of the start."""
    recording = Recording(lambda context: context.version, start=of_a_parent("1.5"))
    assert recording.output == "1.5"


def family(name: str = "child", instance_id: str | None = "one", event: str = "go") -> Orchestrator:
    """Call a child, start another, send an event, wait."""

    def orchestrator(context: Context) -> Orchestration:
        context.start_new_orchestration(f"detached {name}", None, "two")
        context.send_event("three", event)
        yield context.call_sub_orchestrator(name, 1, instance_id)
        yield context.call_activity("a")

    return orchestrator


@pytest.mark.parametrize(
    ("deployed", "expected", "actual"),
    [
        (family(name="x"), "'detached child'", "'detached x'"),
        (family(instance_id="x"), "instance 'one'", "instance 'x'"),
        (family(instance_id=None), "instance 'one'", f"instance '{EXECUTION}:2'"),
        (family(event="x"), "event 'go'", "event 'x'"),
    ],
)
def test_another_name_or_id_of_a_child_or_event_is_noticed(
    deployed: Orchestrator, expected: str, actual: str
) -> None:
    """Both sides, the history event and the line are told."""
    recording = Recording(family())
    outcome = decide_cold(recording.history, [child_completed(2)], deployed)
    assert isinstance(outcome, Divergence)
    mismatch = outcome.mismatch
    assert expected in mismatch.expected
    assert actual in mismatch.actual
    assert __file__ in mismatch.where
    assert mismatch.event is not None
    assert mismatch.event in mismatch.explain()


def test_a_mismatch_at_the_moment_of_a_call_can_not_be_caught() -> None:
    """Code that catches everything around `send_event` does not go on over a foreign history."""

    def deployed(context: Context) -> Orchestration:
        try:
            context.send_event("elsewhere", "go")
        except BaseException:  # noqa: BLE001
            return "caught"
        yield context.call_activity("a")

    def recorded(context: Context) -> Orchestration:
        context.send_event("other", "go")
        yield context.call_activity("a")

    recording = Recording(recorded)
    outcome = decide_cold(recording.history, [completed(1)], deployed)
    assert isinstance(outcome, Divergence)
    line = deployed.__code__.co_firstlineno + 2
    assert outcome.mismatch.where == f"{__file__}:{line}"


def test_a_history_without_execution_ids_names_its_children_itself() -> None:
    """So an export that has lost them can be replayed."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("child"))

    recording = Recording(orchestrator)
    outcome = decide_cold(
        recording.history, [child_completed(0, "done")], orchestrator, execution_id=None
    )
    assert isinstance(outcome, Decision)
    assert outcome.output == '"done"'
