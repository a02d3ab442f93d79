"""Custom status, output and failure: what the caller of an instance sees."""

import asyncio
from typing import Any

import pytest

from durable.model.history import ExecutionCompleted
from durable.model.status import RuntimeStatus
from tests.replay.recording import (
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    terminated,
)


def test_the_custom_status_is_shown_and_stays_until_it_is_set_again() -> None:
    """Each decision carries the status as it is, as JSON, also where the episode set none."""

    def orchestrator(context: Context) -> Orchestration:
        context.set_custom_status({"done": 0})
        yield context.call_activity("a")
        yield context.call_activity("b")
        context.set_custom_status([context.custom_status, 2])
        yield context.call_activity("c")

    recording = Recording(orchestrator)
    assert recording.last.custom_status == '{"done":0}'
    assert recording.episode(completed(0)).custom_status == '{"done":0}'
    assert recording.episode(completed(1)).custom_status == '[{"done":0},2]'
    assert recording.episode(completed(2)).custom_status == '[{"done":0},2]'
    assert recording.last.status is RuntimeStatus.COMPLETED


@pytest.mark.parametrize(
    ("value", "shown"), [(None, None), ("", '""'), (0, "0"), ({}, "{}"), (False, "false")]
)
def test_an_empty_status_replaces_the_one_before(value: Any, shown: str | None) -> None:
    """`None` clears it; other empty values are values."""

    def orchestrator(context: Context) -> Orchestration:
        context.set_custom_status("busy")
        yield context.call_activity("a")
        context.set_custom_status(value)
        yield context.call_activity("b")

    recording = Recording(orchestrator)
    assert recording.last.custom_status == '"busy"'
    assert recording.episode(completed(0)).custom_status == shown


@pytest.mark.parametrize("value", [object(), {1: object()}, float("nan"), "x" * (16 * 1024)])
def test_a_status_that_cannot_be_shown_is_refused_where_it_is_set(value: Any) -> None:
    """The error can be caught, and the status before it stays."""

    def orchestrator(context: Context) -> Orchestration:
        context.set_custom_status("before")
        try:
            context.set_custom_status(value)
        except ValueError as error:
            said = str(error).lower()
        yield context.call_activity("a")
        return "custom status" in said

    recording = Recording(orchestrator)
    assert recording.last.custom_status == '"before"'
    recording.episode(completed(0))
    assert recording.output is True


@pytest.mark.parametrize("value", [object(), {1: object()}, float("inf"), [lambda: 1]])
def test_an_output_without_json_form_fails_the_orchestration(value: Any) -> None:
    """The failure says that it is the output of this orchestrator, and why."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        return value

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.FAILED
    assert "output of orchestrator 'orchestrator'" in recording.output
    assert "JSON" in recording.output


def test_the_end_is_one_fact_with_output_and_status() -> None:
    """ExecutionCompleted holds what the decision says."""
    recording = Recording(lambda _: {"a": 1})
    ended = [fact for fact in recording.history if isinstance(fact, ExecutionCompleted)]
    assert len(ended) == 1
    assert ended[0].orchestration_status is RuntimeStatus.COMPLETED
    assert ended[0].result == recording.last.output == '{"a":1}'
    assert ended[0].failure_details is None


def test_an_exception_fails_the_orchestration_with_its_type_message_and_cause() -> None:
    """Output and failure details are for people and for programs."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        try:
            raise KeyError("inner")  # noqa: TRY301
        except KeyError as error:
            raise ValueError("outer") from error

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.FAILED
    assert recording.output == "Orchestrator function 'orchestrator' failed: outer"
    ended = recording.last.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    details = ended.failure_details
    assert details is not None
    assert (details.error_type, details.error_message) == ("ValueError", "outer")
    assert details.stack_trace is not None
    assert "in orchestrator" in details.stack_trace
    assert details.inner_failure is not None
    assert details.inner_failure.error_type == "KeyError"


def test_an_exception_without_a_text_is_told_by_its_class() -> None:
    """In the words of 1.7; "failed: " alone would help nobody."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        raise ValueError

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.output == "Orchestrator function 'orchestrator' failed: <class 'ValueError'>"


def test_an_exception_before_the_first_wait_fails_the_orchestration() -> None:
    """In a generator, and in a plain function alike."""

    def generator(context: Context) -> Orchestration:
        yield context.call_activity(context.get_input()["missing"])

    def function(context: Context) -> Any:
        return context.get_input()["missing"]

    for orchestrator in (generator, function):
        recording = Recording(orchestrator, {})
        assert recording.last.status is RuntimeStatus.FAILED
        assert asked(recording.last) == []


def test_an_orchestrator_with_the_wrong_signature_fails_with_pythons_sentence() -> None:
    """It can be called neither with the context alone nor with context and input."""

    def orchestrator(context: Context, more: int, most: int) -> Orchestration:
        yield context.call_activity("a", more + most)

    assert "most" in Recording(orchestrator).output


class Abort(BaseException):
    """What some library raises so that nobody catches it."""


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), asyncio.CancelledError(), Abort("stop")]
)
@pytest.mark.parametrize("first_episode", [True, False])
def test_no_exception_of_the_users_leaves_the_mind(
    error: BaseException, *, first_episode: bool
) -> None:
    """`sys.exit()` in an orchestrator fails its instance; it does not stop the host."""

    def orchestrator(context: Context) -> Orchestration:
        if not first_episode:
            yield context.call_activity("a")
        raise error

    try:
        recording = Recording(orchestrator)
        recording.episode(completed(0))
    except BaseException as escaped:  # noqa: BLE001
        pytest.fail(f"it left decide: {escaped!r}")
    assert recording.episodes[0 if first_episode else 1].decision.status is RuntimeStatus.FAILED


def test_exceptions_that_cause_each_other_are_described_too() -> None:
    """A circle of causes ends somewhere."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.FAILED
    assert "first" in recording.output


def test_an_exception_that_cannot_be_printed_is_described_too() -> None:
    """A broken `__str__` costs the message, not the host."""

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        raise BrokenError

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.FAILED


def test_what_was_done_in_the_episode_of_a_terminate_counts_as_not_done() -> None:
    """J2: neither its calls nor its custom status, whatever else came in one batch with it."""

    def orchestrator(context: Context) -> Orchestration:
        context.set_custom_status("first")
        yield context.call_activity("a")
        context.set_custom_status("second")
        yield context.call_activity("b")

    recording = Recording(orchestrator)
    decision = recording.episode(completed(0, None), terminated())
    assert decision.status is RuntimeStatus.TERMINATED
    assert decision.custom_status == '"first"'
    assert asked(decision) == []
