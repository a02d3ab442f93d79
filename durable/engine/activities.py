"""Run one activity; whatever it does comes back as a fact.

A call that takes longer than its timeout is a failed task. An `async def` is cancelled then, and
has `GRACE_S` to clean up. A plain `def` can't be stopped: its thread runs on, and what it returns
is lost; it can look at `current_activity().deadline`.
"""

import asyncio
import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from durable.engine.activity_context import ActivityContext, in_activity
from durable.engine.holding import Held
from durable.engine.registry import Registry, unknown
from durable.model.environment import Environment
from durable.model.failures import FailureDetails, printable, text_of
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.model.values import decode_value, encode_value

GRACE_S = 5.0


logger = logging.getLogger("durable")


async def run_activity(
    registry: Registry,
    environment: Environment,
    task: TaskScheduled,
    *,
    instance_id: str = "",
    execution_id: str | None = None,
) -> TaskCompleted | TaskFailed:
    """Call the activity and describe what it came to. Raises `Held` if it is not here.

    Its instance and execution are told to the activity, by its `ActivityContext`.
    """
    activity = registry.activities.get(task.name)
    if activity is None:
        raise Held(unknown(task.name, "activity", registry.activities))
    timeout = registry.options(task.name).timeout
    if task.timeout_ms is not None:
        timeout = timedelta(milliseconds=task.timeout_ms)
    context = ActivityContext(
        instance_id=instance_id,
        execution_id=execution_id or "",
        task_id=task.event_id,
        name=task.name,
        attempt=task.attempt or 1,
        run=task.run or 0,
        timeout=timeout,
        deadline=None if timeout is None else environment.now() + timeout,
    )
    with in_activity(context):
        call = _answer(registry, environment, task, activity, context)
        if timeout is None:
            return await call
        return await _within(timeout, call, environment, task)


async def _within(
    limit: timedelta,
    call: Coroutine[Any, Any, TaskCompleted | TaskFailed],
    environment: Environment,
    task: TaskScheduled,
) -> TaskCompleted | TaskFailed:
    """Wait for the answer, but not for longer."""
    answering = asyncio.ensure_future(call)
    try:
        await _first(answering, environment, limit.total_seconds())
        if answering.done():
            return answering.result()
        answering.cancel()
        await _first(answering, environment, GRACE_S)
    finally:
        # An abandoned call has nobody who asks what became of it.
        answering.add_done_callback(lambda done: done.cancelled() or done.exception())
        answering.cancel()
    error = TimeoutError(f"it did not finish within {limit.total_seconds():g} s")
    return failed(task, error, environment)


async def _first(answering: "asyncio.Future[Any]", environment: Environment, wait_s: float) -> None:
    """Return when the call has ended or the time is over."""
    clock = asyncio.ensure_future(environment.wait(wait_s))
    try:
        await asyncio.wait({answering, clock}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        clock.cancel()


async def _answer(
    registry: Registry,
    environment: Environment,
    task: TaskScheduled,
    activity: Any,
    context: ActivityContext,
) -> TaskCompleted | TaskFailed:
    """Call it and wait for however long it takes."""
    try:
        value = decode_value(
            task.input,
            registry.input_type(task.name),
            converter=registry.converter,
            what=f"input of activity '{task.name}'",
        )
        parameter = registry.context_parameter(task.name)
        call = functools.partial(activity, value, **({parameter: context} if parameter else {}))
        if inspect.iscoroutinefunction(activity):
            result = await call()
        else:
            result, raised = await environment.run_activity(functools.partial(call_caught, call))
            if raised is not None:
                return _told(failed(task, raised, environment), context)
            if inspect.isawaitable(result):
                result = await result
        what = f"result of activity '{task.name}'"
        text = encode_value(result, what=what, converter=registry.converter)
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise  # this call is being cancelled, not something inside the activity
        return _told(failed(task, error, environment), context)
    except KeyboardInterrupt:
        raise  # the process is asked to end
    except BaseException as error:  # noqa: BLE001  (user code: any error is an outcome)
        return _told(failed(task, error, environment), context)
    return TaskCompleted(
        timestamp=environment.now(), task_scheduled_id=task.event_id, result=text, run=task.run
    )


def _told(failure: TaskFailed, context: ActivityContext) -> TaskFailed:
    """Write it into the log of the host too, where people look first and alerts listen."""
    logger.error(
        "instance=%s task=%d %s\n%s",
        context.instance_id,
        context.task_id,
        failure.reason,
        failure.details,
    )
    return failure


def call_caught(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Call it, and return what it raised: no future carries StopIteration or GeneratorExit.

    The caller of the first would wait for ever; the second would close the caller's own coroutines.
    """
    try:
        return call(), None
    except KeyboardInterrupt:
        raise  # the process is asked to end
    except BaseException as error:  # noqa: BLE001  (user code: any error is an outcome)
        return None, error


def failed(task: TaskScheduled, error: BaseException, environment: Environment) -> TaskFailed:
    """Describe an activity that raised, in the words of azure-functions-durable 1.7."""
    return TaskFailed(
        timestamp=environment.now(),
        task_scheduled_id=task.event_id,
        reason=f"Activity function '{task.name}' failed: {text_of(error)}",
        details=details_of(error),
        failure_details=FailureDetails.of(error),
        run=task.run,
    )


def details_of(error: BaseException) -> str:
    """Print type, text and traceback; the whole chain where it can be printed."""
    try:
        return printable("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001  (a ring of causes, or a `__str__` that raises)
        return f"{type(error).__name__}: {text_of(error)}"
