"""One host instance: settings, index, listeners, HTTP; from start to drained.

Rule 1. The port is bound before the app is imported, because the app may read WEBSITE_HOSTNAME;
        it is served only when everything else is up.
Rule 2. Drain: listeners stop polling and HTTP stops accepting at once, what was received runs to
        its end, all bounded by the grace. What the grace cuts off is said aloud.
"""

import asyncio
import logging
import os
import random
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from durable.devhost.host_json import HostJson, read_host_json
from durable.devhost.http_server import HttpServer, listening_socket
from durable.devhost.index import (
    HttpTrigger,
    IndexedFunction,
    IndexingError,
    QueueTrigger,
    TimerTrigger,
    index_app,
)
from durable.devhost.invoke import Worker, thread_count
from durable.devhost.queue_delivery import VISIBILITY_S, Delivery, poison_queue_name
from durable.devhost.queue_listener import QueueListener, Wakeups
from durable.devhost.settings import apply_settings, is_disabled, substitute
from durable.devhost.storage_connection import QueueConnections

logger = logging.getLogger(__name__)

_CANCEL_S = 2.0
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How to run an app. `port` 0 is a free one; `only` are function names, None means all."""

    app_dir: Path
    port: int = 0
    only: Collection[str] | None = None
    visibility_s: int = VISIBILITY_S
    grace_s: float = 30.0
    chance: random.Random = field(default_factory=random.Random)


class DevHost:
    """A running function app. `start` it, then `drain` it, once each, on one event loop."""

    def __init__(self, options: HostOptions) -> None:
        """Nothing happens before `start`."""
        self._options = options
        self._worker: Worker | None = None
        self._http: HttpServer | None = None
        self._connections = QueueConnections(os.environ)
        self._wakeups = Wakeups()
        self._listeners: list[QueueListener] = []
        self._polling: list[asyncio.Task[None]] = []
        self.url = ""

    async def start(self, announce: Callable[[str], None] = logger.info) -> None:
        """Index the app and start everything; `announce` gets the summary `func start` prints.

        Raises SettingError, HostJsonError, IndexingError, RouteError or OSError (port in use).
        """
        app_dir = self._options.app_dir
        listener = listening_socket(self._options.port)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.url = f"http://{address}"
        try:
            apply_settings(app_dir, host_name=address)
            host_json = read_host_json(app_dir)
            functions = self._enabled(index_app(app_dir, only=self._options.only), announce)
            # Only now: PYTHON_THREADPOOL_THREAD_COUNT may stand in local.settings.json.
            worker = self._worker = Worker(threads=thread_count())
            self._http = HttpServer(
                functions,
                worker,
                route_prefix=host_json.route_prefix,
                grace_s=self._options.grace_s,
            )
            for function in functions:
                if isinstance(function.trigger, QueueTrigger):
                    self._listen(function, function.trigger, worker, host_json)
            self._announce(functions, host_json, announce)
            await self._http.start(listener)
        except BaseException:
            listener.close()
            await self._connections.close()
            raise
        self._polling = [asyncio.create_task(each.run()) for each in self._listeners]

    async def drain(self) -> list[str]:
        """Stop taking work, finish what was taken; returns the functions that the grace cut off."""
        assert self._http is not None
        assert self._worker is not None
        for listener in self._listeners:
            listener.stop()
        http = asyncio.create_task(self._http.drain())
        await asyncio.wait([http, *self._polling], timeout=self._options.grace_s)
        cut_off = self._worker.running
        for task in (http, *self._polling):
            task.cancel()
        # Bounded too: a function that swallows its cancellation must not keep the host alive.
        await asyncio.wait([http, *self._polling], timeout=_CANCEL_S)
        self._worker.close()
        await self._connections.close()
        return cut_off

    def _enabled(
        self, functions: list[IndexedFunction], announce: Callable[[str], None]
    ) -> list[IndexedFunction]:
        enabled = []
        for function in functions:
            if is_disabled(function.name, os.environ):
                announce(f"Function {function.name} is disabled")
            else:
                enabled.append(function)
        return enabled

    def _listen(
        self, function: IndexedFunction, trigger: QueueTrigger, worker: Worker, host_json: HostJson
    ) -> None:
        wanted_by = f"function '{function.name}'"
        name = _queue_name(function, trigger)
        connection = substitute(trigger.connection, os.environ, wanted_by=wanted_by)
        service = self._connections.service(connection, wanted_by=wanted_by)
        queue = service.get_queue_client(name)
        poison_name = poison_queue_name(name)
        delivery = Delivery(
            function,
            worker,
            queue=queue,
            poison=service.get_queue_client(poison_name) if poison_name else None,
            options=host_json.queues,
            is_binary=trigger.is_binary,
            visibility_s=self._options.visibility_s,
            on_poisoned=self._wakeups.notify,
        )
        self._listeners.append(
            QueueListener(
                queue,
                delivery,
                options=host_json.queues,
                visibility_s=self._options.visibility_s,
                wakeup=self._wakeups.watch(name),
                chance=self._options.chance,
            )
        )

    def _announce(
        self,
        functions: list[IndexedFunction],
        host_json: HostJson,
        announce: Callable[[str], None],
    ) -> None:
        announce("Functions:")
        for function in functions:
            trigger = function.trigger
            if isinstance(trigger, HttpTrigger):
                methods = ",".join(sorted(trigger.methods)) if trigger.methods else "*"
                parts = (self.url, host_json.route_prefix, trigger.route.strip("/"))
                address = "/".join(part for part in parts if part)
                announce(f"    {function.name}: [{methods}] {address}")
            elif isinstance(trigger, QueueTrigger):
                queue_name = _queue_name(function, trigger)
                announce(f"    {function.name}: queueTrigger {queue_name}")
            elif isinstance(trigger, TimerTrigger):
                announce(
                    f"    {function.name}: timerTrigger {trigger.schedule} "
                    "(not run by this dev host yet)"
                )


def _queue_name(function: IndexedFunction, trigger: QueueTrigger) -> str:
    wanted_by = f"function '{function.name}'"
    # Folded as the real host does, which then insists on Azure's own rule for names.
    name = substitute(trigger.queue_name, os.environ, wanted_by=wanted_by).lower()
    if not _QUEUE_NAME.fullmatch(name):
        raise IndexingError(
            f"function '{function.name}': '{name}' is not a queue name (3 to 63 of a-z, 0-9 and "
            "single hyphens, neither first nor last)"
        )
    return name
