"""Preparation: the hub's resources exist and its key is known, sooner or later.

Rule 1. Nothing here runs at import, and nothing here fails indexing: storage that is away at
        start-up costs time only.
Rule 2. One task per event loop tries until it succeeds; whoever needs the result waits for it, for
        a bounded time, and whoever stops waiting does not stop the task.
Rule 3. Connections are let go of when the event loop ends; the host tells nobody that it stops.
"""

import asyncio
import logging

from durable.model.environment import Environment
from durable.storage.port import StorageFault, TaskHubStore

logger = logging.getLogger("durable")

BACKOFF_S_FIRST = 0.5
BACKOFF_S_MAX = 30.0
# Shorter than any HTTP gateway's patience, longer than an account's hiccup.
WAIT_S = 30.0


class Preparation:
    """Creates what is missing of a hub, in the background."""

    def __init__(self, store: TaskHubStore, environment: Environment) -> None:
        """Do nothing yet."""
        self._store = store
        self._environment = environment
        self._configured_partitions = store.partition_count
        self._task: asyncio.Task[str] | None = None
        self._caretaker: asyncio.Task[None] | None = None
        self._last_error: Exception | None = None

    def begin(self) -> "asyncio.Task[str]":
        """Start on the running event loop, once; its result is the management key."""
        loop = asyncio.get_running_loop()
        # Another loop's task can't be awaited here; the one that began may be gone altogether.
        if self._task is None or self._task.get_loop() is not loop or self._task.cancelled():
            self._task = loop.create_task(self._prepare(), name="durable-preparation")
            self._caretaker = loop.create_task(self._close_at_the_end(), name="durable-caretaker")
        return self._task

    async def management_key(self) -> str:
        """Wait until the hub is there and return its key, or raise `StorageFault`."""
        task = self.begin()
        if not task.done():
            await asyncio.wait({task}, timeout=WAIT_S)
        if not task.done():
            raise StorageFault(
                f"The task hub '{self._store.task_hub}' could not be opened: {self._last_error}"
            ) from self._last_error
        return task.result()

    async def _close_at_the_end(self) -> None:
        """Wait for the cancellation that ends an event loop's last tasks."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self._store.close()

    async def _prepare(self) -> str:
        delay_s = BACKOFF_S_FIRST
        while True:
            try:
                await self._store.create()
                key = await self._store.management_key()
            except Exception as error:  # noqa: BLE001  (any failure of a start-up is worth another try)
                self._last_error = error
                logger.warning(
                    "Task hub '%s' can't be opened, trying again in %.1f s: %s",
                    self._store.task_hub,
                    delay_s,
                    error,
                )
                await self._environment.wait(delay_s * (0.5 + self._environment.jitter()))
                delay_s = min(2 * delay_s, BACKOFF_S_MAX)
            else:
                self._compare_partitions()
                return key

    def _compare_partitions(self) -> None:
        existing = self._store.partition_count
        if existing != self._configured_partitions:
            logger.error(
                "Task hub '%s' was created with %d control queues, but host.json asks for %d. "
                "Senders use the existing %d, and the app listens to %d: a queue that nobody "
                'listens to stands still. Set "extensions": {"durableTask": {"storageProvider": '
                '{"partitionCount": %d}}} in host.json, or choose a new "hubName".',
                self._store.task_hub,
                existing,
                self._configured_partitions,
                existing,
                self._configured_partitions,
                existing,
            )
