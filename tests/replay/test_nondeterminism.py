"""Code that no longer does what the history says: seen, explained, never followed silently."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from durable.model.history import HistoryEvent
from durable.replay.decision import Decision, Divergence
from durable.replay.determinism import Mismatch
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    completed,
    decide_cold,
    raised,
)


def calls(*names: str) -> Orchestrator:
    """Call activities one after another; "timer" is a timer; "a+b" are two at once."""

    def orchestrator(context: Context) -> Orchestration:
        def task(name: str) -> Any:
            if name == "timer":
                return context.create_timer(START + timedelta(seconds=5))
            return context.call_activity(name)

        for name in names:
            yield context.task_all([task(part) for part in name.split("+")])
        return "end"

    return orchestrator


def mismatch_of(
    recorded: Orchestrator,
    deployed: Orchestrator,
    *episodes: HistoryEvent,
    then: HistoryEvent,
    strict: bool = False,
) -> Mismatch:
    """Record with one code, go on with another, and return what is said about it."""
    recording = Recording(recorded)
    recording.each(*episodes)
    decision = decide_cold(recording.history, [then], deployed, strict=strict)
    assert isinstance(decision, Divergence), f"not noticed: {decision}"
    return decision.mismatch


CASES: dict[str, tuple[Orchestrator, Orchestrator, list[HistoryEvent], HistoryEvent]] = {
    "name": (calls("a", "b"), calls("x", "b"), [], completed(0)),
    "name, later": (calls("a", "b"), calls("a", "x"), [completed(0)], completed(1)),
    "kind, timer instead": (calls("a", "b"), calls("timer", "b"), [], completed(0)),
    "kind, activity instead": (calls("timer", "b"), calls("a", "b"), [], completed(0)),
    "order": (calls("a+b"), calls("b+a"), [], completed(0)),
    "order of episodes": (calls("a", "b", "c"), calls("b", "a", "c"), [completed(0)], completed(1)),
    "fewer": (calls("a+b", "c"), calls("a", "c"), [], completed(0)),
    "fewer: ends instead": (calls("a"), calls(), [], completed(0)),
    "more": (calls("a", "c"), calls("a+b", "c"), [], completed(0)),
    "more: no wait any more": (calls("a", "b"), calls("a+b"), [completed(0)], completed(1)),
    "inserted": (calls("a", "c"), calls("a", "b", "c"), [completed(0)], completed(1)),
}


@pytest.mark.parametrize(
    ("recorded", "deployed", "episodes", "then"), CASES.values(), ids=CASES.keys()
)
def test_a_change_of_kind_name_order_or_number_is_noticed_and_explained(
    recorded: Orchestrator,
    deployed: Orchestrator,
    episodes: list[HistoryEvent],
    then: HistoryEvent,
) -> None:
    """There is a mismatch with the task, what was expected, what came, and the source line."""
    mismatch = mismatch_of(recorded, deployed, *episodes, then=then)
    explanation = mismatch.explain()
    assert mismatch.expected != mismatch.actual
    for part in (str(mismatch.task_id), mismatch.expected, mismatch.actual, mismatch.where):
        assert part in explanation
    assert __file__ in mismatch.where
    assert mismatch.where.rpartition(":")[2].isdigit()
    assert "deploy" in explanation.lower()
    assert "resume it" in explanation


def test_the_explanation_names_both_activities() -> None:
    """Expected is what the history has, actual is what the code asks for."""
    mismatch = mismatch_of(calls("a", "b"), calls("a", "x"), completed(0), then=completed(1))
    assert mismatch.task_id == 1
    assert "'b'" in mismatch.expected
    assert "'x'" in mismatch.actual


def test_the_explanation_tells_a_timer_from_an_activity() -> None:
    """The words are the author's: activity, timer."""
    mismatch = mismatch_of(calls("a"), calls("timer"), then=completed(0))
    assert "activity 'a'" in mismatch.expected
    assert "timer" in mismatch.actual


def test_the_source_line_is_that_of_the_helper_that_asks() -> None:
    """Through `yield from`, the line is the innermost one."""

    def helper(context: Context, name: str) -> Orchestration:
        yield context.call_activity(name)  # this line

    def nested(name: str) -> Callable[[Context], Orchestration]:
        def orchestrator(context: Context) -> Orchestration:
            yield from helper(context, name)

        return orchestrator

    mismatch = mismatch_of(nested("a"), nested("b"), then=completed(0))
    line = helper.__code__.co_firstlineno + 1
    assert mismatch.where.endswith(f":{line}")


def test_code_that_ends_where_the_history_went_on_is_noticed() -> None:
    """The recorded episode waited for an event; the new code has ended in it."""

    def waits(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        return "behind the event"

    def ends(context: Context) -> Orchestration:
        if context.get_input() == "never":
            yield context.wait_for_external_event("go")
        return "at once"

    mismatch_of(waits, ends, then=raised("go"))


def test_code_that_fails_where_the_history_went_on_is_noticed() -> None:
    """A bug in the new code must not fail instances that are past that line."""

    def waits(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        yield context.wait_for_external_event("go")

    def fails(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        raise RuntimeError("a bug in the new code")

    mismatch = mismatch_of(waits, fails, raised("go"), then=raised("go"))
    assert "fails in its replay, with RuntimeError: a bug in the new code" in mismatch.explain()
    assert mismatch.where.endswith(f":{fails.__code__.co_firstlineno + 2}")


def test_a_result_that_can_not_be_read_any_more_is_named() -> None:
    """Nobody calls it non-determinism, and what does not fit is said, with the line of the call."""

    def wants(expected_type: Any) -> Orchestrator:
        def orchestrator(context: Context) -> Orchestration:
            yield context.call_activity("a", expected_type=expected_type)
            yield context.call_activity("b")

        return orchestrator

    changed = wants(int)
    mismatch = mismatch_of(wants(str), changed, completed(0, "text"), then=completed(1))
    assert "InvalidPayloadError: The result of 'a' can't be read" in mismatch.explain()
    assert "Non-deterministic" not in mismatch.explain()
    assert mismatch.where.endswith(f":{changed.__code__.co_firstlineno + 1}")


def arguments(value: int) -> Orchestrator:
    """Call an activity with this input and return its result."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_activity("a", value))

    return orchestrator


def due(after_s: int) -> Orchestrator:
    """Wait for a timer of this time, then for an event."""

    def orchestrator(context: Context) -> Orchestration:
        timer = context.create_timer(START + timedelta(seconds=after_s))
        yield context.task_any([timer, context.wait_for_external_event("go")])
        return "done"

    return orchestrator


@pytest.mark.parametrize(
    ("recorded", "deployed", "then", "expected", "actual"),
    [
        (arguments(111), arguments(222), completed(0, "result"), "111", "222"),
        (due(5), due(7), raised("go"), "00:00:05", "00:00:07"),
    ],
    ids=["input of an activity", "time of a timer"],
)
def test_other_arguments_are_a_warning_and_in_strict_mode_a_mismatch(
    recorded: Orchestrator, deployed: Orchestrator, then: HistoryEvent, expected: str, actual: str
) -> None:
    """The recorded argument wins, with a warning that has the line; strict mode parks."""
    recording = Recording(recorded)
    decision = decide_cold(recording.history, [then], deployed)
    assert isinstance(decision, Decision)
    assert decision.output is not None
    assert asked(decision) == []
    assert len(decision.warnings) == 1
    for part in (expected, actual, __file__):
        assert part in decision.warnings[0]

    mismatch = mismatch_of(recorded, deployed, then=then, strict=True)
    assert expected in mismatch.expected
    assert actual in mismatch.actual
    assert __file__ in mismatch.where


def test_the_same_arguments_raise_no_warning_even_if_strict() -> None:
    """Strictness costs correct code nothing."""
    recording = Recording(arguments(1))
    decision = decide_cold(recording.history, [completed(0)], arguments(1), strict=True)
    assert isinstance(decision, Decision)
    assert decision.warnings == ()


def test_new_code_behind_the_recorded_part_is_no_mismatch() -> None:
    """What has not happened yet may change as it likes."""
    recording = Recording(calls("a", "b"))
    decision = decide_cold(recording.history, [completed(0)], calls("a", "x", "y"))
    assert isinstance(decision, Decision)
    assert [name for _, name, _ in asked(decision)] == ["x"]
