"""What the Functions host gave up: its poison queues, from the side of who tends the hub.

The host makes a poison queue when it needs the first one, and moves a message there as it is,
base64 or not. One listing tells which of them exist, so that a healthy hub pays for nothing else.
"""

import base64
import binascii
from collections.abc import Callable, Sequence

from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable.storage.azure.faults import deleting, read
from durable.storage.azure.names import HubNames
from durable.storage.port import Poisoned

# As many as a receive takes. Who takes them has so long until others may.
BATCH_MAX = 32
HIDDEN_S = 120


class PoisonQueues:
    """The poison queues of a hub."""

    def __init__(
        self,
        names: HubNames,
        service: QueueServiceClient,
        open_queue: Callable[[str], QueueClient],
    ) -> None:
        """Use an open client, and open those of the queues (without encoding) when needed."""
        self._names = names
        self._service = service
        self._open_queue = open_queue
        self._clients: dict[str, QueueClient] = {}

    async def take(self) -> Sequence[Poisoned]:
        """Take a batch of each poison queue that exists."""
        names = await read("list of poison queues", self._list)
        taken: list[Poisoned] = []
        for name in names:
            queue = self._names.poisoned_queue(name)
            if queue is not None:
                taken += [
                    Poisoned(queue, _text_of(message), (name, message))
                    for message in await self._receive(name)
                ]
        return taken

    async def forget(self, poisoned: Poisoned) -> None:
        """Delete what was taken."""
        if not isinstance(poisoned.receipt, tuple):
            raise TypeError(f"{poisoned.receipt!r} is no receipt of a poison queue")
        name, message = poisoned.receipt
        await deleting(f"message of {name}", self._client(name).delete_message(message))

    async def _list(self) -> list[str]:
        prefix = self._names.queue("")
        return [q.name async for q in self._service.list_queues(name_starts_with=prefix)]

    async def _receive(self, name: str) -> list[QueueMessage]:
        async def once() -> list[QueueMessage]:
            received = self._client(name).receive_messages(
                messages_per_page=BATCH_MAX, max_messages=BATCH_MAX, visibility_timeout=HIDDEN_S
            )
            return [message async for message in received]

        return await read(f"messages of {name}", once)

    def _client(self, name: str) -> QueueClient:
        if name not in self._clients:
            self._clients[name] = self._open_queue(name)
        return self._clients[name]


def _text_of(message: QueueMessage) -> str:
    """Undo base64 where it is; what is something else was put by somebody else, and stays."""
    text = str(message.content)
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return text
