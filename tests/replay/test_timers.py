"""Durable timers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from durable.model.history import TimerCreated
from durable.model.status import RuntimeStatus
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    fired,
    raised,
)


def sleeper(context: Context) -> Orchestration:
    """Wait as many seconds as the input says."""
    due = context.current_utc_datetime + timedelta(seconds=context.get_input())
    yield context.create_timer(due)
    return "awake"


def test_a_timer_is_recorded_with_its_time_and_ends_the_wait_when_it_fires() -> None:
    """One TimerCreated, at the very time that was asked for."""
    recording = Recording(sleeper, 30)
    assert asked(recording.last) == [(0, 30.0)]
    recording.episode(fired(0, 30), after_s=31)
    assert recording.output == "awake"


@pytest.mark.parametrize("days", [7, 400, 36_500])
def test_a_timer_may_be_as_far_away_as_anybody_likes(days: int) -> None:
    """There is no longest timer, and it stays one timer."""
    assert asked(Recording(sleeper, days * 86_400).last) == [(0, days * 86_400.0)]


def test_a_time_without_zone_is_utc_and_any_zone_is_the_same_moment() -> None:
    """Two ways to write one time make the same timer."""

    def orchestrator(context: Context) -> Orchestration:
        naive = datetime(2026, 1, 1, 0, 1)  # noqa: DTZ001
        elsewhere = datetime(2026, 1, 1, 2, 1, tzinfo=timezone(timedelta(hours=2)))
        yield context.task_all([context.create_timer(naive), context.create_timer(elsewhere)])

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, 60.0), (1, 60.0)]
    timers = [fact for fact in recording.history if isinstance(fact, TimerCreated)]
    assert all(timer.fire_at.tzinfo is UTC for timer in timers)


@pytest.mark.parametrize("wrong", [5, "2026-01-01", timedelta(seconds=5), None])
def test_what_is_no_datetime_is_refused_at_the_call(wrong: object) -> None:
    """A TypeError says what was expected; the code may catch it."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.create_timer(wrong)  # type: ignore[arg-type]
        except TypeError as error:
            return str(error)

    assert "datetime" in Recording(orchestrator).output


def deadline(context: Context) -> Orchestration:
    """Race an event against a timer; cancel the timer if it lost."""
    timer = context.create_timer(START + timedelta(hours=1))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([timer, event])
    if winner is timer:
        return "too late"
    timer.cancel()
    rest = yield context.call_activity("a", timer.is_cancelled)
    return rest


def test_a_cancelled_timer_that_fires_after_all_is_ignored() -> None:
    """Its message may be on its way; it changes nothing."""
    recording = Recording(deadline)
    assert asked(recording.episode(raised("go"))) == [(0 + 1, "a", True)]
    assert asked(recording.episode(fired(0, 3600), after_s=3600)) == []
    recording.episode(completed(1, "rest"), after_s=3601)
    assert recording.output == "rest"


def test_the_timer_wins_if_it_is_recorded_first() -> None:
    """Both in one batch: the order of recording decides."""
    recording = Recording(deadline)
    recording.episode(fired(0, 3600), raised("go"), after_s=3600)
    assert recording.output == "too late"
    other = Recording(deadline)
    assert asked(other.episode(raised("go"), fired(0, 3600), after_s=3600)) == [(1, "a", True)]


def test_a_fired_timer_cannot_be_cancelled() -> None:
    """`cancel` raises ValueError, as in azure-functions-durable 1.7."""

    def orchestrator(context: Context) -> Orchestration:
        timer = context.create_timer(START)
        yield timer
        try:
            timer.cancel()
        except ValueError:
            return "refused"

    recording = Recording(orchestrator)
    recording.episode(fired(0))
    assert recording.output == "refused"


def test_a_losing_timer_that_is_not_cancelled_does_not_hold_up_the_end() -> None:
    """The orchestration completes at once, not when the timer fires."""

    def orchestrator(context: Context) -> Orchestration:
        timer = context.create_timer(START + timedelta(days=300))
        yield context.task_any([timer, context.call_activity("a")])
        return "done"

    recording = Recording(orchestrator)
    recording.episode(completed(1))
    assert recording.last.status is RuntimeStatus.COMPLETED


def test_the_result_of_a_timer_is_none() -> None:
    """A timer brings nothing but the time."""

    def orchestrator(context: Context) -> Orchestration:
        return [(yield context.create_timer(START))]

    recording = Recording(orchestrator)
    recording.episode(fired(0))
    assert recording.output == [None]
