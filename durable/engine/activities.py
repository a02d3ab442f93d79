"""Run one activity; whatever it does comes back as a fact."""

import asyncio
import functools
import inspect
import traceback
from typing import Any

from durable.engine.holding import Held
from durable.engine.registry import Registry
from durable.model.environment import Environment
from durable.model.failures import FailureDetails, printable, text_of
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.model.values import decode_value, encode_value


async def run_activity(
    registry: Registry, environment: Environment, task: TaskScheduled
) -> TaskCompleted | TaskFailed:
    """Call the activity and describe what it came to. Raises `Held` if it is not here."""
    activity = registry.activities.get(task.name)
    if activity is None:
        raise Held(f"No activity function named '{task.name}' is registered in this app.")
    value = decode_value(task.input)
    try:
        if inspect.iscoroutinefunction(activity):
            result = await activity(value)
        else:
            result = await environment.run_activity(functools.partial(_call, activity, value))
            if inspect.isawaitable(result):
                result = await result
        text = encode_value(result, what=f"result of activity '{task.name}'")
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise  # this invocation is being cancelled, not something inside the activity
        return failed(task, error, environment)
    except KeyboardInterrupt:
        raise  # the process is asked to end
    except BaseException as error:  # noqa: BLE001  (user code: any error is an outcome)
        return failed(task, error, environment)
    return TaskCompleted(timestamp=environment.now(), task_scheduled_id=task.event_id, result=text)


def _call(activity: Any, value: Any) -> Any:
    try:
        return activity(value)
    except StopIteration as error:
        # A future can't carry StopIteration; the caller would wait for ever.
        raise RuntimeError(f"activity raised StopIteration: {error}") from error


def failed(task: TaskScheduled, error: BaseException, environment: Environment) -> TaskFailed:
    """Describe an activity that raised, in the words of azure-functions-durable 1.7."""
    return TaskFailed(
        timestamp=environment.now(),
        task_scheduled_id=task.event_id,
        reason=f"Activity function '{task.name}' failed: {text_of(error)}",
        details=_details(error),
        failure_details=FailureDetails.of(error),
    )


def _details(error: BaseException) -> str:
    """Print type, text and traceback; the whole chain where it can be printed."""
    try:
        return printable("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001  (a ring of causes, or a `__str__` that raises)
        return f"{type(error).__name__}: {text_of(error)}"
