"""OrchestrationTest: the test decides what happens next."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.testing.running.stepping import OrchestrationTest

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]
DAY = timedelta(days=1)


def fan_out(context: Context) -> Orchestration:
    """Work on each item of the input, all at once."""
    context.set_custom_status("working")
    return (yield context.task_all([context.call_activity("work", n) for n in context.get_input()]))


def reminder(context: Context) -> Orchestration:
    """Remind twice, a day apart, unless somebody answers."""
    for _ in range(2):
        timer = context.create_timer(context.current_utc_datetime + DAY)
        answer = context.wait_for_external_event("answer")
        if (yield context.task_any([answer, timer])) is answer:
            return answer.result
        yield context.call_activity("remind")
    return "gave up"


def test_calls_are_completed_in_any_order() -> None:
    """By task id, or the oldest of a name."""
    test = OrchestrationTest(fan_out, [1, 2, 3]).start()
    assert [(call.task_id, call.input) for call in test.open_calls] == [(0, 1), (1, 2), (2, 3)]
    assert test.custom_status == "working"
    test.complete("work", "c", task_id=2).complete("work", "a")
    assert test.status is RuntimeStatus.RUNNING
    test.complete("work", "b").check_replay()
    assert test.output == ["a", "b", "c"]
    assert test.open_calls == []


def test_a_failed_call_fails_the_orchestration_that_does_not_catch() -> None:
    """With the error as data."""
    test = OrchestrationTest(fan_out, [1]).start().fail("work", ValueError("bad item"))
    assert test.status is RuntimeStatus.FAILED
    assert test.failure is not None
    assert "bad item" in test.failure.error_message


def test_a_call_fails_with_an_exception_and_nothing_else() -> None:
    """A text in its place would be the result of a call that is complete."""
    test = OrchestrationTest(fan_out, [1]).start()
    with pytest.raises(TypeError, match="'no money' is neither"):
        test.fail("work", "no money")  # type: ignore[arg-type]
    assert test.status is RuntimeStatus.RUNNING
    assert test.fail("work", ValueError).status is RuntimeStatus.FAILED  # type: ignore[arg-type]


def test_time_passes_as_the_test_says() -> None:
    """To the next timer, or by a duration in which several may fire."""
    test = OrchestrationTest(reminder).start()
    began = test.now
    test.fire_timer()
    assert test.now - began == DAY
    assert test.called == [("remind", None)]
    test.complete("remind").advance(DAY / 2)
    assert len(test.open_timers) == 1
    test.raise_event("answer", "yes")
    assert test.output == "yes"


def test_a_step_that_is_not_possible_says_what_is_open() -> None:
    """Wrong names, no timer, an orchestration that has not begun or has ended."""
    test = OrchestrationTest(fan_out, [1])
    with pytest.raises(AssertionError, match="'fan_out' is Pending"):
        test.raise_event("x")
    test.start()
    with pytest.raises(AssertionError, match=r"No call of 'wokr' is open.* 0: 'work' with 1"):
        test.complete("wokr")
    with pytest.raises(AssertionError, match="No timer is open"):
        test.fire_timer()
    with pytest.raises(AssertionError, match="without a timeout"):
        test.time_out("work")
    test.complete("work")
    with pytest.raises(AssertionError, match=r"No call of 'work' is open.*Completed"):
        test.complete("work")


def test_a_terminated_orchestration_has_the_reason_as_output() -> None:
    """And nothing more can happen to it."""
    test = OrchestrationTest(fan_out, [1]).start().terminate("enough")
    assert test.status is RuntimeStatus.TERMINATED
    assert test.output == "enough"
    assert test.open_calls == []
