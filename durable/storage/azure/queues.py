"""The queues, from the sender's side.

Bodies travel as base64 of UTF-8, which is what the Functions host expects unless host.json says
otherwise (`extensions.queues.messageEncoding`). Messages never expire.
"""

import math
from collections.abc import Callable

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from durable.storage.azure.faults import creating, writing
from durable.storage.azure.names import HubNames
from durable.storage.port import StorageFault

DELAY_S_MAX = 7 * 24 * 3600
NEVER_EXPIRES = -1


class HubQueues:
    """The hub's queues by their names in the port, and their poison queues."""

    def __init__(self, names: HubNames, open_queue: Callable[[str], QueueClient]) -> None:
        """Open clients when they are first needed."""
        self._names = names
        self._open_queue = open_queue
        self._clients: dict[str, QueueClient] = {}

    def client(self, name: str) -> QueueClient:
        """Return the one client of a queue, by its name in the account."""
        if name not in self._clients:
            self._clients[name] = self._open_queue(name)
        return self._clients[name]

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put a message, visible after the delay: never earlier, at most 7 days later."""
        delay = min(max(math.ceil(delay_s), 0), DELAY_S_MAX)
        with writing(f"message to {queue}"):
            await self.client(self._names.queue(queue)).send_message(
                body, visibility_timeout=delay, time_to_live=NEVER_EXPIRES
            )

    async def bury(self, queue: str, body: str) -> None:
        """Put a body onto the queue of the buried, making that queue if there is none."""
        client = self.client(self._names.buried_queue(queue))
        if await self._is_put(client, body):
            return
        await creating(f"queue of the buried of {queue}", client.create_queue())
        if not await self._is_put(client, body):
            raise StorageFault(f"The queue {client.queue_name} was deleted as soon as it was made.")

    async def _is_put(self, client: QueueClient, body: str) -> bool:
        with writing(f"message to {client.queue_name}"):
            try:
                await client.send_message(body, time_to_live=NEVER_EXPIRES)
            except ResourceNotFoundError:
                return False
        return True
