"""Queue output bindings: what a function wrote is put when it has succeeded.

Source: QueuesExtensionConfigProvider.cs (QueueAsyncCollector) of
Azure.WebJobs.Extensions.Storage.Queues, and WorkerFunctionInvoker.cs of the Functions host.

Rule 1. Outputs go out after the function has returned and before its invocation counts as
        succeeded. One that cannot be put fails the invocation; those before it stay put.
Rule 2. The bindings of a function go side by side, the messages of one binding in order.
Rule 3. A message that was put wakes this host's own listener of that queue (`Wakeups`).
Rule 4. No delay and no time to live: the service's seven days. A missing queue is created.
"""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from typing import Literal

from azure.core.exceptions import AzureError
from azure.storage.queue.aio import QueueClient

from durable.devhost.datum import Datum
from durable.devhost.index import IndexedFunction
from durable.devhost.output_messages import message_bodies
from durable.devhost.queue_faults import is_outage
from durable.devhost.queue_listener import Wakeups
from durable.devhost.queue_names import resolved_queue_name
from durable.devhost.queue_put import put_message
from durable.devhost.settings import substitute
from durable.devhost.storage_connection import StorageConnections

# As Azure.Core's RetryOptions.
_PUT_ATTEMPTS = 4
_PUT_DELAY_S = 0.8


class QueueOutputs:
    """Puts what the functions of one app wrote to their queue outputs."""

    def __init__(
        self,
        *,
        connections: StorageConnections,
        wakeups: Wakeups,
        encoding: Literal["base64", "none"],
        environment: Mapping[str, str],
    ) -> None:
        """Bind no function yet: `prepare` does."""
        self._connections = connections
        self._wakeups = wakeups
        self._encoding = encoding
        self._environment = environment
        self._queues: dict[tuple[str, str], QueueClient] = {}

    def prepare(self, functions: Iterable[IndexedFunction]) -> None:
        """Open the queues of all outputs; SettingError or IndexingError for one that is wrong."""
        for function in functions:
            wanted_by = f"function '{function.name}'"
            for output in function.outputs:
                name = resolved_queue_name(
                    output.queue_name, self._environment, function_name=function.name
                )
                connection = substitute(output.connection, self._environment, wanted_by=wanted_by)
                service = self._connections.queues(connection, wanted_by=wanted_by)
                self._queues[function.name, output.name] = service.get_queue_client(name)

    async def send(self, function: IndexedFunction, outputs: Mapping[str, Datum]) -> None:
        """Put the outputs of one invocation; whatever is raised fails it."""
        # All texts first: one that cannot be sent must not stop half of them.
        written = [
            (queue, message_bodies(value))
            for name, value in outputs.items()
            if (queue := self._queues.get((function.name, name))) is not None
        ]
        # All are awaited whatever happens to one: the host's own Task.WhenAll does the same.
        ends = await asyncio.gather(
            *(self._put_all(queue, bodies) for queue, bodies in written), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _put_all(self, queue: QueueClient, bodies: list[bytes]) -> None:
        for body in bodies:
            await self._put(queue, self._encoded(body))
            self._wakeups.notify(str(queue.queue_name))

    async def _put(self, queue: QueueClient, text: str) -> None:
        for attempt in range(_PUT_ATTEMPTS):
            try:
                await put_message(queue, text)
            except AzureError as error:
                if not is_outage(error) or attempt == _PUT_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_PUT_DELAY_S * 2**attempt)
            else:
                return

    def _encoded(self, body: bytes) -> str:
        if self._encoding == "base64":
            return base64.b64encode(body).decode("ascii")
        return body.decode("utf-8")
