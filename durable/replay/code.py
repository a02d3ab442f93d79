"""The user's code as it runs: a generator, a coroutine, or a function that has returned already.

A generator yields tasks and a coroutine awaits them; both are sent results and thrown errors.
"""

import contextlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from types import CoroutineType, GeneratorType
from typing import Any, TypeAlias

from durable.replay.calls import ExternalEventTask
from durable.replay.docket import is_ours
from durable.replay.surroundings import ExecutionDropped
from durable.replay.tasks import CompositeTask, TaskBase

Orchestrator: TypeAlias = Callable[..., Any]
Running: TypeAlias = Generator[Any, Any, Any] | Coroutine[Any, Any, Any]

PACKAGE = __name__.partition(".")[0] + "."
# Code that swallows GeneratorExit is asked again, lest the collector asks it later, aloud.
CLOSINGS_MAX = 20
# What asyncio says to who wants a loop, the running one or the one of this thread; and what the
# libraries under httpx say.
NO_LOOP = (
    "no running event loop",
    "There is no current event loop in thread",
    "unknown async library",
    "Not currently running on any asynchronous event loop",
)


def takes_input(orchestrator: Orchestrator) -> bool:
    """Say whether it is written `(context, input)`, as durabletask's are."""
    try:
        parameters = inspect.signature(orchestrator).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) == 2


def is_running(called: Any) -> bool:
    """Say whether calling the orchestrator has begun something that must be driven."""
    return isinstance(called, GeneratorType | CoroutineType)


def close(running: Running | None) -> None:
    """End code whose context is dead, however often it refuses."""
    if running is not None and _is_within_another_awaitable(running):
        # Before Python 3.13 `close` does not reach into an async generator that awaits.
        with contextlib.suppress(BaseException):
            running.throw(ExecutionDropped())
    for _ in range(CLOSINGS_MAX):
        try:
            if running is not None:
                running.close()
        except BaseException:  # noqa: BLE001, S112  (dead code has nothing to say)
            continue
        return


def _is_within_another_awaitable(running: Running) -> bool:
    inner: Any = running
    while is_running(inner):
        inner = getattr(inner, "gi_yieldfrom", None) or getattr(inner, "cr_await", None)
    return inner is not None


def ending_async_generators(user_code: Callable[[], Any]) -> Any:
    """Run user code so that async generators which it leaves before their end make no noise.

    Left to Python they would be given to a loop of asyncio, if one runs here, or end on stderr.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None, finalizer=_end)
    try:
        return user_code()
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _end(left: Any) -> None:
    closing = left.aclose()
    try:
        closing.send(None)
    except BaseException:  # noqa: BLE001  (it has ended, or its context is dead)
        return
    with contextlib.suppress(BaseException):
        closing.close()
    warnings.warn(
        f"The async generator {left.__name__!r} was left before its end, and its 'finally' awaits "
        "a task, which is not asked for. Write 'async with contextlib.aclosing(...)' around it.",
        RuntimeWarning,
        stacklevel=2,
    )


def line_of(running: Running | None, orchestrator: Orchestrator, name: str) -> str:
    """Say at which line the code stands: in the innermost helper that waits."""
    frame = None
    inner: Any = running
    while inner is not None:
        at = getattr(inner, "gi_frame", None) or getattr(inner, "cr_frame", None)
        if at is None or is_ours(at):
            break
        frame = at
        inner = getattr(inner, "gi_yieldfrom", None) or getattr(inner, "cr_await", None)
    if frame is not None:
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"
    code = getattr(inspect.unwrap(orchestrator), "__code__", None)
    where = f", {code.co_filename}:{code.co_firstlineno}" if code else ""
    return f"the end of {name}{where}"


def line_of_error(error: BaseException) -> str | None:
    """Say at which line of the user's an error was raised, or came out of this package."""
    at = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not str(frame.f_globals.get("__name__")).startswith(PACKAGE):
            at = f"{frame.f_code.co_filename}:{line}"
        elif at is not None:
            break
    return at


def leaves(task: TaskBase) -> Iterator[TaskBase]:
    """List the tasks under a task that are not made of others, in the order in which ids are given.

    A combination that is complete waits for no event any more.
    """
    pending = [(task, False)]
    while pending:
        task, is_over = pending.pop()
        if isinstance(task, CompositeTask):
            is_over = is_over or task.is_completed
            pending.extend((child, is_over) for child in reversed(task.children))
        elif not (is_over and isinstance(task, ExternalEventTask)):
            yield task


def not_a_task(yielded: Any) -> TypeError:
    """Make the error of code that yields or awaits something else."""
    advice = ""
    if isinstance(yielded, list | tuple):
        advice = " Wrap the list in context.task_all(...) or context.task_any(...)."
    elif inspect.isgenerator(yielded):
        advice = " Write 'yield from' before a helper that is a generator."
    elif yielded is None:
        advice = (
            " A bare 'yield' waits for nothing, as asyncio.sleep(0) does: write the task behind "
            "it, or leave it out. signal_entity, send_event and set_custom_status return nothing: "
            "they take effect at the call; do not yield them."
        )
    elif inspect.isawaitable(yielded):
        advice = " Only tasks of the context can be awaited: other awaitables can't be replayed."
    if inspect.iscoroutine(yielded):
        yielded.close()  # nobody will await it, and Python would say so
    return TypeError(
        f"An orchestrator yields tasks of its context; "
        f"a value of type '{type(yielded).__name__}' is not one.{advice}"
    )


def explained(error: BaseException) -> BaseException:
    """Say in our words what asyncio says to who awaits, say, `asyncio.sleep`."""
    if isinstance(error, RuntimeError) and str(error).startswith(NO_LOOP):
        better = TypeError(
            "An orchestrator awaits tasks of its context alone: asyncio has no event loop here, "
            "and what it does can't be replayed. Use context.create_timer(...) to wait, "
            "context.task_all(...) to gather, and an activity for anything else."
        )
        better.__cause__ = error
        return better.with_traceback(error.__traceback__)
    return error
