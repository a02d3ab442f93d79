"""`async def` orchestrators, orchestrators of two parameters, and what can't be awaited."""

import asyncio
from collections.abc import Awaitable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from durable.model.failures import TaskFailedError
from durable.model.history import ExecutionCompleted
from durable.model.status import RuntimeStatus
from durable.replay.decision import Divergence
from tests.replay.recording import (
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    decide_cold,
    failed,
    raised,
)


async def chain(context: Context) -> list[Any]:
    """Two steps and a race."""
    first = await context.call_activity("a", context.get_input())
    tasks = [context.call_activity("b", first), context.wait_for_external_event("stop")]
    winner = await context.task_any(tasks)
    return [first, tasks.index(winner), await tasks[0]]


def chain_of_yields(context: Context) -> Orchestration:
    """The same with `yield`."""
    first = yield context.call_activity("a", context.get_input())
    tasks = [context.call_activity("b", first), context.wait_for_external_event("stop")]
    winner = yield context.task_any(tasks)
    return [first, tasks.index(winner), (yield tasks[0])]


def test_await_and_yield_make_one_history() -> None:
    """A team can rewrite an orchestrator while its instances run."""
    recording = Recording(chain, "in")
    recording.each(completed(0, "one"), raised("stop"))
    decision = decide_cold(recording.history, [completed(1, "two")], chain_of_yields)
    recording.episode(completed(1, "two"))
    assert recording.output == ["one", 1, "two"]
    assert decision.output == recording.last.output  # type: ignore[union-attr]


async def call_twice(context: Context) -> list[Any]:
    """Await in a helper."""
    return [await context.call_activity("h", n) for n in range(2)]


async def with_helpers(context: Context) -> Any:
    """Await a coroutine, which awaits tasks."""
    return [*await call_twice(context), await context.call_activity("last")]


def test_a_coroutine_may_await_coroutines_that_await_tasks() -> None:
    """The helper is part of the orchestration."""
    recording = Recording(with_helpers)
    recording.each(completed(0, 1), completed(1, 2), completed(2, 3))
    assert recording.output == [1, 2, 3]


def test_a_failed_task_raises_at_the_await() -> None:
    """And can be caught there."""

    async def orchestrator(context: Context) -> str:
        try:
            await context.call_activity("a")
        except TaskFailedError as error:
            return error.error_type
        return "no error"

    recording = Recording(orchestrator)
    recording.episode(failed(0))
    assert recording.output == "OSError"


def test_a_mismatch_names_the_line_of_the_innermost_await() -> None:
    """In the helper, not in the orchestrator."""

    def helping(name: str) -> Any:
        async def helper(context: Context) -> Any:
            return await context.call_activity(name)  # this line

        async def orchestrator(context: Context) -> Any:
            return await helper(context)

        helping.line = helper.__code__.co_firstlineno + 1  # type: ignore[attr-defined]
        return orchestrator

    recording = Recording(helping("a"))
    outcome = decide_cold(recording.history, [completed(0)], helping("b"))
    assert isinstance(outcome, Divergence)
    assert outcome.mismatch.where == f"{__file__}:{helping.line}"  # type: ignore[attr-defined]


class _Foreign:
    """Something else that can be awaited."""

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield 5)


async def yields_to_the_loop() -> None:
    """Await what is no task."""
    await asyncio.sleep(0)


async def waits_for_the_loop() -> None:
    """Await what needs an event loop."""
    await asyncio.sleep(1)


@pytest.mark.parametrize("await_", [_Foreign, yields_to_the_loop, waits_for_the_loop])
def test_awaiting_anything_else_is_an_error_at_that_line(await_: Any) -> None:
    """The instance fails with a sentence, and with the line in its traceback."""

    async def orchestrator(context: Context) -> Any:
        thing: Awaitable[Any] = await_()
        await thing
        await context.call_activity("never")

    recording = Recording(orchestrator)
    assert recording.last.status is RuntimeStatus.FAILED
    assert "context" in recording.output
    assert asked(recording.last) == []
    ended = recording.last.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.failure_details is not None
    assert ended.failure_details.error_type == "TypeError"
    line = orchestrator.__code__.co_firstlineno + 2
    assert f"{line}, in orchestrator" in (ended.failure_details.stack_trace or "")


def test_asyncio_gather_is_answered_with_task_all() -> None:
    """It asks for the loop of its thread, and where orchestrators run there is none."""

    async def orchestrator(context: Context) -> Any:
        return await asyncio.gather(context.call_activity("a"), context.call_activity("b"))

    with ThreadPoolExecutor(1) as elsewhere:
        output = elsewhere.submit(lambda: Recording(orchestrator).output).result()
    assert "context.task_all" in output


def test_a_coroutine_that_is_yielded_is_closed_and_explained() -> None:
    """Python does not say that it was never awaited."""

    def orchestrator(context: Context) -> Orchestration:
        yield call_twice(context)

    assert "awaited" in Recording(orchestrator).output


def test_a_dropped_coroutine_can_do_nothing() -> None:
    """Rule J holds for it too."""
    seen: list[str] = []

    async def orchestrator(context: Context) -> None:
        try:
            await context.call_activity("a")
        finally:
            seen.append("finally")
            context.set_custom_status("late")
            seen.append("alive")

    recording = Recording(orchestrator)
    assert recording.last.execution is not None
    recording.last.execution.drop()
    assert seen == ["finally", "finally"]  # once for the cold twin of the recording


# ------------------------------------------------------------------------- two parameters


def test_an_orchestrator_may_take_its_input_as_second_parameter() -> None:
    """As durabletask's do: generators, coroutines and functions."""

    def generator(context: Context, given: Any) -> Orchestration:
        return [given, (yield context.call_activity("a"))]

    async def coroutine(context: Context, given: Any) -> Any:
        return [given, await context.call_activity("a")]

    for orchestrator in (generator, coroutine):
        recording = Recording(orchestrator, {"n": 1})
        recording.episode(completed(0, "x"))
        assert recording.output == [{"n": 1}, "x"]
    assert Recording(lambda _, given: given, 5).output == 5


def test_a_second_parameter_with_a_default_is_the_authors_own() -> None:
    """1.7 passed the context alone."""

    def orchestrator(context: Context, limit: int = 3) -> int:
        return limit + context.get_input()

    assert Recording(orchestrator, 4).output == 7


@pytest.mark.parametrize("style", ["one", "two"])
def test_task_all_fails_at_once_or_waits_for_all_by_the_style(style: str) -> None:
    """One parameter: the rule of 1.7. Two: that of durabletask."""

    def body(context: Context) -> Orchestration:
        try:
            yield context.task_all([context.call_activity("a"), context.call_activity("b")])
        except TaskFailedError as error:
            return str(error.failure_details.error_message)  # type: ignore[union-attr]

    def one(context: Context) -> Orchestration:
        return (yield from body(context))

    def two(context: Context, _: Any) -> Orchestration:
        return (yield from body(context))

    recording = Recording(one if style == "one" else two)
    first = recording.episode(failed(1, "first"))
    assert first.status.is_terminal is (style == "one")
    if style == "two":
        recording.episode(failed(0, "second"))
    assert recording.output == "first"


def test_task_all_of_the_second_style_returns_all_results() -> None:
    """And an empty one completes at once."""

    def orchestrator(context: Context, _: Any) -> Orchestration:
        nothing = yield context.task_all([])
        two = yield context.task_all([context.call_activity("a"), context.call_activity("b")])
        return nothing + two

    recording = Recording(orchestrator)
    recording.each(completed(1, 2), completed(0, 1))
    assert recording.output == [1, 2]
