"""From the language's tasks to a context's tasks, and from their results back to values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from durable.replay.retries import RetryOptions
from durable.testing.programs.context import Context
from durable.testing.programs.entity_code import entity_id_of
from durable.testing.programs.errors import UnsupportedProgram, message_of
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Expression,
    Made,
    Retry,
    SetTimer,
    Task,
    Value,
    WaitForEvent,
)


@dataclass(frozen=True, slots=True)
class Built:
    """A task of the context, the node that it was built from, and what it is made of."""

    task: Any
    node: Task
    children: "tuple[Built, ...]" = ()


def build(
    task: Task,
    context: Context,
    *,
    evaluate: Callable[[Expression], Value],
    made: Mapping[str, Built],
) -> Built:
    """Make a task and all that is in it. What was made under a name before is used again."""
    match task:
        case Made(name):
            return made[name] if name in made else Built(context.task_all([]), AllOf(()))
        case AllOf(tasks) | AnyOf(tasks):
            children = tuple(build(t, context, evaluate=evaluate, made=made) for t in tasks)
            combine = context.task_all if isinstance(task, AllOf) else context.task_any
            return Built(combine([child.task for child in children]), task, children)
        case _:
            return Built(_leaf(task, context, evaluate), task)


def _leaf(task: Task, context: Context, evaluate: Callable[[Expression], Value]) -> Any:
    match task:
        case CallActivity(name, argument):
            return context.call_activity(name, evaluate(argument))
        case CallOrchestration(name, argument, instance_id):
            return context.call_sub_orchestrator(name, evaluate(argument), instance_id=instance_id)
        case Retry():
            return _retry(task, context, evaluate)
        case SetTimer(after_s):
            return context.create_timer(context.current_utc_datetime + timedelta(seconds=after_s))
        case CallEntity(entity, operation, argument):
            return context.call_entity(entity_id_of(entity), operation, evaluate(argument))
        case WaitForEvent(name):
            return context.wait_for_external_event(name)
        case _:
            raise UnsupportedProgram(f"{type(task).__name__}: the engine can't do it yet.")


def _retry(task: Retry, context: Context, evaluate: Callable[[Expression], Value]) -> Any:
    options = RetryOptions(
        first_retry_interval_in_milliseconds=task.first_s * 1000,
        max_number_of_attempts=task.attempts,
        backoff_coefficient=task.coefficient,
    )
    match task.call:
        case CallActivity(name, argument):
            return context.call_activity_with_retry(name, options, evaluate(argument))
        case CallOrchestration(name, argument, instance_id):
            return context.call_sub_orchestrator_with_retry(
                name, options, evaluate(argument), instance_id=instance_id
            )


def cancel(built: Built) -> None:
    """Cancel a timer that has not fired; leave anything else as it is."""
    if isinstance(built.node, SetTimer) and not built.task.is_completed:
        built.task.cancel()


def value_of(built: Built, result: Any) -> Value:
    """Turn a task's result into a value; a race's result is the task that won it."""
    match built.node:
        case AllOf():
            return tuple(
                value_of(child, item) for child, item in zip(built.children, result, strict=True)
            )
        case AnyOf():
            for index, child in enumerate(built.children):
                if child.task is result:
                    return (index, _prize_of(child))
            return ()
        case _:
            return value_of_json(result)


def _prize_of(winner: Built) -> Value:
    """Tell what a winner brings. A failed task wins too, without raising."""
    result = winner.task.result
    if isinstance(result, Exception):
        return ("failed", message_of(result))
    return value_of(winner, result)
