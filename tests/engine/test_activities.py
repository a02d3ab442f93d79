"""Run one activity: whatever it does comes back as a fact."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from durable.engine.activities import run_activity
from durable.engine.environment import SystemEnvironment
from durable.engine.holding import Held
from durable.engine.registry import Registry
from durable.model.failures import TaskFailedError
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.testing.world.virtual_time import START

ENVIRONMENT = SystemEnvironment()


async def run(activity: Callable[[Any], Any], input_: str | None = None) -> Any:
    """Run an activity as task 7, in the real environment."""
    registry = Registry()
    registry.add_activity("act", activity)
    task = TaskScheduled(timestamp=START, event_id=7, name="act", input=input_)
    fact = await asyncio.wait_for(run_activity(registry, ENVIRONMENT, task), 10)
    assert fact.task_scheduled_id == 7
    return fact


async def failure(activity: Callable[[Any], Any]) -> TaskFailed:
    """Run an activity that must fail."""
    fact = await run(activity)
    assert isinstance(fact, TaskFailed), fact
    return fact


def sync_double(value: Any) -> Any:
    """Double, blocking."""
    return value * 2


async def async_double(value: Any) -> Any:
    """Double, on the loop."""
    await asyncio.sleep(0)
    return value * 2


def returns_awaitable(value: Any) -> Any:
    """Double, as a plain function that returns a coroutine."""
    return async_double(value)


@pytest.mark.parametrize("activity", [sync_double, async_double, returns_awaitable])
async def test_every_kind_of_function_is_called_with_the_decoded_input(
    activity: Callable[[Any], Any],
) -> None:
    """The result is JSON again."""
    fact = await run(activity, '["x", 1]')
    assert isinstance(fact, TaskCompleted)
    assert fact.result == '["x",1,"x",1]'


async def test_a_call_without_input_gets_none_and_may_return_none() -> None:
    """No text is `None`, and `None` is `null`."""
    fact = await run(lambda value: value)
    assert isinstance(fact, TaskCompleted)
    assert fact.result == "null"


async def test_a_failure_keeps_type_message_traceback_and_cause() -> None:
    """In the words of azure-functions-durable 1.7 as text, and as data beside it."""

    def activity(_: Any) -> None:
        try:
            raise KeyError("inner")  # noqa: TRY301
        except KeyError as error:
            raise OSError("disk full") from error

    fact = await failure(activity)
    assert fact.reason == "Activity function 'act' failed: disk full"
    assert "Traceback" in fact.details
    assert "KeyError" in fact.details
    details = fact.failure_details
    assert details is not None
    assert (details.error_type, details.error_message) == ("OSError", "disk full")
    assert details.inner_failure is not None
    assert details.inner_failure.error_type == "KeyError"
    text = str(TaskFailedError(fact.reason, fact.details, details))
    assert text.startswith("Activity function 'act' failed: disk full \n Traceback")


class Abort(BaseException):
    """What some library raises so that nobody catches it."""


ERRORS: list[BaseException] = [
    ValueError("v"),
    StopIteration("s"),
    StopAsyncIteration("s"),
    SystemExit(3),
    GeneratorExit("g"),
    asyncio.CancelledError("c"),
    Abort("a"),
    ExceptionGroup("several", [ValueError("one")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_whatever_an_activity_raises_is_its_failure(
    error: BaseException, *, is_async: bool
) -> None:
    """It neither hangs, nor reaches the host, nor stops the process."""

    def blocking(_: Any) -> None:
        raise error

    async def asynchronous(_: Any) -> None:
        await asyncio.sleep(0)
        raise error

    try:
        fact = await failure(asynchronous if is_async else blocking)
    except BaseException as escaped:  # noqa: BLE001
        pytest.fail(f"it escaped: {escaped!r}")
    assert fact.failure_details is not None


@pytest.mark.parametrize("value", [object(), float("nan"), {("a",): 1}])
async def test_a_result_without_json_form_is_a_failure_that_says_so(value: Any) -> None:
    """It names the activity, so that its author knows what to change."""
    fact = await failure(lambda _: value)
    assert "result of activity 'act'" in fact.reason
    assert "JSON" in fact.reason


async def test_an_endless_structure_as_result_is_a_failure() -> None:
    """A list that holds itself has no JSON form."""
    endless: list[Any] = []
    endless.append(endless)
    await failure(lambda _: endless)


async def test_an_exception_that_cannot_be_printed_is_a_failure_too() -> None:
    """A broken `__str__` costs the message, not the host."""

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def activity(_: Any) -> None:
        raise BrokenError

    await failure(activity)


async def test_exceptions_that_cause_each_other_are_a_failure_too() -> None:
    """A circle of causes ends somewhere."""

    def activity(_: Any) -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    assert "first" in (await failure(activity)).reason


async def test_a_blocking_activity_stops_neither_the_loop_nor_other_activities() -> None:
    """One waits in its thread for what the other does."""
    released = threading.Event()

    def blocks(_: Any) -> bool:
        return released.wait(10)

    def releases(_: Any) -> None:
        released.set()

    blocked, _ = await asyncio.gather(run(blocks), run(releases))
    assert blocked.result == "true"


async def test_a_blocking_activity_sees_the_context_variables_of_its_invocation() -> None:
    """What the host put there (the invocation id, for the logs) is there in the thread."""
    invocation: contextvars.ContextVar[str] = contextvars.ContextVar("invocation")
    invocation.set("abc")
    fact = await run(lambda _: invocation.get("none"))
    assert fact.result == '"abc"'


async def test_an_invocation_that_is_cancelled_says_nothing_about_the_task() -> None:
    """The host is shutting down: there is no fact, and the message comes again."""
    begun = asyncio.Event()

    async def activity(_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    invocation = asyncio.ensure_future(run(activity))
    await begun.wait()
    invocation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await invocation


async def test_an_activity_that_is_not_here_is_held() -> None:
    """Another host may have it; the reason names it."""
    task = TaskScheduled(timestamp=START, event_id=7, name="elsewhere")
    with pytest.raises(Held, match="'elsewhere'"):
        await run_activity(Registry(), ENVIRONMENT, task)


def test_a_registry_refuses_what_cannot_run() -> None:
    """Asynchronous generators, generators as activities, and two functions of one name."""

    def generator(_: Any) -> Any:
        yield 1

    async def asynchronous_generator(_: Any) -> Any:
        yield 1

    registry = Registry()
    for function in (generator, asynchronous_generator):
        with pytest.raises(ValueError, match="'a'"):
            registry.add_activity("a", function)
    registry.add_activity("a", sync_double)
    with pytest.raises(ValueError, match="'a'"):
        registry.add_activity("a", async_double)
    with pytest.raises(ValueError, match="'o'"):
        registry.add_orchestrator("o", asynchronous_generator)


async def test_an_async_def_with_an_attribute_call_is_awaited_on_the_loop() -> None:
    """An instance with `async def __call__` is a function as good as any."""

    class Doubles:
        async def __call__(self, value: Any) -> Any:
            await asyncio.sleep(0)
            return value * 2

    fact = await run(Doubles(), "4")
    assert isinstance(fact, TaskCompleted), fact
    assert fact.result == "8"
