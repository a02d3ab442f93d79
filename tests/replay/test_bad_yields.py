"""What an orchestrator must not yield: an error at the yield, with advice, never a hang."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from durable.model.status import RuntimeStatus
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
)


async def coroutine() -> None:
    """Wait for nothing."""


def helper(context: Context) -> Orchestration:
    """Call an activity, for somebody who forgets `yield from`."""
    yield context.call_activity("a")


CASES: list[tuple[str, Callable[[Context], Any], str]] = [
    ("a number", lambda _: 5, "'int'"),
    ("nothing", lambda _: None, "A bare 'yield' waits for nothing"),
    (
        "what takes effect at once",
        lambda c: c.set_custom_status(1),
        "signal_entity, send_event and set_custom",
    ),
    ("a list of tasks", lambda c: [c.call_activity("a")], "task_all"),
    ("a tuple of tasks", lambda c: (c.call_activity("a"),), "task_all"),
    ("a generator", helper, "yield from"),
]


@pytest.mark.parametrize(
    ("make", "advice"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_no_task_fails_the_orchestration_with_advice(
    make: Callable[[Context], Any], advice: str
) -> None:
    """Uncaught, the sentence is the output of the failed instance; nothing is scheduled."""

    def orchestrator(context: Context) -> Orchestration:
        yield make(context)

    recording = Recording(orchestrator)
    assert recording.last.status is RuntimeStatus.FAILED
    assert advice in recording.output
    assert asked(recording.last) == []


def test_a_foreign_awaitable_fails_with_advice_too() -> None:
    """What can't be replayed can't be awaited."""
    foreign = coroutine()

    def orchestrator(_: Context) -> Orchestration:
        yield foreign

    recording = Recording(orchestrator)
    foreign.close()
    assert recording.last.status is RuntimeStatus.FAILED
    assert "replay" in recording.output


@pytest.mark.parametrize("combine", [Context.task_all, Context.task_any])
@pytest.mark.parametrize("make", [helper, lambda _: coroutine()], ids=["generator", "coroutine"])
def test_a_helper_beside_others_is_told_what_to_write(combine: Any, make: Any) -> None:
    """The thing itself, with its address, told nobody anything."""

    def orchestrator(context: Context) -> Orchestration:
        yield combine(context, [context.call_activity("a"), make(context)])

    recording = Recording(orchestrator)
    assert recording.last.status is RuntimeStatus.FAILED
    assert "call_sub_orchestrator" in recording.output
    assert " at 0x" not in recording.output


@pytest.mark.parametrize(
    "text",
    [
        "unknown async library, or not in async context",
        "Not currently running on any asynchronous event loop. Available async backends: asyncio",
    ],
)
def test_what_the_libraries_under_httpx_say_is_said_in_our_words(text: str) -> None:
    """Sniffio and anyio look for a loop in their own ways."""

    async def orchestrator(_: Context) -> None:
        raise RuntimeError(text)

    assert "an activity for anything else" in Recording(orchestrator).output


def test_the_error_is_raised_at_the_yield_and_can_be_caught() -> None:
    """Behind it the code goes on, with ids as if the bad yield had not been."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield "nonsense"
        except TypeError:
            result = yield context.call_activity("a")
        return result

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "a", None)]
    recording.episode(completed(0, "fine"))
    assert recording.output == "fine"


def test_a_bad_yield_in_a_later_episode_fails_the_same_way() -> None:
    """The answers before it are kept in the history; the end is in the same episode."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        yield 5

    recording = Recording(orchestrator)
    recording.episode(completed(0))
    assert recording.last.status is RuntimeStatus.FAILED


FORGOTTEN: list[tuple[str, Callable[[Context], Any], str]] = [
    ("a task", lambda c: c.call_activity("a"), "write 'yield' or 'await'"),
    ("a task in a list", lambda c: [c.create_timer(START)], "write 'yield' or 'await'"),
    ("a helper", helper, "write 'yield from'"),
]


@pytest.mark.parametrize(
    ("make", "advice"), [case[1:] for case in FORGOTTEN], ids=[case[0] for case in FORGOTTEN]
)
def test_what_was_never_yielded_and_is_used_as_a_value_is_told_so(
    make: Callable[[Context], Any], advice: str
) -> None:
    """As an input it fails at its call, as the output at the end."""

    def returns(context: Context) -> Orchestration:
        yield context.call_activity("first")
        return {"result": make(context)}

    def passes(context: Context) -> Orchestration:
        yield context.call_activity("second", make(context))

    returning = Recording(returns)
    returning.episode(completed(0))
    assert advice in returning.output
    passing = Recording(passes)
    assert passing.last.status is RuntimeStatus.FAILED
    assert "activity 'second'" in passing.output
    assert advice in passing.output


def test_a_function_of_another_kind_is_called_by_its_name() -> None:
    """Not by an address in memory."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity(helper)

    assert "the function 'helper' is neither" in Recording(orchestrator).output


def test_a_timer_for_a_duration_says_what_to_add_it_to() -> None:
    """Everybody writes it once."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.create_timer(timedelta(days=1))  # type: ignore[arg-type]

    assert "context.current_utc_datetime" in Recording(orchestrator).output


SLIPS: tuple[tuple[Callable[[Any], Any], str], ...] = (
    (lambda c: c.task_all({c.call_activity("a"), c.call_activity("b")}), "a set has another order"),
    (lambda c: c.task_any(c.call_activity("a")), "takes a list of tasks; this is one task"),
    (lambda c: c.call_activity("a", 1, 2), "expected_type is a type, not 2"),
    (lambda c: c.wait_for_external_event("e", timedelta(1)), "expected_type is a type, not"),
    (lambda c: c.call_sub_orchestrator("o", expected_type="Order"), "expected_type is a type, not"),
    (lambda c: c.call_entity("@e@k", "get", None, {}), "expected_type is a type, not"),
)


@pytest.mark.parametrize(("make", "told"), SLIPS)
def test_a_slip_is_told_at_its_line_and_not_when_the_work_is_done(
    make: Callable[[Context], Any], told: str
) -> None:
    """A set worked, until a replay made it in another order; a type was looked at when it came."""

    def orchestrator(context: Context) -> Orchestration:
        yield make(context)

    recording = Recording(orchestrator)
    assert recording.last.status is RuntimeStatus.FAILED
    assert told in recording.output
    assert asked(recording.last) == []
