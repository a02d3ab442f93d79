"""The host's own HTTP API under `/admin`: what it runs, and running a function by hand.

Source: FunctionsController.cs and HostController.cs of the Functions host.

Rule 1. Running a function by hand is answered 202 before it runs; how it ends is in the log.
Rule 2. An HTTP function can't be run so: the real host accepts it, and then the invocation fails.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from durable.devhost.index import HttpTrigger, IndexedFunction

logger = logging.getLogger(__name__)

PREFIX = "/admin"
# Runs one function with the text that a person gave as its input.
RunByHand = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """What the admin API shows of a host, and may tell it."""

    host_id: str
    url: str
    route_prefix: str
    functions: Sequence[IndexedFunction]
    disabled: frozenset[str]
    run_by_hand: Mapping[str, RunByHand]
    running: Callable[[], int]
    stop_listeners: Callable[[], None]


class AdminApi:
    """Answers requests under `/admin`; whether the caller may ask is decided before."""

    def __init__(self, view: HostView) -> None:
        """Show and run what `view` gives."""
        self._view = view
        self._started = time.monotonic()
        self._is_draining = False
        self._by_hand: set[asyncio.Task[None]] = set()

    @property
    def by_hand(self) -> frozenset[asyncio.Task[None]]:
        """The invocations by hand that are not over; a drain waits for them."""
        return frozenset(self._by_hand)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        path = request.raw_path.partition("?")[0].strip("/")
        parts = [unquote(part) for part in path.split("/")][1:]
        if parts[:1] == ["functions"] and len(parts) <= 2:
            return await self._functions(request, *parts[1:])
        match (request.method, *(part.lower() for part in parts)):
            case ("GET", "host", "status"):
                return web.json_response(self._host_status())
            case ("GET" | "POST", "host", "ping"):
                return web.Response()
            case ("POST", "host", "drain"):
                self._is_draining = True
                self._view.stop_listeners()
                return web.Response(status=202)
            case ("GET", "host", "drain", "status"):
                return web.json_response(self._drain_status())
            case _:
                return web.Response(status=404)

    def _host_status(self) -> dict[str, object]:
        return {
            "id": self._view.host_id,
            "state": "Running",
            "version": "4.0.0-devhost",
            "versionDetails": "durable.devhost, a stand-in for the Azure Functions host",
            "processUptime": round((time.monotonic() - self._started) * 1000),
            "functionAppContentEditingState": "Unknown",
        }

    def _drain_status(self) -> dict[str, object]:
        running = self._view.running()
        state = "Disabled"
        if self._is_draining:
            state = "InProgress" if running else "Completed"
        return {"state": state, "outstandingInvocations": running, "outstandingRetries": 0}

    async def _functions(self, request: web.Request, name: str | None = None) -> web.Response:
        if name is None and request.method == "GET":
            return web.json_response([self._described(each) for each in self._view.functions])
        function = self._find(name) if name is not None else None
        if request.method == "POST" and name is not None:
            return web.Response(status=await self._run(function, request))
        if function is None or request.method != "GET":
            return web.Response(status=404)
        return web.json_response(self._described(function))

    def _find(self, name: str) -> IndexedFunction | None:
        wanted = name.lower()
        return next((f for f in self._view.functions if f.name.lower() == wanted), None)

    def _described(self, function: IndexedFunction) -> dict[str, object]:
        view = self._view
        href = f"{view.url}{PREFIX}/functions/{function.name}"
        invoke_url = None
        if isinstance(function.trigger, HttpTrigger):
            route = function.trigger.route.strip("/")
            invoke_url = "/".join(part for part in (view.url, view.route_prefix, route) if part)
        return {
            "name": function.name,
            "href": href,
            "invoke_url_template": invoke_url,
            "language": "python",
            "config": {"name": function.name, "bindings": list(function.bindings)},
            "isDisabled": function.name in view.disabled,
            "isDirect": False,
            "isProxy": False,
        }

    async def _run(self, function: IndexedFunction | None, request: web.Request) -> int:
        """Start an invocation by hand; returns the status to answer with."""
        text = await _input_of(request)
        if isinstance(text, int):
            return text
        if function is None or function.name in self._view.disabled:
            return 404
        run = self._view.run_by_hand.get(function.name)
        if run is None:
            logger.error("Function '%s' was not run: An HttpRequest is required", function.name)
            return 202
        task = asyncio.ensure_future(run(text))
        self._by_hand.add(task)
        task.add_done_callback(self._ended)
        return 202

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._by_hand.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("An invocation by hand broke", exc_info=task.exception())


async def _input_of(request: web.Request) -> str | int:
    """Read the text to run with, "" for none; an int is the status of a request that is wrong."""
    if request.content_type != "application/json":
        return 415
    try:
        invocation = json.loads(await request.read())
    except ValueError:
        return 400
    if not isinstance(invocation, dict):
        return 400
    value = next((v for name, v in invocation.items() if name.lower() == "input"), None)
    if isinstance(value, dict | list):
        return 400
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)
