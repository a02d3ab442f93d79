"""The HTTP door: one catch-all handler in front of the app's HTTP functions.

Rule 1. Loopback only. Nobody checks keys here (as `func start` without --enableAuth).
Rule 2. A function that fails is 500 with an empty body; what went wrong is in the log.
Rule 3. A client that hangs up does not cancel its function: the real host lets it run on.
"""

import socket
from collections.abc import Iterable, Mapping

from aiohttp import web
from azure.functions.meta import Datum

from durable.devhost.index import HttpTrigger, IndexedFunction
from durable.devhost.invoke import Worker
from durable.devhost.routes import MethodRefused, Route, RouteTable, compile_template

# The real host's limit on a request body (HttpRequestsOptions, MaxRequestBodySize).
BODY_BYTES_MAX = 100 * 1024 * 1024
# Written by the server itself; a function's own value would contradict it.
_FRAMING_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


def listening_socket(port: int) -> socket.socket:
    """Reserve a loopback port (0: a free one). Connections are refused until the host serves."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


class HttpServer:
    """Serves the HTTP functions of one app."""

    def __init__(
        self,
        functions: Iterable[IndexedFunction],
        worker: Worker,
        *,
        route_prefix: str,
        grace_s: float,
    ) -> None:
        """Compile all routes; RouteError names one that cannot be."""
        self._worker = worker
        self._table = RouteTable(
            Route(
                compile_template(f"{route_prefix}/{f.trigger.route.strip('/')}"),
                f.trigger.methods,
                f,
            )
            for f in functions
            if isinstance(f.trigger, HttpTrigger)
        )
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=grace_s)

    async def start(self, listener: socket.socket) -> None:
        """Accept connections on the reserved socket."""
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def drain(self) -> None:
        """Accept nothing more and answer what is in flight; after the grace it is cut off."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        raw_path = request.raw_path.partition("?")[0]
        found = self._table.find(request.method, raw_path)
        if found is None:
            return web.Response(status=404)
        if isinstance(found, MethodRefused):
            return web.Response(status=405, headers={"Allow": ", ".join(sorted(found.allowed))})
        body = await request.read()
        outcome = await self._worker.invoke(
            found.target,
            _request_datum(request, found.values, body),
            metadata={},
        )
        if not outcome.succeeded or outcome.returned is None:
            return web.Response(status=500)
        return _response(outcome.returned)


def _request_datum(request: web.Request, values: Mapping[str, str], body: bytes) -> Datum:
    """Describe a request as the real host does to the Python worker."""
    query: dict[str, list[str]] = {}
    for name, value in request.query.items():
        query.setdefault(name, []).append(value)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    parts = {
        "method": _text(request.method),
        "url": _text(f"{request.scheme}://{request.host}{request.raw_path}"),
        "headers": {name: _text(",".join(all_)) for name, all_ in headers.items()},
        # Empty values do not survive the way to the real worker.
        "query": {name: _text(",".join(all_)) for name, all_ in query.items() if any(all_)},
        "params": {name: _text(value) for name, value in values.items()},
        "body": Datum(body, "bytes"),
    }
    return Datum(parts, "http")


def _response(returned: Datum) -> web.Response:
    if returned.type == "string":
        return web.Response(text=str(returned.value))
    parts = returned.value
    response = web.Response(status=int(parts["status_code"].value), body=parts["body"].value)
    # The default content type must not stand beside the function's own.
    response.headers.popall("Content-Type", None)
    for name, value in parts["headers"].items():
        if name.lower() not in _FRAMING_HEADERS:
            response.headers[name] = str(value.value)
    for jar in parts["cookies"] or ():
        for morsel in jar.values():
            response.headers.add("Set-Cookie", morsel.OutputString())
    return response


def _text(value: str) -> Datum:
    return Datum(value, "string")
