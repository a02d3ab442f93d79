"""Calling one function: decode its trigger, run it, encode what it returns.

This is the seam between the host and the language worker: a trigger value and its metadata go in
as `Datum`s, the library's picture of what travels between the real host and the Python worker, and
an `Outcome` comes back. A worker in a process of its own would replace `Worker` and nothing else.

Rule 1. `async def` runs on the event loop, `def` in the thread pool, as in the real worker.
Rule 2. Whatever the function raises is a failed invocation with a logged traceback. Nothing that
        it raises reaches the host, not even SystemExit.
Rule 3. A non-None result without a binding for it is a failure.
"""

import asyncio
import logging
import os
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum

from durable.devhost.converters import converter_for
from durable.devhost.index import IndexedFunction

logger = logging.getLogger(__name__)

_THREADS_MAX = 1000
_invocation_local = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended; `returned` is the encoded return value, if it is bound."""

    succeeded: bool
    returned: Datum | None = None


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


class Worker:
    """Runs functions in this process; several at once."""

    def __init__(self, *, threads: int | None = None) -> None:
        """Make a pool of `threads` for `def` functions (None: the real worker's default)."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._running: dict[str, str] = {}

    @property
    def running(self) -> list[str]:
        """The names of the functions that are running now, one for each invocation."""
        return list(self._running.values())

    def close(self) -> None:
        """Take no more `def` functions; those that run are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def invoke(
        self, function: IndexedFunction, value: Datum, *, metadata: Mapping[str, Datum]
    ) -> Outcome:
        """Run the function on this trigger value; never raises for the function's own faults."""
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        logger.info("Executing 'Functions.%s' (Id=%s)", function.name, invocation_id)
        self._running[invocation_id] = function.name
        outcome = Outcome(succeeded=False)
        try:
            outcome = await self._attempt(function, value, metadata, invocation_id)
        finally:
            del self._running[invocation_id]
            logger.info(
                "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)",
                function.name,
                "Succeeded" if outcome.succeeded else "Failed",
                invocation_id,
                round((time.monotonic() - started) * 1000),
            )
        return outcome

    async def _attempt(
        self,
        function: IndexedFunction,
        value: Datum,
        metadata: Mapping[str, Datum],
        invocation_id: str,
    ) -> Outcome:
        try:
            arguments = _arguments(function, value, metadata, invocation_id)
            result = await self._call(function, arguments, invocation_id)
            return Outcome(succeeded=True, returned=_encoded(function, result))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # The host is giving up at the end of its grace; this is not the function's doing.
                raise
            logger.exception("Function '%s' raised", function.name)
        except (Exception, SystemExit):
            logger.exception("Function '%s' raised", function.name)
        return Outcome(succeeded=False)

    async def _call(
        self, function: IndexedFunction, arguments: dict[str, Any], invocation_id: str
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

        return await asyncio.get_running_loop().run_in_executor(self._pool, call_in_thread)


def thread_count(environment: Mapping[str, str] = os.environ) -> int | None:
    """Read PYTHON_THREADPOOL_THREAD_COUNT; None, with a warning, if it makes no sense."""
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT")
    if not text:
        return None
    if text.isdecimal() and 1 <= int(text) <= _THREADS_MAX:
        return int(text)
    logger.warning("PYTHON_THREADPOOL_THREAD_COUNT=%s is not 1 to %d; ignored", text, _THREADS_MAX)
    return None


def _arguments(
    function: IndexedFunction, value: Datum, metadata: Mapping[str, Datum], invocation_id: str
) -> dict[str, Any]:
    if function.wants_bare_body:
        argument = value.value
    else:
        converter = converter_for(function.trigger_type)
        argument = converter.decode(value, trigger_metadata=metadata)
    arguments: dict[str, Any] = {function.parameter: argument}
    if function.wants_context:
        arguments["context"] = InvocationContext(
            invocation_id=invocation_id,
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
    return arguments


def _encoded(function: IndexedFunction, result: object) -> Datum | None:
    if not function.returns_http:
        if result is not None:
            raise RuntimeError(
                f"function '{function.name}' without a $return binding returned a non-None value"
            )
        return None
    converter = converter_for("http")
    try:
        encoded: Datum = converter.encode(result, expected_type=None)
    except NotImplementedError as error:
        raise TypeError(
            f"function '{function.name}' returned {type(result).__name__}; "
            "an HTTP function returns str or azure.functions.HttpResponse"
        ) from error
    return encoded
