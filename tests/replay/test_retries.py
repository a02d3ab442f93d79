"""Retry policies: when an attempt is made again, and after how long."""

from datetime import timedelta
from typing import Any

import pytest

from durable.model.failures import FailureDetails, TaskFailedError
from durable.model.history import TaskScheduled
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.retries import RetryAbleTask, RetryOptions
from tests.replay.recording import (
    EXECUTION,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    child_completed,
    child_failed,
    completed,
    failed,
    fired,
)


def calling(options: RetryOptions) -> Orchestrator:
    """Call an activity with these options and return its result."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_activity_with_retry("a", options, 7))

    return orchestrator


def attempts(decision: Decision) -> list[int | None]:
    """List the attempts that an episode has scheduled."""
    return [fact.attempt for fact in decision.facts if isinstance(fact, TaskScheduled)]


def test_an_attempt_follows_a_timer_that_follows_a_failure() -> None:
    """Each step is scheduled when the one before it completed."""
    recording = Recording(calling(RetryOptions(5000, 3)))
    assert attempts(recording.last) == [1]
    assert asked(recording.episode(failed(0), after_s=1)) == [(1, 6)]
    assert asked(recording.episode(fired(1, 6))) == [(2, "a", 7)]
    assert attempts(recording.last) == [2]
    recording.episode(completed(2, "well"))
    assert recording.output == "well"


def test_no_timer_follows_the_last_attempt() -> None:
    """Its failure is raised at once."""
    recording = Recording(calling(RetryOptions(1000, 2)))
    recording.each(failed(0, "first"), fired(1, 1))
    decision = recording.episode(failed(2, "second"))
    assert decision.status is RuntimeStatus.FAILED
    assert asked(decision) == []
    assert "second" in recording.output


def test_the_interval_grows_up_to_its_maximum() -> None:
    """1, 3, 9, and then 10 seconds."""
    options = RetryOptions(
        1000, 9, backoff_coefficient=3, max_retry_interval_in_milliseconds=10_000
    )
    recording, due, delays = Recording(calling(options)), 0.0, []
    for attempt in range(5):
        [(_, fire_at)] = asked(recording.episode(failed(2 * attempt), after_s=due))
        delays.append(fire_at - due)
        due = fire_at
        recording.episode(fired(2 * attempt + 1, due))
    assert delays == [1, 3, 9, 10, 10]


def test_an_attempt_that_would_begin_too_late_is_not_made() -> None:
    """The time counts from the first attempt, delays and work together."""
    recording = Recording(calling(RetryOptions(4000, 9, retry_timeout_in_milliseconds=10_000)))
    recording.episode(failed(0), after_s=1)
    recording.episode(fired(1, 5))
    assert recording.episode(failed(2), after_s=7).status is RuntimeStatus.FAILED


def test_jitter_shortens_an_interval_by_its_part_at_most() -> None:
    """It differs from attempt to attempt, and a replay sees the same (`Recording` replays all)."""
    options = RetryOptions(10_000, 50, jitter=0.5)
    recording, due, delays = Recording(calling(options)), 0.0, []
    for attempt in range(8):
        [(_, fire_at)] = asked(recording.episode(failed(2 * attempt), after_s=due))
        delays.append(fire_at - due)
        due = fire_at
        recording.episode(fired(2 * attempt + 1, due))
    assert all(5 <= delay <= 10 for delay in delays)
    assert len(set(delays)) > 4


def test_a_coefficient_beyond_all_numbers_is_a_very_long_wait() -> None:
    """And no error."""
    options = RetryOptions(1000, 10_000, backoff_coefficient=10)
    failure = FailureDetails(error_type="E", error_message="")
    delay = options.delay_after(5000, failure, elapsed=timedelta(0), seed="")
    assert delay is not None
    assert delay.days >= 3650


def is_tried_again(kinds: dict[str, Any], error_type: str) -> bool:
    """Whether a failure of this type is tried again."""
    recording = Recording(calling(RetryOptions(1000, 3, **kinds)))
    return recording.episode(failed(0, error_type=error_type)).status is RuntimeStatus.RUNNING


def transient(failure: FailureDetails) -> bool:
    """Look at the data of a failure."""
    return failure.error_type.startswith("Temporary")


@pytest.mark.parametrize(
    ("kinds", "error_type", "again"),
    [
        ({}, "AnyError", True),
        ({"retry_on": OSError}, "OSError", True),
        ({"retry_on": OSError}, "ValueError", False),
        ({"retry_on": "Throttled"}, "Throttled", True),
        ({"retry_on": [KeyError, "Throttled"]}, "Throttled", True),
        ({"retry_on": transient}, "TemporaryLoss", True),
        ({"retry_on": transient}, "Loss", False),
        ({"retry_on": Exception}, "AnyError", True),
        ({"non_retryable": ValueError}, "ValueError", False),
        ({"non_retryable": (ValueError, transient)}, "TemporaryLoss", False),
        ({"non_retryable": ValueError}, "OSError", True),
        ({"retry_on": Exception, "non_retryable": "OSError"}, "OSError", False),
    ],
)
def test_a_failure_is_tried_again_if_its_kind_says_so(
    kinds: dict[str, Any], error_type: str, *, again: bool
) -> None:
    """By class, by name, by a function of the failure, by several; `non_retryable` wins."""
    assert is_tried_again(kinds, error_type) is again


@pytest.mark.parametrize("error", [LookupError("a bug"), SystemExit(3)])
def test_a_predicate_that_raises_fails_the_task_with_its_error(error: BaseException) -> None:
    """It is user code: it harms its own orchestration alone."""

    def predicate(failure: FailureDetails) -> bool:
        raise error

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity_with_retry("a", RetryOptions(1, 3, retry_on=predicate))
        except type(error) as caught:
            return f"caught {caught}"

    recording = Recording(orchestrator)
    recording.episode(failed(0))
    assert recording.output == f"caught {error}"


def test_a_retry_goes_on_inside_a_race() -> None:
    """Azure/azure-functions-durable-python#603: the loser's further attempts are made too."""

    def orchestrator(context: Context) -> Orchestration:
        flaky = context.call_activity_with_retry("flaky", RetryOptions(1000, 3))
        stop = context.wait_for_external_event("stop")
        winner = yield context.task_any([flaky, stop])
        return [winner is flaky, flaky.result, isinstance(flaky, RetryAbleTask)]

    recording = Recording(orchestrator)
    recording.each(failed(0), fired(1, 1), completed(2, "at last"))
    assert recording.output == [True, "at last", True]


def test_a_retry_that_lost_its_race_still_makes_its_attempts() -> None:
    """The orchestration waits for something else meanwhile."""

    def orchestrator(context: Context) -> Orchestration:
        flaky = context.call_activity_with_retry("flaky", RetryOptions(1000, 3))
        yield context.task_any([flaky, context.call_activity("quick")])
        yield context.call_activity("next")
        return flaky.num_attempts  # type: ignore[attr-defined]

    recording = Recording(orchestrator)
    recording.episode(completed(1))
    assert asked(recording.episode(failed(0))) == [(3, 1)]
    assert asked(recording.episode(fired(3, 1))) == [(4, "flaky", None)]
    recording.episode(completed(2))
    assert recording.output == 2


def test_retries_in_a_fan_out_take_ids_in_the_order_of_their_failures() -> None:
    """Each goes on for itself."""

    def orchestrator(context: Context) -> Orchestration:
        options = RetryOptions(1000, 2)
        calls = [context.call_activity_with_retry("a", options, n) for n in range(3)]
        return (yield context.task_all(calls))

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "a", 0), (1, "a", 1), (2, "a", 2)]
    recording.each(failed(2), completed(1, "one"), failed(0), fired(3, 1), fired(4, 1))
    assert [fact.event_id for fact in recording.history if isinstance(fact, TaskScheduled)] == [
        0,
        1,
        2,
        5,
        6,
    ]
    recording.each(completed(6, "zero"), completed(5, "two"))
    assert recording.output == ["zero", "one", "two"]


def test_each_attempt_of_a_child_without_an_id_is_another_child() -> None:
    """The ended one keeps its history."""

    def orchestrator(context: Context) -> Orchestration:
        options = RetryOptions(1000, 2)
        return (yield context.call_sub_orchestrator_with_retry("child", options, 1))

    recording = Recording(orchestrator)
    recording.each(child_failed(0), fired(1, 1))
    assert asked(recording.last) == [(2, "child", 1, f"{EXECUTION}:2")]
    recording.episode(child_completed(2, "grown"))
    assert recording.output == "grown"


def test_a_child_with_an_id_keeps_it_in_every_attempt() -> None:
    """The second life begins when the first has failed."""

    def orchestrator(context: Context) -> Orchestration:
        options = RetryOptions(1000, 2)
        return (yield context.call_sub_orchestrator_with_retry("child", options, 1, "mine"))

    recording = Recording(orchestrator)
    recording.each(child_failed(0), fired(1, 1))
    assert asked(recording.last) == [(2, "child", 1, "mine")]


def test_the_error_of_the_last_attempt_is_that_of_1_7() -> None:
    """Text and data."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity_with_retry("a", RetryOptions(1000, 1))
        except TaskFailedError as error:
            return [str(error), error.error_type]

    recording = Recording(orchestrator)
    recording.episode(failed(0))
    assert recording.output == [
        "Activity function 'a' failed: no luck \n details of no luck",
        "OSError",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"first_retry_interval_in_milliseconds": 0},
        {"first_retry_interval_in_milliseconds": -1},
        {"max_retry_interval_in_milliseconds": 0},
        {"retry_timeout_in_milliseconds": -5},
        {"backoff_coefficient": 0.5},
        {"backoff_coefficient": float("nan")},
        {"jitter": 1.5},
        {"jitter": -0.1},
        {"retry_on": int},
        {"non_retryable": [3]},
        {"non_retryable": 3},
    ],
)
def test_options_that_make_no_sense_are_refused(bad: dict[str, Any]) -> None:
    """With the name of what is wrong, where it is made."""
    usual = {"first_retry_interval_in_milliseconds": 1, "max_number_of_attempts": 1}
    with pytest.raises(ValueError, match=r"value must be|exception class"):
        RetryOptions(**{**usual, **bad})


def test_the_options_of_1_7_have_its_members() -> None:
    """Positional, readable, and as JSON."""
    options = RetryOptions(5000, 3)
    assert options.first_retry_interval_in_milliseconds == 5000
    assert options.max_number_of_attempts == 3
    assert options.to_json() == {
        "firstRetryIntervalInMilliseconds": 5000,
        "maxNumberOfAttempts": 3,
    }


def test_something_else_than_options_is_refused_at_its_line() -> None:
    """Not at the first failure."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity_with_retry("a", {"attempts": 3})  # type: ignore[arg-type]

    assert "RetryOptions" in Recording(orchestrator).output
