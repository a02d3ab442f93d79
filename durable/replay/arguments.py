"""What an orchestrator passes to its context, checked and brought into one form."""

import inspect
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any

from durable.model.entity_ids import entity_id_of, instance_id_of
from durable.model.errors import InvalidPayloadError
from durable.model.ids import InstanceId
from durable.model.naming import checked_name
from durable.replay.retries import RetryOptions
from durable.replay.tasks import TaskBase

# What nobody can mean by a type; a converter of the app's may know others than Python does.
VALUES = (str, bytes, int, float, datetime, timedelta, list, tuple, dict, AbstractSet)


def activity_name(function: Any) -> str:
    """Take the name of an activity, or what the decorator returned. `ValueError` for all else."""
    return _function_name(function, "activity_trigger")


def orchestrator_name(function: Any) -> str:
    """Take the name of an orchestrator, or what the decorator returned. `ValueError` otherwise."""
    return _function_name(function, "orchestration_trigger")


def _function_name(function: Any, decorator: str) -> str:
    if isinstance(function, str):
        return checked_name(function, "a function")
    name = getattr(function, "durable_name", None)
    if isinstance(name, str) and getattr(function, "durable_kind", None) == decorator:
        return name
    raise ValueError(
        f"Name a function by its string, or pass what @{decorator} returned; "
        f"{_named(function)} is neither."
    )


def _named(function: Any) -> str:
    """Call what is no such function by the name that its author knows."""
    if hasattr(function, "durable_kind"):
        return f"'{function.durable_name}' of @{function.durable_kind}"
    return f"the function '{function.__name__}'" if inspect.isfunction(function) else repr(function)


def entity_instance(entity: Any) -> InstanceId:
    """Take an entity, or its instance id, and return that. `TypeError`, `ValueError` otherwise."""
    return instance_id_of(entity_id_of(entity))


def operation_name(name: Any) -> str:
    """Take the name of an operation. `TypeError`, `ValueError` for all else."""
    return checked_name(name, "an operation")


def checked_type(expected: Any) -> Any:
    """Take a type or an annotation. `TypeError` for a value, and not when the result has come."""
    if isinstance(expected, VALUES):
        raise TypeError(f"expected_type is a type, not {expected!r}.")
    return expected


def tasks_of(tasks: Sequence[TaskBase], what: str) -> list[TaskBase]:
    """List tasks. `TypeError` for anything else."""
    if isinstance(tasks, TaskBase):
        raise TypeError(f"{what} takes a list of tasks; this is one task.")
    if isinstance(tasks, AbstractSet):
        raise TypeError(f"{what} takes a list: a set has another order each time it is made.")
    listed = list(tasks)
    for task in listed:
        if not isinstance(task, TaskBase):
            raise TypeError(_no_task(what, task))
    return listed


def _no_task(what: str, given: Any) -> str:
    if not inspect.isawaitable(given) and not inspect.isgenerator(given):
        return f"{what} takes tasks; {given!r} is not one."
    if inspect.iscoroutine(given):
        given.close()  # nobody will await it, and Python would say so
    return (
        f"{what} takes tasks; a {type(given).__name__} is not one. A helper does not run beside "
        "others: give the tasks that it waits for, or make it an orchestrator and call it with "
        "context.call_sub_orchestrator(...)."
    )


def utc(moment: Any, what: str) -> datetime:
    """Take a time; without a zone it is UTC. `TypeError` for anything else."""
    if not isinstance(moment, datetime):
        advice = ""
        if isinstance(moment, timedelta):
            advice = " Add it to context.current_utc_datetime."
        raise TypeError(f"{what} takes a datetime, not {type(moment).__name__}.{advice}")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def milliseconds(timeout: Any) -> int | None:
    """Take a timeout as whole milliseconds, at least one. `TypeError`, `ValueError` otherwise."""
    if timeout is None:
        return None
    if not isinstance(timeout, timedelta):
        raise TypeError(f"A timeout is a timedelta, not {type(timeout).__name__}.")
    if timeout <= timedelta(0):
        raise ValueError("A timeout must be greater than 0.")
    return max(1, timeout // timedelta(milliseconds=1))


def checked_options(options: Any) -> RetryOptions:
    """Take retry options. `TypeError` for anything else."""
    if not isinstance(options, RetryOptions):
        raise TypeError(f"retry_options takes RetryOptions, not {type(options).__name__}.")
    return options


def http_request(
    method: str,
    uri: str,
    content: Any,
    headers: Mapping[str, str] | None,
    token_source: Any,
    *,
    is_raw: bool,
) -> dict[str, Any]:
    """Lay a request out as the built-in activity takes it."""
    if is_raw and not isinstance(content, str):
        raise TypeError(
            "Invalid use of 'is_raw_str' parameter: 'is_raw_str' is set to 'True' but 'content' "
            "is not an instance of type 'str'. Either set 'is_raw_str' to 'False', or ensure your "
            "'content' is of type 'str'."
        )
    token = token_source.to_json() if hasattr(token_source, "to_json") else token_source
    request = {
        "method": method,
        "uri": uri,
        "content": content if is_raw or content is None else _as_json(content),
        "headers": None if headers is None else {str(k): str(v) for k, v in headers.items()},
        "tokenSource": token,
    }
    _as_json(request)
    return request


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise InvalidPayloadError(f"The HTTP request can't be written as JSON: {error}") from error
