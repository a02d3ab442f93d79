"""The direct worker: functions run on this interpreter with azure.functions' own converters.

Rule 1. `async def` runs on the one event loop, `def` in the thread pool, as in the real worker.
Rule 2. A non-None result without a binding for it is a failure.
"""

import asyncio
import contextvars
import logging
import os
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from durable.devhost.converters import converter_for, from_library, to_library
from durable.devhost.datum import Datum, Outcome
from durable.devhost.worker_app import AppFunction, OutputParameter, load_app
from durable.devhost.worker_child import Invocation, main
from durable.devhost.worker_wire import Frame

logger = logging.getLogger(__name__)

_THREADS_MAX = 1000
_invocation_local = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationTrace:
    """What `context.trace_context` shows: a W3C trace of this invocation's own."""

    trace_parent: str
    trace_state: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRetry:
    """What `context.retry_context` shows: this host runs no retry policies."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationContext:
    """What a parameter named `context` gets, with the members of azure.functions.Context."""

    invocation_id: str
    function_name: str
    function_directory: str
    trace_context: InvocationTrace
    retry_context: InvocationRetry
    thread_local_storage: threading.local


class OutputValue(func.Out[Any]):
    """What an output parameter gets: a place for one value."""

    def __init__(self) -> None:
        """Nothing is set."""
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Set the value; the last one counts."""
        self._value = val

    def get(self) -> Any:
        """Give the value, None if nothing was set."""
        return self._value


class DirectBackend:
    """Runs the functions of one app."""

    def __init__(self) -> None:
        """Make the pool for `def` functions."""
        self._pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="function")
        self._functions: dict[str, AppFunction] = {}

    async def index(self, app_dir: Path) -> list[Frame]:
        """Import the app; RefusedError says what is wrong with it."""
        functions = load_app(app_dir)
        self._functions = {function.name: function for function in functions}
        return [{"name": each.name, "bindings": each.bindings} for each in functions]

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run a function; raises what it raises."""
        function = self._functions[invocation.function_name]
        arguments, outputs = _arguments(function, invocation)
        result = await self._call(function, arguments, invocation.invocation_id)
        returned = _encoded_result(function, result)
        written = {
            name: encoded
            for name, value in outputs.items()
            if value.get() is not None
            and (encoded := _encoded(function.outputs[name], value.get())) is not None
        }
        is_http = function.returned is not None and function.returned.converter == "http"
        if returned is not None and not is_http:
            written["$return"] = returned
        return Outcome(succeeded=True, returned=returned if is_http else None, outputs=written)

    def thread_invocation(self) -> Invocation | None:
        """Know nothing more: the context goes along into the pool."""
        return None

    def close(self) -> None:
        """Take no more `def` functions."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _call(
        self, function: AppFunction, arguments: dict[str, Any], invocation_id: str
    ) -> object:
        if function.is_async:
            _invocation_local.invocation_id = invocation_id
            return await function.call(**arguments)

        def call_in_thread() -> object:
            _invocation_local.invocation_id = invocation_id
            try:
                return function.call(**arguments)
            finally:
                _invocation_local.invocation_id = None

        # The context goes along, so that log records know their function.
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, call_in_thread)


def thread_count(environment: Mapping[str, str] = os.environ) -> int | None:
    """Read PYTHON_THREADPOOL_THREAD_COUNT; None, with a warning, if it makes no sense."""
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT")
    if not text:
        return None
    if text.isdecimal() and 1 <= int(text) <= _THREADS_MAX:
        return int(text)
    logger.warning("PYTHON_THREADPOOL_THREAD_COUNT=%s is not 1 to %d; ignored", text, _THREADS_MAX)
    return None


def run(argument: str) -> None:
    """Run a direct worker; the host's way in."""
    main(DirectBackend, argument)


def _arguments(
    function: AppFunction, invocation: Invocation
) -> tuple[dict[str, Any], dict[str, OutputValue]]:
    metadata = {name: to_library(datum) for name, datum in invocation.metadata.items()}
    value = to_library(invocation.inputs[function.parameter])
    converter = converter_for(function.converter)
    outputs = {name: OutputValue() for name in function.outputs}
    arguments: dict[str, Any] = {
        function.parameter: converter.decode(value, trigger_metadata=metadata),
        **outputs,
    }
    if function.wants_context:
        arguments["context"] = InvocationContext(
            invocation_id=invocation.invocation_id,
            function_name=function.name,
            function_directory=function.directory,
            trace_context=InvocationTrace(
                trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
                trace_state="",
                attributes={},
            ),
            retry_context=InvocationRetry(),
            thread_local_storage=_invocation_local,
        )
    return arguments, outputs


def _encoded_result(function: AppFunction, result: object) -> Datum | None:
    if function.returned is None:
        if result is not None:
            raise RuntimeError(
                f"function '{function.name}' without a $return binding returned a non-None value"
            )
        return None
    if result is None and function.returned.converter != "http":
        return None
    return _encoded(function.returned, result)


def _encoded(output: OutputParameter, value: object) -> Datum | None:
    converter = converter_for(output.converter)
    try:
        return from_library(converter.encode(value, expected_type=output.annotation))
    except NotImplementedError as error:
        raise TypeError(
            f"a {output.converter} output cannot hold a value of type {type(value).__name__}"
        ) from error
