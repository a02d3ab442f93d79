"""Run one operation of an entity function: whatever it does comes back as an outcome."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.holding import Held
from durable.engine.operations import OperationRequest, run_operation
from durable.engine.registry import Registry
from durable.model.entity_ids import EntityId
from durable.model.failures import TaskFailedError
from tests.engine.one_operation import COUNTER, SYSTEM, InPlace, counter, failure, run


async def async_counter(context: DurableEntityContext) -> None:
    """The same, on the loop."""
    await asyncio.sleep(0)
    counter(context)


def counter_that_returns_awaitable(context: DurableEntityContext) -> Any:
    """The same, as a plain function that returns a coroutine."""
    return async_counter(context)


@pytest.mark.parametrize("entity", [counter, async_counter, counter_that_returns_awaitable])
async def test_every_kind_of_function_gets_state_and_input_and_leaves_state_and_result(
    entity: Any,
) -> None:
    """The state goes from one operation to the next as JSON text."""
    first = await run(entity, "add", "5", environment=SYSTEM)
    second = await run(entity, "add", "2", state=first.state, environment=SYSTEM)
    assert (first.state, first.result, first.failure) == ("5", "5", None)
    assert (second.state, second.result, second.failure) == ("7", "7", None)


async def test_a_plain_function_runs_in_a_thread_with_the_callers_variables() -> None:
    """So that it may block."""
    told = contextvars.ContextVar("told", default="no")
    seen: list[Any] = []

    def entity(_: Any) -> None:
        seen.append((told.get(), threading.current_thread() is threading.main_thread()))

    told.set("yes")
    await run(entity, environment=SYSTEM)
    assert seen == [("yes", False)]


async def test_a_coroutine_runs_on_the_loop() -> None:
    """It may use what belongs to the loop."""
    loops: list[Any] = []

    async def entity(_: Any) -> None:
        loops.append(asyncio.get_running_loop())

    await run(entity)
    assert loops == [asyncio.get_running_loop()]


async def test_the_value_that_a_function_returns_is_no_result() -> None:
    """As in 1.7: `set_result` tells it; without it the caller gets null."""
    outcome = await run(lambda _: 5)
    assert (outcome.result, outcome.state, outcome.failure) == ("null", None, None)


def fails_after_all(error: BaseException) -> Callable[[DurableEntityContext], None]:
    """Make an entity that does all that it can and then raises."""

    def entity(context: DurableEntityContext) -> None:
        context.get_state()
        context.set_state({"new": True})
        context.set_result("done")
        context.signal_entity(COUNTER, "again")
        context.start_new_orchestration("flow")
        raise error

    return entity


class UnprintableError(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise ZeroDivisionError


ERRORS = [
    ValueError("no"),
    SystemExit(3),
    StopIteration(5),
    StopAsyncIteration(),
    GeneratorExit(),
    asyncio.CancelledError("of the user"),
    UnprintableError(),
    ExceptionGroup("several", [ValueError("one"), OSError("two")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("environment", [SYSTEM, None], ids=["in a thread", "in place"])
async def test_whatever_is_raised_rolls_back_state_signals_and_starts(
    error: BaseException, environment: Any
) -> None:
    """The state is the text from before, and nothing is sent (decision 6)."""
    outcome = await failure(fails_after_all(error), environment=environment)
    assert outcome.failure is not None
    assert outcome.failure.error_type == type(error).__name__


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_whatever_a_coroutine_raises_rolls_back_too(error: BaseException) -> None:
    """A coroutine can't raise StopIteration: Python makes a RuntimeError of it."""

    async def entity(context: DurableEntityContext) -> None:
        await asyncio.sleep(0)
        fails_after_all(error)(context)

    outcome = await failure(entity)
    assert outcome.failure is not None
    stops = isinstance(error, StopIteration)
    assert outcome.failure.error_type == ("RuntimeError" if stops else type(error).__name__)


def test_an_end_of_the_process_is_no_outcome() -> None:
    """Ctrl-C goes where it was meant to go."""
    registry = Registry()
    registry.add_entity("counter", fails_after_all(KeyboardInterrupt()))
    request = OperationRequest(entity_id=COUNTER, operation="act")
    # Driven by hand: an event loop would end by it, and this test run too.
    running = run_operation(registry, InPlace(), request, None)
    with pytest.raises(KeyboardInterrupt):
        running.send(None)


async def test_a_host_that_cancels_gets_no_outcome() -> None:
    """The message comes again; the operation did not fail."""
    began = asyncio.Event()

    async def entity(_: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    registry = Registry()
    registry.add_entity("counter", entity)
    request = OperationRequest(entity_id=COUNTER, operation="act")
    running = asyncio.ensure_future(run_operation(registry, SYSTEM, request, None))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_caller_is_told_type_message_traceback_and_cause() -> None:
    """As of an activity: text in the manner of 1.7, and data beside it."""

    def entity(_: Any) -> None:
        try:
            raise KeyError("inner")  # noqa: TRY301
        except KeyError as error:
            raise OSError("disk full") from error

    outcome = await failure(entity, operation="save")
    assert outcome.reason == "Operation 'save' of entity '@counter@a' failed: disk full"
    details = outcome.failure
    assert details is not None
    assert (details.error_type, details.error_message) == ("OSError", "disk full")
    assert details.inner_failure is not None
    assert details.inner_failure.error_type == "KeyError"
    assert "test_operations.py" in (details.stack_trace or "")
    assert "disk full" in str(TaskFailedError(outcome.reason, outcome.details, details))


async def test_a_failed_signal_is_logged_for_nobody_else_hears_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the entity, the operation and the traceback."""
    caplog.set_level("ERROR", logger="durable")
    await failure(fails_after_all(ValueError("no")), is_signal=True, operation="save")
    assert "instance=@counter@a Operation 'save'" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("member", ["set_state", "set_result"])
async def test_what_has_no_json_form_fails_the_operation(member: str) -> None:
    """State and result are printed before anything counts."""

    def entity(context: DurableEntityContext) -> None:
        context.signal_entity(COUNTER, "again")
        getattr(context, member)(object())

    outcome = await failure(entity)
    assert outcome.failure is not None
    assert outcome.failure.error_type == "InvalidPayloadError"
    assert member.removeprefix("set_") in outcome.failure.error_message


async def test_an_entity_that_is_not_here_is_held_for_a_host_that_has_it() -> None:
    """And the log says which there are."""
    registry = Registry()
    registry.add_entity("Counter", counter)
    request = OperationRequest(entity_id=EntityId("account", "a"), operation="get")
    with pytest.raises(Held, match=r"No entity function named 'account'.*'counter'"):
        await run_operation(registry, SYSTEM, request, None)
