"""What an activity's parameter `context` gets: the invocation, an `azure.functions.Context`.

In azure-functions-durable 1.7 activities are functions of the host, and the Functions worker fills
`context` as in any other. Here the hub's own function is invoked; so it tells who invoked it, and
name and directory are those of the activity. `ActivityContext`, by annotation, is another thing.
"""

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import azure.functions as func

from durable.engine.activity_context import ActivityContext, current_activity
from durable.engine.signatures import annotation_in

PARAMETER = "context"


class Invocation(func.Context):
    """An invocation: the host's where there is one, under the name of the activity."""

    def __init__(
        self, name: str, directory: str, host: func.Context | None, *, own_id: str = ""
    ) -> None:
        """Without a host, in a unit test, it has an id of its own."""
        self._name = name
        self._directory = directory
        self._host = host
        self._id = host.invocation_id if host is not None else own_id
        self._local: Any = host.thread_local_storage if host is not None else threading.local()

    @property
    def invocation_id(self) -> str:
        """The id that the host logs with."""
        return self._id

    @property
    def thread_local_storage(self) -> Any:
        """Where a thread of the user's own says for which invocation it logs."""
        return self._local

    @property
    def function_name(self) -> str:
        """The activity's name."""
        return self._name

    @property
    def function_directory(self) -> str:
        """The folder of the activity's code."""
        return self._directory

    @property
    def trace_context(self) -> Any:
        """The host's; `None` without one."""
        return None if self._host is None else self._host.trace_context

    @property
    def retry_context(self) -> Any:
        """The host's, which knows nothing of an orchestration's retries."""
        return None if self._host is None else self._host.retry_context


# The default of a parameter whose type the worker checks: it takes no union with `None`.
WITHOUT_HOST: func.Context = Invocation("", "", None)
_invoked_as: ContextVar[func.Context] = ContextVar("durable_invocation", default=WITHOUT_HOST)


@contextlib.contextmanager
def invoked_as(context: func.Context) -> Iterator[None]:
    """Be the invocation that activities which run inside are told of."""
    token = _invoked_as.set(context)
    try:
        yield
    finally:
        _invoked_as.reset(token)


def with_invocation(function: Callable[..., Any], input_name: str) -> Callable[..., Any]:
    """Wrap an activity that has a parameter `context` beside its input, so that it is filled.

    Any other function is returned as it is, and a generator, which is refused elsewhere.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return function  # a builtin that does not tell
    others = [name for name in signature.parameters if name != PARAMETER]
    if (
        PARAMETER not in signature.parameters
        or input_name == PARAMETER
        or not others
        or _is_activity_context(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        return function
    filled = input_name if input_name in others else others[0]
    wrapper = _async_wrapper if inspect.iscoroutinefunction(function) else _wrapper
    activity = wrapper(function, filled)
    left = [one for name, one in signature.parameters.items() if name != PARAMETER]
    first = sorted(left, key=lambda one: one.name != filled)
    vars(activity)["__signature__"] = _signature(signature, first)
    return activity


def _is_activity_context(function: Callable[..., Any]) -> bool:
    annotation = annotation_in(function, PARAMETER)
    return annotation is ActivityContext or annotation == ActivityContext | None


def _signature(given: inspect.Signature, left: list[inspect.Parameter]) -> inspect.Signature:
    """The input first, the only one that is passed by its place."""
    first, *others = left
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in others]
    return given.replace(parameters=[first, *named])


def _wrapper(function: Callable[..., Any], filled: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def activity(value: Any, **named: Any) -> Any:
        return function(**{filled: value, PARAMETER: _invocation_of(function)}, **named)

    return activity


def _async_wrapper(function: Callable[..., Any], filled: str) -> Callable[..., Any]:
    @functools.wraps(function)
    async def activity(value: Any, **named: Any) -> Any:
        return await function(**{filled: value, PARAMETER: _invocation_of(function)}, **named)

    return activity


def _invocation_of(function: Callable[..., Any]) -> Invocation:
    host = _invoked_as.get()
    code = getattr(inspect.unwrap(function), "__code__", None)
    directory = str(Path(code.co_filename).parent) if code is not None else ""
    call = current_activity()
    known = None if host is WITHOUT_HOST else host
    return Invocation(call.name, directory, known, own_id=call.idempotency_key)
