"""What else a context offers: histories, logging, timeouts, members of 1.7."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.model.errors import InvalidNameError
from durable.model.history import TaskScheduled
from durable.model.status import RuntimeStatus
from durable.replay.calls import LongTimerTask, TimerTask
from durable.replay.histories import KEPT_CHARS_MAX
from durable.replay.retries import RetryOptions
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    decide_cold,
    fired,
    raised,
)

# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.call_activity("\ud800"),
        lambda c: c.call_activity_with_retry("\ud800", RetryOptions(1000, 2)),
        lambda c: c.call_sub_orchestrator(""),
        lambda c: c.call_sub_orchestrator("f", version=2),
        lambda c: c.call_sub_orchestrator_with_retry("f", RetryOptions(1000, 2), version=2),
        lambda c: c.start_new_orchestration("f" * 1001),
        lambda c: c.start_new_orchestration("f", version=2),
        lambda c: c.call_entity("@counter@a", "x\ud800"),
        lambda c: c.signal_entity("@counter@a", "x" * 1001),
        lambda c: c.send_event("b", 5),
        lambda c: c.send_event("b", "\ud800"),
        lambda c: c.wait_for_external_event(5),
    ],
)
def test_a_name_that_could_not_be_sent_or_read_back_raises_at_its_line(
    act: Callable[[Any], Any],
) -> None:
    """Committed, it would leave the instance with rows that no host can send, or none can read."""

    def orchestrator(context: Context) -> Orchestration:
        with pytest.raises((TypeError, InvalidNameError)):
            act(context)
        yield context.call_activity("next")

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "next", None)]


# ---------------------------------------------------------------------------------- event timeout


def waiting(**options: Any) -> Any:
    """Wait for an event, a minute at most."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            first = yield context.wait_for_external_event(
                "go", timeout=timedelta(minutes=1), **options
            )
        except TimeoutError as error:
            first = str(error)
        yield context.call_activity("next")
        return first

    return orchestrator


def test_an_event_that_comes_in_time_ends_its_wait() -> None:
    """The timer is cancelled: that it fires changes nothing."""
    recording = Recording(waiting())
    assert asked(recording.last) == [(0, 60)]
    recording.each(raised("go", "data"), fired(0, 60), completed(1))
    assert recording.output == "data"


def test_a_wait_that_is_over_fails_or_has_its_default() -> None:
    """An event that comes later is there for the next wait."""
    for options, expected in (({}, "No event 'go'"), ({"default": None}, None)):
        recording = Recording(waiting(**options))
        recording.each(fired(0, 60), raised("go"), completed(1))
        assert recording.output == expected or expected in recording.output


def test_a_wait_that_is_over_takes_no_later_event() -> None:
    """Also where it stands beside a task that is still awaited."""

    def orchestrator(context: Context) -> Orchestration:
        wait = context.wait_for_external_event("go", timeout=timedelta(seconds=1), default="late")
        yield wait
        yield context.task_all([wait, context.call_activity("a")])
        return (yield context.wait_for_external_event("go"))

    recording = Recording(orchestrator)
    recording.each(fired(0, 1), raised("go", "for the second wait"), completed(1))
    assert recording.output == "for the second wait"


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=-1), 5])
def test_a_timeout_is_a_span_of_time(timeout: Any) -> None:
    """For an event, an activity, an HTTP call."""

    def orchestrator(context: Context) -> Orchestration:
        for use in (
            lambda: context.wait_for_external_event("e", timeout=timeout),
            lambda: context.call_activity("a", timeout=timeout),
            lambda: context.call_http("GET", "https://one.example", timeout=timeout),
        ):
            with pytest.raises((TypeError, ValueError), match="timeout"):
                use()
        yield context.call_activity("a")

    assert asked(Recording(orchestrator).last) == [(0, "a", None)]


def test_the_timeout_of_an_activity_is_recorded_in_milliseconds() -> None:
    """Half a millisecond is one."""

    def orchestrator(context: Context) -> Orchestration:
        spans = [timedelta(seconds=1.5), timedelta(microseconds=500)]
        yield context.task_all([context.call_activity("a", timeout=span) for span in spans])

    calls = [fact for fact in Recording(orchestrator).history if isinstance(fact, TaskScheduled)]
    assert [call.timeout_ms for call in calls] == [1500, 1]
    assert [call.attempt for call in calls] == [None, None]


# --------------------------------------------------------------------------------------- logging


def test_a_log_line_is_written_once_and_says_whose_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """In no replay."""
    caplog.set_level(logging.INFO)

    def orchestrator(context: Context) -> Orchestration:
        context.logger.info("one %s", 1)
        yield context.call_activity("a")
        own = context.create_replay_safe_logger(logging.getLogger("own"))
        own.warning("two", extra={"more": True})

    history = list(decide_cold([], [Recording(lambda _: 1).history[1]], orchestrator).facts)  # type: ignore[union-attr]
    assert [record.message for record in caplog.records] == ["one 1"]
    record: Any = caplog.records[0]
    assert (record.instance_id, record.orchestrator) == ("instance", "orchestrator")
    assert record.name == "durable.orchestrator.orchestrator"
    decide_cold(history, [completed(0)], orchestrator)
    assert [record.message for record in caplog.records] == ["one 1", "two"]
    record = caplog.records[1]
    assert (record.name, record.more, record.instance_id) == ("own", True, "instance")


def test_a_logger_is_silent_once_its_execution_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """A `finally` of dead code has nothing to say."""
    caplog.set_level(logging.INFO)

    def orchestrator(context: Context) -> Orchestration:
        logger = context.logger
        try:
            yield context.call_activity("a")
        finally:
            logger.info("dying")

    recording = Recording(orchestrator)
    assert recording.last.execution is not None
    recording.last.execution.drop()
    assert caplog.records == []


# ------------------------------------------------------------------------------------- histories


def test_histories_are_the_history_so_far_as_1_7_spells_it() -> None:
    """Types, ids, names in DTFx's spelling; what is played and what is new."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a", 1)
        return [
            [view.event_type.name, view.event_id, view.is_played, view.Name]
            for view in context.histories
        ]

    recording = Recording(orchestrator)
    recording.episode(completed(0, "x"))
    assert recording.output == [
        ["ORCHESTRATOR_STARTED", -1, True, None],
        ["EXECUTION_STARTED", -1, True, "orchestrator"],
        ["TASK_SCHEDULED", 0, True, "a"],
        ["ORCHESTRATOR_COMPLETED", -1, True, None],
        ["ORCHESTRATOR_STARTED", -1, False, None],
        ["TASK_COMPLETED", -1, False, None],
    ]


def test_histories_have_the_fields_of_their_events() -> None:
    """Any other is an AttributeError; a large payload is left out."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a", 1)
        views = context.histories
        with pytest.raises(AttributeError):
            _ = views[0].Fish
        assert views[0].timestamp == START
        return [views[-1].TaskScheduledId, "Result" in views[-1].columns()]

    recording = Recording(orchestrator)
    recording.episode(completed(0, "x" * (KEPT_CHARS_MAX + 1)))
    assert recording.output == [0, False]


def test_power_users_find_their_members() -> None:
    """Open tasks, the first decision, a printed history."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a")
        yield context.task_any([task, context.wait_for_external_event("go")])
        assert context.open_tasks == {0: task}
        assert context.deferred_tasks == {}
        assert context.decision_started_event.timestamp == START
        return context._pretty_print_history()

    recording = Recording(orchestrator)
    recording.episode(raised("go"))
    assert "TaskScheduled" in recording.output


def test_the_time_can_be_set_until_the_next_episode() -> None:
    """As in 1.7; ids follow it, the history does not."""
    other = datetime(2030, 1, 1, tzinfo=UTC)

    def orchestrator(context: Context) -> Orchestration:
        context.current_utc_datetime = other
        first = context.current_utc_datetime
        yield context.call_activity("a")
        return [first.year, context.current_utc_datetime.year]

    recording = Recording(orchestrator)
    assert recording.last.facts[0].timestamp == START
    recording.episode(completed(0))
    assert recording.output == [2030, 2026]


def test_a_far_timer_is_one_timer_in_the_class_of_1_7() -> None:
    """It can be cancelled under either spelling."""

    def orchestrator(context: Context) -> Orchestration:
        far = context.create_timer(START + timedelta(days=400))
        near = context.create_timer(START + timedelta(days=6))
        assert isinstance(far, LongTimerTask)
        assert type(near) is TimerTask
        yield context.task_any([far, near])
        far.cancel()
        return [far.is_cancelled, far.is_canceled(), near.is_canceled()]

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, 400 * 86400), (1, 6 * 86400)]
    recording.episode(fired(1, 6 * 86400))
    assert recording.output == [True, True, False]


def test_a_task_knows_whether_its_completion_was_played() -> None:
    """And what it is a part of."""
    seen: list[Any] = []

    def orchestrator(context: Context) -> Orchestration:
        first, second = context.call_activity("a"), context.call_activity("b")
        both = context.task_all([first, second])
        assert first.parent is both
        yield both
        seen.append([first.is_played, second.is_played, both.is_played])

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    recording.episode(completed(1))
    assert seen == [[True, False, False], [False, False, False]]  # cold, then warm


def test_a_finished_history_is_held_against_todays_code() -> None:
    """For a replayer: how it ended, and with what."""

    def returns(value: Any) -> Any:
        def orchestrator(context: Context) -> Orchestration:
            yield context.call_activity("a")
            if value == "raise":
                raise ValueError("no")
            if value == "wait":
                yield context.wait_for_external_event("never")
            return value

        return orchestrator

    recording = Recording(returns(1))
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.COMPLETED
    same = decide_cold(recording.history, [], returns(1), strict=True)
    assert not hasattr(same, "mismatch")
    for value in ("raise", "wait"):
        assert hasattr(decide_cold(recording.history, [], returns(value)), "mismatch")
    other = decide_cold(recording.history, [], returns(2))
    assert len(other.warnings) == 1  # type: ignore[union-attr]
    assert hasattr(decide_cold(recording.history, [], returns(2), strict=True), "mismatch")
