"""run_orchestrator: what a user's test can say about an orchestration without any storage."""

import asyncio
import contextlib
import random
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.engine.activity_context import ActivityContext
from durable.engine.registry import Registry
from durable.model.failures import TaskFailedError
from durable.model.history import ExecutionCompleted, ExecutionStarted
from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.testing.running.agenda import START
from durable.testing.running.fakes import NEVER, UnexpectedCallError, in_turn, taking
from durable.testing.running.instance import NotDeterministicError
from durable.testing.running.result import NotCompletedError
from durable.testing.running.runner import Event, RestlessError, run_orchestrator

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]

HOUR = timedelta(hours=1)


def order(context: Context) -> Orchestration:
    """Reserve, then pay; say so if that fails."""
    reserved = yield context.call_activity("reserve", context.get_input())
    try:
        return (yield context.call_activity("pay", reserved))
    except Exception as error:  # noqa: BLE001
        return {"not paid": str(error).splitlines()[0].strip()}


def approval(context: Context) -> Orchestration:
    """Wait for a person for an hour."""
    timer = context.create_timer(context.current_utc_datetime + HOUR)
    answer = context.wait_for_external_event("answer")
    winner = yield context.task_any([answer, timer])
    if winner is timer:
        return "nobody answered"
    timer.cancel()
    return answer.result


def test_a_run_gives_the_output_and_what_was_called_in_order() -> None:
    """Each call with its input, as the orchestrator made it."""
    result = run_orchestrator(
        order, "book", activities={"reserve": lambda item: {"item": item}, "pay": 7}
    )
    assert result.value() == 7
    assert result.called == [("reserve", "book"), ("pay", {"item": "book"})]
    assert result.inputs_of("pay") == [{"item": "book"}]
    assert [call.task_id for call in result.calls] == [0, 1]
    assert result.status is RuntimeStatus.COMPLETED
    assert isinstance(result.history[1], ExecutionStarted)
    assert isinstance(result.history[-2], ExecutionCompleted)


@pytest.mark.parametrize("failure", [OSError("no money"), in_turn(OSError("no money"))])
def test_an_exception_as_a_fake_fails_the_activity(failure: Any) -> None:
    """With the text that the hub gives a failed activity."""
    result = run_orchestrator(order, "book", activities={"reserve": 1, "pay": failure})
    assert result.value() == {"not paid": "Activity function 'pay' failed: no money"}


async def test_a_run_works_inside_of_an_event_loop_and_with_async_activities() -> None:
    """A test that is `async` itself can call it, and a fake may be `async def`."""

    async def pay(reserved: Any) -> Any:
        return reserved * 2

    result = run_orchestrator(order, "book", activities={"reserve": 4, "pay": pay})
    assert result.value() == 8


def test_a_value_goes_through_json_as_it_does_in_a_hub() -> None:
    """A tuple comes back as a list, and keys as strings."""

    def keep(context: Context) -> Orchestration:
        return (yield context.call_activity("keep", (1, {2: 3})))

    result = run_orchestrator(keep, activities={"keep": lambda value: value})
    assert result.value() == [1, {"2": 3}]


def test_a_list_as_a_fake_is_a_value_and_in_turn_gives_one_answer_a_call() -> None:
    """They are not mixed up."""

    def twice(context: Context) -> Orchestration:
        first = yield context.call_activity("next")
        second = yield context.call_activity("next")
        return [first, second]

    assert run_orchestrator(twice, activities={"next": [1, 2]}).value() == [[1, 2], [1, 2]]
    assert run_orchestrator(twice, activities={"next": in_turn(1, 2)}).value() == [1, 2]
    with pytest.raises(UnexpectedCallError, match=r"'next' for the 2. time"):
        run_orchestrator(twice, activities={"next": in_turn(1)})


def test_a_fake_is_found_by_its_name_in_any_case() -> None:
    """As the function would be in a hub; its answers are counted whatever the case."""

    def orchestrator(context: Context) -> Orchestration:
        first = yield context.call_activity("Next", None)
        return [first, (yield context.call_activity("next", None))]

    assert run_orchestrator(orchestrator, activities={"NEXT": in_turn(1, 2)}).value() == [1, 2]


def test_a_call_without_a_fake_fails_the_test_naming_it() -> None:
    """It is never a failed task, which the orchestrator could swallow."""
    with pytest.raises(UnexpectedCallError, match=r"activity 'pay' with input 1.*given: 'reserve'"):
        run_orchestrator(order, "book", activities={"reserve": 1})


def test_timers_are_skipped_in_virtual_time() -> None:
    """An hour passes at once, and is seen to have passed."""
    result = run_orchestrator(approval, start=datetime(2030, 5, 1, tzinfo=UTC))
    assert result.value() == "nobody answered"
    assert result.elapsed == HOUR
    assert [timer.fire_at for timer in result.timers] == [datetime(2030, 5, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize(("minutes", "output"), [(0, "yes"), (59, "yes"), (61, "nobody answered")])
def test_an_event_wins_the_race_only_before_the_timer(minutes: int, output: str) -> None:
    """Events arrive at their virtual time."""
    event = Event("answer", "yes", after=timedelta(minutes=minutes))
    result = run_orchestrator(approval, events=[event])
    assert result.value() == output


def test_events_arrive_in_order_and_none_is_lost() -> None:
    """A tuple is an event that comes at once; those of one name are taken first in, first out."""

    def collect(context: Context) -> Orchestration:
        first = yield context.wait_for_external_event("n")
        second = yield context.wait_for_external_event("n")
        third = yield context.wait_for_external_event("n")
        return [first, second, third]

    assert run_orchestrator(collect, events=[("n", 1), ("n", 2), "n"]).value() == [1, 2, None]


def test_an_activity_takes_virtual_time_if_the_fake_says_so() -> None:
    """So it can lose against a timer; one that never answers leaves the timer to win."""

    def impatient(context: Context) -> Orchestration:
        work = context.call_activity("work")
        timer = context.create_timer(context.current_utc_datetime + HOUR)
        winner = yield context.task_any([work, timer])
        return "done" if winner is work else "gave up"

    assert run_orchestrator(impatient, activities={"work": taking(HOUR / 2)}).value() == "done"
    assert run_orchestrator(impatient, activities={"work": taking(HOUR * 2)}).value() == "gave up"
    assert run_orchestrator(impatient, activities={"work": NEVER}).value() == "gave up"


def test_an_orchestration_that_waits_for_ever_is_running_and_has_no_value() -> None:
    """The run ends when nothing more can happen."""

    def patient(context: Context) -> Orchestration:
        return (yield context.wait_for_external_event("never"))

    result = run_orchestrator(patient)
    assert result.status is RuntimeStatus.RUNNING
    with pytest.raises(NotCompletedError, match=r"'patient' .* is Running and waits for an event"):
        result.value()


def test_what_has_no_answer_is_named() -> None:
    """Whoever forgot an answer reads which."""

    def asking(context: Context) -> Orchestration:
        return (yield context.call_activity("ask", 1))

    with pytest.raises(NotCompletedError, match="waits for a call of activity 'ask'"):
        run_orchestrator(asking, activities={"ask": NEVER}).value()


def test_a_failed_orchestration_has_its_error_as_data() -> None:
    """Type, message and traceback; `value` raises with them."""

    def broken(context: Context) -> Orchestration:
        yield context.call_activity("work")
        raise KeyError("x")

    result = run_orchestrator(broken, activities={"work": 1})
    assert result.status is RuntimeStatus.FAILED
    assert result.output == "Orchestrator function 'broken' failed: 'x'"
    assert result.failure is not None
    assert result.failure.error_type == "KeyError"
    assert str(result.failure.stack_trace).startswith(f'  File "{__file__}"')
    with pytest.raises(NotCompletedError, match=r"(?s)KeyError: 'x'.*in broken"):
        result.value()


@pytest.mark.parametrize("where", ["input", "timer", "output", "branch"])
def test_code_that_is_not_deterministic_fails_its_test(where: str) -> None:
    """Each step replays the code: chance in an argument, a timer, a branch, the output shows."""
    calls: list[int] = []

    def restless(context: Context) -> Orchestration:
        calls.append(1)
        chance = random.random()
        if where == "branch" and len(calls) > 1:
            return None
        yield context.call_activity("work", chance if where == "input" else 0)
        if where == "timer":
            yield context.create_timer(datetime.now(UTC) + timedelta(days=3, seconds=chance))
        return chance if where == "output" else None

    with pytest.raises(NotDeterministicError, match="current_utc_datetime") as raised:
        run_orchestrator(restless, activities={"work": 1})
    assert "Deploy" not in str(raised.value)


def test_replaying_can_be_left_out_for_very_long_orchestrations() -> None:
    """Then the generator stays alive, and runs each of its lines once."""
    calls: list[int] = []

    def counted(context: Context) -> Orchestration:
        calls.append(1)
        for number in range(50):
            yield context.call_activity("work", number)

    run_orchestrator(counted, activities={"work": 1}, check_replay=False)
    assert len(calls) == 1
    run_orchestrator(counted, activities={"work": 1})
    assert len(calls) == 1 + 51 + 1


def test_an_orchestration_without_an_end_is_stopped_by_until() -> None:
    """And fails its test without it, rather than hang."""

    def eternal(context: Context) -> Orchestration:
        while True:
            yield context.create_timer(context.current_utc_datetime + HOUR)
            yield context.call_activity("work")

    result = run_orchestrator(eternal, activities={"work": 1}, until=timedelta(hours=5))
    assert len(result.calls) == 5
    assert result.status is RuntimeStatus.RUNNING
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("durable.testing.running.runner.STEPS_MAX", 50)
        with pytest.raises(RestlessError, match="needs until"):
            run_orchestrator(eternal, activities={"work": 1})


def test_a_run_is_the_same_every_time() -> None:
    """Ids, times and histories too."""

    def ids(context: Context) -> Orchestration:
        first = context.new_uuid()
        yield context.create_timer(context.current_utc_datetime + HOUR)
        return [first, context.new_uuid(), context.current_utc_datetime.isoformat()]

    one, other = run_orchestrator(ids), run_orchestrator(ids)
    assert one.history == other.history
    assert one.value() == other.value()
    assert one.value()[2] == "2026-01-01T01:00:00+00:00"


def test_an_exception_that_is_raised_again_and_again_keeps_a_short_traceback() -> None:
    """A test of a long poll gives one object for all calls."""

    def stubborn(context: Context) -> Orchestration:
        for _ in range(20):
            with contextlib.suppress(TaskFailedError):
                yield context.call_activity("poll")
        yield context.call_activity("poll")

    result = run_orchestrator(stubborn, activities={"poll": OSError("down")})
    assert result.failure is not None
    assert result.failure.inner_failure is not None
    assert str(result.failure.inner_failure.stack_trace).count("raise error") == 1


def test_a_plain_activity_may_run_a_loop_of_its_own() -> None:
    """In a hub it has a thread for itself; many call an async library so."""

    async def ask(number: int) -> int:
        await asyncio.sleep(0)
        return number + 1

    def step(number: int) -> int:
        return asyncio.run(ask(number))

    def steps(context: Context) -> Orchestration:
        first = yield context.call_activity("step", 1)
        return (yield context.call_activity("step", first, timeout=HOUR))

    assert run_orchestrator(steps, activities={"step": step}).value() == 3


def test_an_activity_knows_the_deadline_that_its_app_gives_it() -> None:
    """From the decorator, as from the call."""

    def look(_: Any, context: ActivityContext) -> Any:
        return context.deadline

    def steps(context: Context) -> Orchestration:
        return (yield context.call_activity("look"))

    app = Registry()
    app.add_activity("look", look, timeout=HOUR)
    result = run_orchestrator(steps, app=app, activities={"look": look})
    assert result.value() == (START + HOUR).isoformat()
