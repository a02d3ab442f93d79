"""The two grounds on which the law of the port is tried: memory, and a hub on Azurite."""

import asyncio
import base64
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from durable.model.ids import InstanceId
from durable.storage.azure.connections import parse_connection
from durable.storage.azure.hub import AzureStore
from durable.storage.memory import MemoryStore
from durable.storage.port import Poisoned, TaskHubStore

BEGIN = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


class Ground(Protocol):
    """A store, and a look at its queues from the other side."""

    store: TaskHubStore

    def another(
        self, *, rows_per_transaction_max: int = 100, rows_per_page_max: int = 1000
    ) -> TaskHubStore:
        """Open the same hub once more, with other limits."""
        ...

    async def bodies(self, queue: str) -> list[str]:
        """Take what is visible now out of a queue."""
        ...

    async def buried(self, queue: str) -> list[str]:
        """Take what lies in a queue's queue of the buried."""
        ...

    async def poison(self, queue: str, text: str) -> None:
        """Do as the host does with a message that it gives up; the text is as it lies there."""
        ...

    async def delivered(self, queue: str, *, within_s: float) -> list[str]:
        """Let time pass until something is visible, at most so long."""
        ...

    async def close(self) -> None:
        """Let go of everything opened here."""
        ...


def any_instance(words: str = "instance") -> InstanceId:
    """Name an instance that no other test has."""
    return InstanceId(f"{words}-{uuid.uuid4().hex}")


class MemoryGround:
    """The memory store under a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = BEGIN
        self.store: TaskHubStore = MemoryStore(now=self.now)

    def now(self) -> datetime:
        return self.clock

    def another(
        self, *, rows_per_transaction_max: int = 100, rows_per_page_max: int = 1000
    ) -> TaskHubStore:
        # In memory one store is the hub, so that its limits move instead.
        assert isinstance(self.store, MemoryStore)
        self.store.rows_per_transaction_max = rows_per_transaction_max
        self.store.rows_per_page_max = rows_per_page_max
        return self.store

    async def bodies(self, queue: str) -> list[str]:
        assert isinstance(self.store, MemoryStore)
        received = self.store.receive(count=1000, visibility_s=0)
        for message, receipt in received:
            if message.queue == queue:
                self.store.delete(message, receipt)
        return [message.body for message, _ in received if message.queue == queue]

    async def buried(self, queue: str) -> list[str]:
        assert isinstance(self.store, MemoryStore)
        return [body for name, body in self.store.buried if name == queue]

    async def poison(self, queue: str, text: str) -> None:
        assert isinstance(self.store, MemoryStore)
        with suppress(ValueError):
            text = base64.b64decode(text, validate=True).decode()
        self.store.poison.append(Poisoned(queue, text, object()))

    async def delivered(self, queue: str, *, within_s: float) -> list[str]:
        self.clock += timedelta(seconds=within_s)
        return await self.bodies(queue)

    async def close(self) -> None:
        """Nothing is held."""


class AzuriteGround:
    """A hub on Azurite; the clock is the real one."""

    def __init__(self, connection: str, task_hub: str) -> None:
        self._connection = connection
        self._task_hub = task_hub
        self._opened: list[AzureStore] = []
        self._queues: dict[str, QueueClient] = {}
        self.store: TaskHubStore = self.another()

    def another(
        self, *, rows_per_transaction_max: int = 100, rows_per_page_max: int = 1000
    ) -> TaskHubStore:
        store = AzureStore(
            parse_connection({"AzureWebJobsStorage": self._connection}),
            task_hub=self._task_hub,
            rows_per_transaction_max=rows_per_transaction_max,
            rows_per_page_max=rows_per_page_max,
        )
        self._opened.append(store)
        return store

    async def bodies(self, queue: str) -> list[str]:
        name = f"{self._task_hub.lower()}-{queue}"
        if name not in self._queues:
            self._queues[name] = QueueClient.from_connection_string(
                self._connection,
                name,
                api_version="2021-12-02",
                message_decode_policy=TextBase64DecodePolicy(),
            )
        client = self._queues[name]
        bodies: list[str] = []
        async for message in client.receive_messages(messages_per_page=32, visibility_timeout=60):
            bodies.append(message.content)
            await client.delete_message(message)
        return bodies

    async def buried(self, queue: str) -> list[str]:
        return await self.bodies(f"{queue}-buried")

    async def poison(self, queue: str, text: str) -> None:
        client = QueueClient.from_connection_string(
            self._connection,
            f"{self._task_hub.lower()}-{queue}-poison",
            api_version="2021-12-02",
        )
        async with client:
            with suppress(ResourceExistsError):
                await client.create_queue()
            await client.send_message(text)

    async def delivered(self, queue: str, *, within_s: float) -> list[str]:
        deadline = time.monotonic() + within_s + 10
        while not (bodies := await self.bodies(queue)) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return bodies

    async def close(self) -> None:
        for store in self._opened:
            await store.close()
        for client in self._queues.values():
            await client.close()


@contextmanager
def hub_on(connection: str) -> Iterator[str]:
    """Create a hub that nobody else has, and delete it in the end; yields its name."""
    task_hub = f"Law{uuid.uuid4().hex[:12]}"

    async def run(verb: str) -> None:
        store = AzureStore(parse_connection({"AzureWebJobsStorage": connection}), task_hub=task_hub)
        try:
            await (store.create() if verb == "create" else store.delete())
        finally:
            await store.close()

    asyncio.run(run("create"))
    try:
        yield task_hub
    finally:
        asyncio.run(run("delete"))
