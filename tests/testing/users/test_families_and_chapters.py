"""The rest of the orchestration model in a run without storage."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from durable.engine.registry import Registry
from durable.model.error_classes import durable_error
from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.replay.retries import RetryOptions
from durable.testing.running.fakes import NEVER, UnexpectedCallError, in_turn, taking
from durable.testing.running.runner import Event, RestlessError, run_orchestrator
from durable.testing.running.stepping import OrchestrationTest

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]
HOUR = timedelta(hours=1)


def child(context: Context) -> Orchestration:
    """Double the input by an activity."""
    return (yield context.call_activity("double", context.get_input()))


def parent(context: Context) -> Orchestration:
    """Two children at once, one with an id of its own; say what went wrong."""
    try:
        return (
            yield context.task_all(
                [
                    context.call_sub_orchestrator("child", 1),
                    context.call_sub_orchestrator("child", 2, instance_id="second"),
                ]
            )
        )
    except Exception as error:  # noqa: BLE001
        return str(error).splitlines()[0].strip()


def test_children_run_for_real_beside_their_parent() -> None:
    """With ids and histories of their own; the test sees them."""
    result = run_orchestrator(
        parent, activities={"double": lambda n: 2 * n}, children={"child": child}
    )
    assert result.value() == [2, 4]
    assert [call.input for call in result.child_calls] == [1, 2]
    assert result.children["second"].value() == 4
    assert result.children["second"].called == [("double", 2)]
    assert len(result.children) == 2


@pytest.mark.parametrize("fake", [10, lambda n: 10, taking(HOUR, 10)])
def test_children_may_be_fakes(fake: Any) -> None:
    """A value, a function of the input, or a later answer."""
    result = run_orchestrator(parent, children={"child": fake})
    assert result.value() == [10, 10]
    assert result.children == {}


def test_a_child_that_fails_fails_its_task_fake_or_not() -> None:
    """With the words of its failure."""
    faked = run_orchestrator(parent, children={"child": in_turn(1, ValueError("odd"))})
    assert "Orchestrator function 'child' failed: odd" in faked.value()

    def broken(context: Context) -> Orchestration:
        yield context.call_activity("double", context.get_input())
        raise ValueError("odd")

    real = run_orchestrator(parent, activities={"double": 1}, children={"child": broken})
    assert "Orchestrator function 'child' failed: odd" in real.value()
    with pytest.raises(UnexpectedCallError, match="calls orchestrator 'child' with input 1"):
        run_orchestrator(parent)


def test_a_child_under_an_id_that_is_alive_fails_its_task() -> None:
    """As in a hub; the first is not disturbed."""

    def twins(context: Context) -> Orchestration:
        one = context.call_sub_orchestrator("child", 1, instance_id="same")
        other = context.call_sub_orchestrator("child", 2, instance_id="same")
        yield context.task_any([one, other])
        return [one.is_completed, str(other.result).splitlines()[0].strip()]

    result = run_orchestrator(
        twins, activities={"double": taking(HOUR, 1)}, children={"child": child}
    )
    assert result.value() == [False, "An instance with the ID 'same' is alive already."]


def test_an_execution_that_continues_as_new_keeps_the_unread_events() -> None:
    """Each execution has its history; answers for an old one do not count."""

    def counter(context: Context) -> Orchestration:
        total = context.get_input()
        context.set_custom_status(total)
        added = yield context.wait_for_external_event("add")
        if added == 0:
            return total
        yield context.call_activity("log", added)
        context.continue_as_new(total + added)
        return None

    events = [("add", 1), ("add", 2), ("add", 3), ("add", 0)]
    result = run_orchestrator(counter, 0, activities={"log": None}, events=events)
    assert result.value() == 6
    assert result.custom_status == 6
    assert len(result.executions) == 4
    assert result.inputs_of("log") == [1, 2, 3]


def test_an_eternal_orchestration_runs_for_as_long_as_the_test_says() -> None:
    """A generation an hour."""

    def eternal(context: Context) -> Orchestration:
        yield context.create_timer(context.current_utc_datetime + HOUR)
        yield context.call_activity("clean", context.get_input())
        context.continue_as_new(context.get_input() + 1)

    result = run_orchestrator(eternal, 0, activities={"clean": None}, until=5 * HOUR)
    assert result.inputs_of("clean") == [0, 1, 2, 3, 4]
    assert result.status is RuntimeStatus.RUNNING

    def spinning(context: Context) -> Orchestration:
        context.continue_as_new(None)
        return
        yield

    with pytest.raises(AssertionError, match="without waiting"):
        run_orchestrator(spinning)


@pytest.mark.parametrize("until", [None, HOUR])
def test_an_eternal_orchestration_that_takes_no_time_fails_its_test_soon(
    until: timedelta | None,
) -> None:
    """With `until` too, which would never come; the text says what to do."""

    def restless(context: Context) -> Orchestration:
        yield context.call_activity("work")
        context.continue_as_new(None)

    advice = "taking" if until else "needs until"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("durable.testing.running.runner.EXECUTIONS_MAX", 20)
        with pytest.raises(RestlessError, match=advice):
            run_orchestrator(restless, activities={"work": 1}, until=until)


def test_each_given_event_may_begin_an_execution() -> None:
    """They are not what makes a run restless."""

    def counting(context: Context) -> Orchestration:
        number = yield context.wait_for_external_event("number", int)
        if number:
            context.continue_as_new(None)
        return "done"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("durable.testing.running.runner.EXECUTIONS_MAX", 1)
        events = [("number", number) for number in (3, 2, 1, 0)]
        assert run_orchestrator(counting, events=events).value() == "done"


def test_a_call_over_http_without_an_answer_says_which_argument_gives_one() -> None:
    """Nobody has to know that it is an activity."""

    def calling(context: Context) -> Orchestration:
        return (yield context.call_http("GET", "https://example.org"))

    with pytest.raises(UnexpectedCallError, match=r"example.org.*http="):
        run_orchestrator(calling)


def test_retries_wait_in_virtual_time_and_count_their_attempts() -> None:
    """No timer after the last attempt."""

    def stubborn(context: Context) -> Orchestration:
        options = RetryOptions(60_000, 3, backoff_coefficient=2)
        return (yield context.call_activity_with_retry("work", options, "x"))

    fails = OSError("no")
    result = run_orchestrator(stubborn, activities={"work": in_turn(fails, fails, "done")})
    assert result.value() == "done"
    assert [call.attempt for call in result.calls] == [1, 2, 3]
    assert result.elapsed == timedelta(minutes=3)
    result = run_orchestrator(stubborn, activities={"work": fails})
    assert result.status is RuntimeStatus.FAILED
    assert len(result.timers) == 2


def test_an_activity_that_takes_longer_than_its_timeout_fails() -> None:
    """At its timeout, not when it would have answered."""

    def limited(context: Context) -> Orchestration:
        try:
            yield context.call_activity("work", timeout=HOUR)
        except Exception as error:  # noqa: BLE001
            return str(error).splitlines()[0].strip()

    for fake in (NEVER, taking(2 * HOUR)):
        result = run_orchestrator(limited, activities={"work": fake})
        assert result.value() == "Activity function 'work' failed: it did not finish within 3600 s"
        assert result.elapsed == HOUR
    test = OrchestrationTest(limited).start().time_out("work")
    assert "did not finish within 3600 s" in test.output


def test_events_go_from_one_orchestration_to_another() -> None:
    """To one that runs in the same test; what goes elsewhere is noted."""

    def waiting(context: Context) -> Orchestration:
        return (yield context.wait_for_external_event("greeting"))

    def greeter(context: Context) -> Orchestration:
        friend = context.start_new_orchestration("waiting", None, instance_id="friend")
        context.send_event(friend, "greeting", "hello")
        context.send_event("somebody", "greeting", "hello?")
        yield context.create_timer(context.current_utc_datetime + HOUR)

    result = run_orchestrator(greeter, children={"waiting": waiting})
    assert result.is_completed
    assert result.children["friend"].value() == "hello"
    assert [event.instance_id for event in result.sent_events] == ["friend", "somebody"]
    assert [call.is_detached for call in result.child_calls] == [True]
    alone = run_orchestrator(greeter)
    assert [call.instance_id for call in alone.child_calls] == ["friend"]


def test_an_event_may_be_for_a_child() -> None:
    """By the child's id."""

    def asking(context: Context) -> Orchestration:
        return (yield context.wait_for_external_event("answer"))

    def asker(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("asking", instance_id="who"))

    event = Event("answer", 42, after=HOUR, to="who")
    assert run_orchestrator(asker, children={"asking": asking}, events=[event]).value() == 42


async def coroutine(context: Context) -> Any:
    """Call twice."""
    first = await context.call_activity("double", 1)
    return [first, await context.call_activity("double", first)]


def two_arguments(context: Context, number: int) -> Orchestration:
    """Take the input as an argument."""
    return (yield context.call_activity("double", number))


def test_orchestrators_of_every_style_run() -> None:
    """`async def`, and two arguments."""
    activities = {"double": lambda n: 2 * n}
    assert run_orchestrator(coroutine, activities=activities).value() == [2, 4]
    assert run_orchestrator(two_arguments, 4, activities=activities).value() == 8


def test_call_http_has_a_fake_of_its_own() -> None:
    """With polling of a 202 in virtual time."""

    def caller(context: Context) -> Orchestration:
        response = yield context.call_http("GET", "https://example.org/slow")
        return response["content"]

    accepted = {
        "statusCode": 202,
        "headers": {"Location": "https://example.org/slow/1", "Retry-After": "20"},
        "content": "",
    }
    ready = {"statusCode": 200, "headers": {}, "content": "done"}
    result = run_orchestrator(caller, http=in_turn(accepted, accepted, ready))
    assert result.value() == "done"
    assert [call.input["uri"] for call in result.calls][1:] == ["https://example.org/slow/1"] * 2
    assert result.elapsed == timedelta(seconds=40)


@dataclass
class Order:
    """An order."""

    item: str
    count: int


@durable_error
class OutOfStockError(Exception):
    """Nothing is left."""


def test_values_have_the_types_that_annotations_say() -> None:
    """In the orchestrator and in the fake, from the app or from the fake itself."""

    def reserve(order: Order) -> Order:
        return Order(order.item, order.count + 1)

    def typed(context: Context) -> Orchestration:
        reserved = yield context.call_activity("reserve", Order("book", 1))
        return [reserved.item, reserved.count]

    assert run_orchestrator(typed, activities=[reserve]).value() == ["book", 2]
    app = Registry()
    app.add_orchestrator("typed", typed)
    app.add_activity("reserve", reserve)
    faked = run_orchestrator(
        "typed", app=app, activities={"reserve": lambda order: Order(order.item, 9)}
    )
    assert faked.value() == ["book", 9]
    with pytest.raises(LookupError, match="no orchestrator named 'other'"):
        run_orchestrator("other", app=app)


def test_an_error_that_is_registered_is_caught_by_its_class() -> None:
    """As in the app."""

    def buy(context: Context) -> Orchestration:
        try:
            yield context.call_activity("reserve")
        except OutOfStockError as error:
            return f"sold out: {type(error).__name__}"

    result = run_orchestrator(buy, activities={"reserve": OutOfStockError("book")})
    assert "sold out" in result.value()


def test_a_suspended_orchestration_keeps_what_arrives_for_its_resume() -> None:
    """In order, and terminates at once if asked."""

    def collecting(context: Context) -> Orchestration:
        first = yield context.wait_for_external_event("n")
        second = yield context.wait_for_external_event("n")
        return [first, second]

    test = OrchestrationTest(collecting).start().suspend("lunch")
    assert test.status is RuntimeStatus.SUSPENDED
    test.raise_event("n", 1).raise_event("n", 2)
    assert test.status is RuntimeStatus.SUSPENDED
    test.resume()
    assert test.output == [1, 2]
    other = OrchestrationTest(collecting).start().suspend().terminate("enough")
    assert other.status is RuntimeStatus.TERMINATED
    assert other.output == "enough"


def test_children_are_completed_step_by_step() -> None:
    """By name or task id, and fail with a given error."""
    test = OrchestrationTest(parent).start()
    assert [child.input for child in test.open_children] == [1, 2]
    test.complete_child("child", "b", task_id=1).complete_child("child", "a")
    assert test.output == ["a", "b"]
    test = OrchestrationTest(parent).start().fail_child("child", ValueError("odd"))
    assert "failed: odd" in test.output


def test_a_termination_takes_the_children_along() -> None:
    """Those that have not answered."""

    def sleeper(context: Context) -> Orchestration:
        yield context.wait_for_external_event("never")

    def family(context: Context) -> Orchestration:
        yield context.call_sub_orchestrator("sleeper", instance_id="little")

    result = run_orchestrator(family, children=[sleeper], terminate_after=HOUR)
    assert result.status is RuntimeStatus.TERMINATED
    assert result.children["little"].status is RuntimeStatus.TERMINATED
