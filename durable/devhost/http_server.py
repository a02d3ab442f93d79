"""The HTTP door: one catch-all handler in front of the app's HTTP functions.

Rule 1. Loopback only. Keys are checked only if the host is told to (as `func start` does with
        --enableAuth): a known route without the right key is 401.
Rule 2. A function that fails is 500 with an empty body; what went wrong is in the log.
Rule 3. `/admin` comes before the routes of functions, and wants the master key.
Rule 4. A client that hangs up does not cancel its function: the real host lets it run on.
"""

import socket
from collections.abc import Iterable, Mapping

from aiohttp import web

from durable.devhost.admin import PREFIX, AdminApi
from durable.devhost.datum import Datum, HttpRequest
from durable.devhost.http_results import response_from
from durable.devhost.index import HttpTrigger, IndexedFunction
from durable.devhost.invoke import CALLED_BY_API, Invoker
from durable.devhost.keys import Keys, presented_key
from durable.devhost.routes import Route, RouteTable, compile_template

# The real host's limit on a request body (HttpRequestsOptions, MaxRequestBodySize).
BODY_BYTES_MAX = 100 * 1024 * 1024


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
        invoker: Invoker,
        *,
        route_prefix: str,
        grace_s: float,
        admin: AdminApi,
        keys: Keys | None = None,
    ) -> None:
        """Compile all routes; RouteError names one that cannot be. No `keys`: nobody is asked."""
        self._invoker = invoker
        self._admin = admin
        self._keys = keys
        self._table = RouteTable(
            Route(
                compile_template(f"{route_prefix}/{f.trigger.route.strip('/')}"),
                f.trigger.methods,
                f,
            )
            # The real host's order (FunctionMetadataManager.cs, OrdinalIgnoreCase).
            for f in sorted(functions, key=lambda each: each.name.upper())
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
        if _is_below(raw_path, PREFIX):
            if not self._may_pass(request, "admin"):
                return web.Response(status=401)
            return await self._admin.answer(request)
        found = self._table.find(request.method, raw_path)
        if found is None:
            return web.Response(status=404)
        function = found.target
        assert isinstance(function.trigger, HttpTrigger)
        if not self._may_pass(request, function.trigger.auth_level, function.name):
            return web.Response(status=401)
        body = await request.read()
        outcome = await self._invoker.invoke(
            function,
            _request_datum(request, found.values, body),
            metadata={},
            reason=CALLED_BY_API,
        )
        if not outcome.succeeded or outcome.returned is None:
            return web.Response(status=500)
        return response_from(outcome.returned)

    def _may_pass(
        self, request: web.Request, required: str, function_name: str | None = None
    ) -> bool:
        if self._keys is None:
            return True
        key = presented_key(request.headers, request.query)
        return self._keys.permits(key, required, function_name=function_name)


def _is_below(raw_path: str, prefix: str) -> bool:
    return raw_path.lower() == prefix or raw_path.lower().startswith(f"{prefix}/")


def _request_datum(request: web.Request, values: Mapping[str, str], body: bytes) -> Datum:
    """Describe a request as the real host does to the Python worker."""
    query: dict[str, list[str]] = {}
    for name, value in request.query.items():
        query.setdefault(name, []).append(value)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    asked = HttpRequest(
        method=request.method,
        url=f"{request.scheme}://{request.host}{request.raw_path}",
        headers={name: ",".join(all_) for name, all_ in headers.items()},
        # Empty values do not survive the way to the real worker.
        query={name: ",".join(all_) for name, all_ in query.items() if any(all_)},
        params=dict(values),
        body=body,
    )
    return Datum(asked, "http")
