"""One host instance: settings, worker, listeners, HTTP; from start to drained.

Rule 1. The port is bound before the app is imported, because the app may read WEBSITE_HOSTNAME;
        it is served only when everything else is up.
Rule 2. Drain: listeners stop polling and HTTP stops accepting at once, what was received runs to
        its end, all bounded by the grace. What the grace cuts off is said aloud. The worker ends
        last, so that the app can close what it holds open.
"""

import asyncio
import logging
import os
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from durable.devhost.admin import AdminApi, HostView, RunByHand
from durable.devhost.host_identity import host_id
from durable.devhost.host_json import HostJson, read_host_json
from durable.devhost.http_server import HttpServer, listening_socket
from durable.devhost.index import IndexedFunction, describe
from durable.devhost.invoke import Invoker
from durable.devhost.keys import Keys, new_keys, read_keys
from durable.devhost.listeners import Listener, Surroundings, listener_for
from durable.devhost.output_bindings import QueueOutputs
from durable.devhost.queue_delivery import VISIBILITY_S
from durable.devhost.queue_listener import Wakeups
from durable.devhost.settings import apply_settings, is_disabled
from durable.devhost.storage_connection import StorageConnections
from durable.devhost.summary import key_lines, summary_lines
from durable.devhost.timer_clock import Clock, SystemClock
from durable.devhost.timer_lease import LEASE_S
from durable.devhost.worker import Worker
from durable.devhost.worker_command import WorkerKind, worker_command

logger = logging.getLogger(__name__)

_CANCEL_S = 2.0
# As the real host, which kills a worker that has not ended by then.
_WORKER_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How to run an app. `port` 0 is a free one; `only` are function names, None means all.

    `worker_python` is the interpreter of the runtime worker, None for the one that is found.
    `auth` checks access keys: those of `keys_file`, or fresh ones that are announced.
    `lease_s` is how long a timer's lease lasts, and how often a host without it asks for it.
    """

    app_dir: Path
    port: int = 0
    only: Collection[str] | None = None
    visibility_s: int = VISIBILITY_S
    grace_s: float = 30.0
    chance: random.Random = field(default_factory=random.Random)
    worker: WorkerKind = "direct"
    worker_python: Path | None = None
    auth: bool = False
    keys_file: Path | None = None
    lease_s: int = LEASE_S
    clock: Clock = field(default_factory=SystemClock)


class DevHost:
    """A running function app. `start` it, then `drain` it, once each, on one event loop."""

    def __init__(self, options: HostOptions) -> None:
        """Nothing happens before `start`."""
        self._options = options
        self._worker: Worker | None = None
        self._invoker: Invoker | None = None
        self._http: HttpServer | None = None
        self._admin: AdminApi | None = None
        self._connections = StorageConnections(os.environ)
        self._wakeups = Wakeups()
        self._listeners: list[Listener] = []
        self._listening: list[asyncio.Task[None]] = []
        self.url = ""

    async def start(self, announce: Callable[[str], None] = logger.info) -> None:
        """Index the app and start everything; `announce` gets the summary `func start` prints.

        Raises SettingError, HostJsonError, IndexingError, RouteError, WorkerDiedError (the worker
        does not come up) or OSError (port in use).
        """
        app_dir = self._options.app_dir
        listener = listening_socket(self._options.port)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.url = f"http://{address}"
        try:
            apply_settings(app_dir, host_name=address)
            host_json = read_host_json(app_dir)
            worker = self._worker = self._new_worker()
            found = describe(await worker.start(), only=self._options.only)
            self._http = self._compose(found, worker, host_json, announce)
            await self._http.start(listener)
        except BaseException:
            listener.close()
            if self._worker is not None:
                await self._worker.stop(0.0)
            await self._connections.close()
            raise
        self._listening = [asyncio.create_task(each.run()) for each in self._listeners]

    async def drain(self) -> list[str]:
        """Stop taking work, finish what was taken; returns the functions that the grace cut off."""
        assert self._http is not None
        assert self._admin is not None
        assert self._worker is not None
        assert self._invoker is not None
        self._stop_listeners()
        http = asyncio.create_task(self._http.drain())
        open_ = [http, *self._listening, *self._admin.by_hand]
        await asyncio.wait(open_, timeout=self._options.grace_s)
        cut_off = self._invoker.running
        for task in open_:
            task.cancel()
        # Bounded too: a function that swallows its cancellation must not keep the host alive.
        await asyncio.wait(open_, timeout=_CANCEL_S)
        # Politely only if nothing runs: what the grace cut off is not given any more time.
        await self._worker.stop(0.0 if cut_off else _WORKER_GRACE_S)
        await self._connections.close()
        return cut_off

    @property
    def worker_pid(self) -> int | None:
        """The id of the process in which functions run now; None between two."""
        return self._worker.pid if self._worker is not None else None

    def _new_worker(self) -> Worker:
        options = self._options
        command = worker_command(
            options.worker, options.app_dir, os.environ.copy(), python=options.worker_python
        )
        return Worker(command)

    def _stop_listeners(self) -> None:
        for listener in self._listeners:
            listener.stop()

    def _compose(
        self,
        found: list[IndexedFunction],
        worker: Worker,
        host_json: HostJson,
        announce: Callable[[str], None],
    ) -> HttpServer:
        """Put together what runs the functions, and tell of it; nothing runs yet."""
        options = self._options
        disabled = frozenset(f.name for f in found if is_disabled(f.name, os.environ))
        functions = [each for each in found if each.name not in disabled]
        outputs = QueueOutputs(
            connections=self._connections,
            wakeups=self._wakeups,
            encoding=host_json.queues.message_encoding,
            environment=os.environ,
        )
        outputs.prepare(functions)
        invoker = self._invoker = Invoker(
            worker, timeout_s=host_json.function_timeout_s, outputs=outputs
        )
        identity = host_id(options.app_dir, os.environ)
        by_hand = self._listen(functions, invoker, host_json, identity)
        keys = self._keys(functions, announce)
        for name in sorted(disabled):
            announce(f"Function {name} is disabled")
        for line in summary_lines(
            functions, url=self.url, route_prefix=host_json.route_prefix, environment=os.environ
        ):
            announce(line)
        self._admin = AdminApi(
            HostView(
                host_id=identity,
                url=self.url,
                route_prefix=host_json.route_prefix,
                functions=found,
                disabled=disabled,
                run_by_hand=by_hand,
                running=lambda: len(invoker.running),
                stop_listeners=self._stop_listeners,
            )
        )
        return HttpServer(
            functions,
            invoker,
            route_prefix=host_json.route_prefix,
            grace_s=options.grace_s,
            admin=self._admin,
            keys=keys,
        )

    def _listen(
        self,
        functions: list[IndexedFunction],
        invoker: Invoker,
        host_json: HostJson,
        identity: str,
    ) -> dict[str, RunByHand]:
        """Make the listeners; returns how each function is run by hand."""
        options = self._options
        shared = Surroundings(
            invoker=invoker,
            connections=self._connections,
            wakeups=self._wakeups,
            host_json=host_json,
            host_id=identity,
            environment=os.environ,
            visibility_s=options.visibility_s,
            lease_s=options.lease_s,
            clock=options.clock,
            chance=options.chance,
        )
        by_hand: dict[str, RunByHand] = {}
        for function in functions:
            made = listener_for(function, shared)
            if made is not None:
                listener, by_hand[function.name] = made
                self._listeners.append(listener)
        return by_hand

    def _keys(
        self, functions: list[IndexedFunction], announce: Callable[[str], None]
    ) -> Keys | None:
        if self._options.keys_file is not None:
            return read_keys(self._options.keys_file)
        if not self._options.auth:
            return None
        keys = new_keys(function.name for function in functions)
        for line in key_lines(keys):
            announce(line)
        return keys
