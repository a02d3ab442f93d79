"""The runtime worker: functions run in azure-functions-runtime, Azure's own worker library.

Its indexer, loader, converters, thread pool and rules are the real ones; what stands in is the
transport: `Messages` for the protobufs, our pipe for gRPC. The host starts this module in a Python
that has the library (3.13); nothing else of this package imports it.

Rule 1. The library is driven through its wire contract, the calls that the real worker's
        dispatcher makes, not through its internals, which move between its versions.
"""

import importlib
import json
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from durable.devhost.datum import Datum, HttpRequest, HttpResponse, Outcome
from durable.devhost.worker_child import Invocation, RefusedError, main
from durable.devhost.worker_cookies import cookie_header
from durable.devhost.worker_messages import Messages, ParameterBinding, RpcHttp, TypedData
from durable.devhost.worker_wire import Frame

# By name: the package is not there in the host's own environment.
library: Any = importlib.import_module("azure_functions_runtime")

# A capability of the host that the library asks for.
_CAPABILITIES: dict[str, str] = {}


class RuntimeBackend:
    """Runs the functions of one app through the library; one app a process, its state is global."""

    def __init__(self) -> None:
        """Make the library's thread pool, which reads PYTHON_THREADPOOL_THREAD_COUNT."""
        library.start_threadpool_executor()
        self._ids: dict[str, str] = {}
        self._running: dict[str | None, Invocation] = {}

    async def index(self, app_dir: Path) -> list[Frame]:
        """Let the library import and index the app; RefusedError says what is wrong with it."""
        if str(app_dir) not in sys.path:
            sys.path.insert(0, str(app_dir))
        init = SimpleNamespace(capabilities=_CAPABILITIES, function_app_directory=str(app_dir))
        answer = await library.worker_init_request(_request(worker_init_request=init))
        if answer.result.status != Messages.StatusResult.Success:
            problem = answer.result.exception
            raise RefusedError(f"{app_dir}: {problem.message}", details=problem.stack_trace)
        found = await library.functions_metadata_request(_request())
        if found.function_metadata_results is None:
            raise RefusedError(f"{app_dir}: no function_app.py, or no functions in it")
        functions = []
        for function in found.function_metadata_results:
            self._ids[function.name] = function.function_id
            load = SimpleNamespace(function_id=function.function_id)
            await library.function_load_request(_request(function_load_request=load))
            bindings = [json.loads(text) for text in function.raw_bindings]
            functions.append({"name": function.name, "bindings": bindings})
        return functions

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run a function; what it raises is in the outcome."""
        asked = SimpleNamespace(
            invocation_id=invocation.invocation_id,
            function_id=self._ids[invocation.function_name],
            input_data=[
                ParameterBinding(name=name, data=_typed(datum))
                for name, datum in invocation.inputs.items()
            ],
            trigger_metadata={name: _typed(datum) for name, datum in invocation.metadata.items()},
            trace_context=SimpleNamespace(
                trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
                trace_state="",
                attributes={},
            ),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        self._running[invocation.invocation_id] = invocation
        try:
            answer = await library.invocation_request(_request(invocation_request=asked))
        finally:
            del self._running[invocation.invocation_id]
        if answer.result.status != Messages.StatusResult.Success:
            problem = answer.result.exception
            return Outcome(succeeded=False, error=problem.message, traceback=problem.stack_trace)
        returned = _plain(answer.return_value)
        outputs = {
            each.name: value
            for each in answer.output_data
            if (value := _plain(each.data)) is not None
        }
        if returned is not None and not self._answers_http(invocation):
            outputs["$return"] = returned
            returned = None
        return Outcome(succeeded=True, returned=returned, outputs=outputs)

    def thread_invocation(self) -> Invocation | None:
        """Ask the library, as the real worker does for its log records."""
        return self._running.get(library.invocation_id_cv.get())

    def close(self) -> None:
        """Take no more `def` functions; those that run are not waited for."""
        pool = library.get_threadpool_executor()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _answers_http(self, invocation: Invocation) -> bool:
        return any(datum.type == "http" for datum in invocation.inputs.values())


def run(argument: str) -> None:
    """Run a runtime worker; the host's way in."""
    main(RuntimeBackend, argument)


def _request(**members: Any) -> SimpleNamespace:
    return SimpleNamespace(
        name="durable-devhost",
        request=SimpleNamespace(**members),
        properties={"protos": Messages, "host": "127.0.0.1"},
    )


def _typed(datum: Datum) -> TypedData:
    value = datum.value
    if isinstance(value, HttpRequest):
        http = RpcHttp(
            method=value.method,
            url=value.url,
            headers=value.headers,
            query=value.query,
            params=value.params,
            body=TypedData(bytes=value.body),
        )
        return TypedData(http=http)
    return TypedData(**{datum.type: value})


def _plain(data: TypedData | None) -> Datum | None:
    kind = data.WhichOneof("data") if data is not None else None
    if kind is None:
        return None
    value = getattr(data, kind)
    if kind != "http":
        return Datum(value, kind)
    body = _plain(value.body)
    content = body.value if body is not None else b""
    return Datum(
        HttpResponse(
            status=int(value.status_code),
            headers=dict(value.headers),
            set_cookies=tuple(cookie_header(cookie) for cookie in value.cookies or ()),
            body=content if isinstance(content, bytes) else str(content).encode(),
        ),
        "http",
    )
