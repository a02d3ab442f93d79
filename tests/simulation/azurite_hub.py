"""A task hub on Azurite with two hosts, and a pump that does for them what the Functions host does.

It comes to rest by itself: nothing runs, and the queues are empty, whatever is invisible included.
"""

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence

from azure.storage.queue import QueueMessage, TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.model.environment import Environment
from durable.storage.azure.hub import AzureStore, open_store
from durable.storage.port import TIMERS, WORK_ITEMS, TaskHubStore, control_queue

HOSTS = 2
QUEUES = (control_queue(0), WORK_ITEMS, TIMERS)
# Longer than anything here takes: a message that comes twice is a finding.
VISIBILITY_S = 600
POLL_S = 0.05
REST_S_MAX = 180
API_VERSION = "2021-12-02"


class AzuriteHub:
    """One hub. Messages go to its hosts in turn, so that both have their caches of an instance."""

    def __init__(
        self,
        queues: QueueServiceClient,
        stores: Sequence[TaskHubStore],
        registry: Registry,
        environment: Environment,
    ) -> None:
        self.store = stores[0]
        self.client = DurableClient(self.store, environment)
        self._queues = queues
        self._clients: dict[str, QueueClient] = {
            queue: queues.get_queue_client(
                self._name(queue), message_decode_policy=TextBase64DecodePolicy()
            )
            for queue in QUEUES
        }
        settings = EngineSettings(strict_arguments=True)
        workers = [TaskHubWorker(store, registry, environment, settings) for store in stores]
        self._workers = itertools.cycle(workers)
        self._running: set[asyncio.Task[None]] = set()

    def _name(self, queue: str) -> str:
        return f"{self.store.task_hub.lower()}-{queue}"

    async def come_to_rest(self) -> None:
        """Serve until there is nothing to do; an invocation that raises is raised here."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REST_S_MAX
        try:
            while await self._receive() or self._running or await self._waiting():
                assert loop.time() < deadline, f"no rest: {await self._waiting()} messages"
                await self._pass_time()
        finally:
            for task in self._running:
                task.cancel()

    async def _receive(self) -> int:
        """Begin an invocation for every message that is visible; say how many."""
        counts = await asyncio.gather(*(self._receive_from(queue) for queue in QUEUES))
        return sum(counts)

    async def _receive_from(self, queue: str) -> int:
        count = 0
        messages = self._clients[queue].receive_messages(
            max_messages=32, visibility_timeout=VISIBILITY_S
        )
        async for message in messages:
            self._running.add(asyncio.ensure_future(self._invoke(queue, message)))
            count += 1
        return count

    async def _invoke(self, queue: str, message: QueueMessage) -> None:
        worker = next(self._workers)
        on_message = {WORK_ITEMS: worker.on_work_item, TIMERS: worker.on_timer}.get(
            queue, worker.on_control_message
        )
        assert message.dequeue_count == 1
        await on_message(message.content, dequeue_count=message.dequeue_count)
        await self._clients[queue].delete_message(message)

    async def _pass_time(self) -> None:
        """Let what runs go on for a moment."""
        if not self._running:
            await asyncio.sleep(POLL_S)
            return
        done, self._running = await asyncio.wait(
            self._running, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()

    async def _waiting(self) -> int:
        """Count the messages that are there, visible or not."""
        properties: Sequence[Awaitable[object]] = [
            client.get_queue_properties() for client in self._clients.values()
        ]
        return sum(
            getattr(each, "approximate_message_count") or 0  # noqa: B009
            for each in await asyncio.gather(*properties)
        )

    async def other_queues(self) -> list[str]:
        """List the queues of the hub that are only made when a message is poisoned or buried."""
        own = {self._name(queue) for queue in QUEUES}
        queues = self._queues.list_queues(name_starts_with=self._name(""))
        return [queue.name async for queue in queues if queue.name not in own]


@contextlib.asynccontextmanager
async def azurite_hub(
    connection: str, registry: Registry, environment: Environment
) -> AsyncIterator[AzuriteHub]:
    """Create a hub that nobody else has, and delete it in the end."""
    task_hub = f"Same{uuid.uuid4().hex[:12]}"
    settings = {"AzureWebJobsStorage": connection}
    stores: list[AzureStore] = [open_store(settings, task_hub=task_hub) for _ in range(HOSTS)]
    queues = QueueServiceClient.from_connection_string(connection, api_version=API_VERSION)
    async with contextlib.AsyncExitStack() as closing:
        for store in stores:
            closing.push_async_callback(store.close)
        await closing.enter_async_context(queues)
        closing.push_async_callback(stores[0].delete)
        await stores[0].create()
        yield AzuriteHub(queues, stores, registry, environment)
