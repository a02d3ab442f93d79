"""One received queue message: run its function, then delete, retry or poison the message.

Source: QueueListener.cs and QueueProcessor.cs of Azure.WebJobs.Extensions.Storage.Queues.

Rule 1. While the function runs the message is hidden again at half time; each renewal gives a new
        pop receipt, and only the newest one can settle the message.
Rule 2. Poison: the copy is put first, the message deleted after. A crash between gives two copies,
        the other order none.
Rule 3. A receipt that is stale, or a message that is gone, is no error: the function may have
        updated or deleted its own message.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from durable.devhost.host_json import QueuesOptions
from durable.devhost.index import IndexedFunction
from durable.devhost.invoke import Invoker
from durable.devhost.queue_faults import is_outage, is_taken_over
from durable.devhost.queue_message import (
    UndecodableError,
    body_datum,
    decode_body,
    trigger_metadata,
)
from durable.devhost.queue_put import put_message

logger = logging.getLogger(__name__)

# The real host's constant: QueueListener asks for ten minutes and no option changes that.
VISIBILITY_S = 600
_SETTLE_ATTEMPTS = 6
_SETTLE_DELAY_S = 0.25
_QUEUE_NAME_CHARS_MAX = 63
_POISON_SUFFIX = "-poison"


def poison_queue_name(queue_name: str) -> str | None:
    """Name a queue's poison queue; None if it cannot have one (is one itself, or too long)."""
    name = queue_name + _POISON_SUFFIX
    if queue_name.lower().endswith(_POISON_SUFFIX) or len(name) > _QUEUE_NAME_CHARS_MAX:
        return None
    return name


class Delivery:
    """Delivers the messages of one queue to one function."""

    def __init__(
        self,
        function: IndexedFunction,
        invoker: Invoker,
        *,
        queue: QueueClient,
        poison: QueueClient | None,
        options: QueuesOptions,
        is_binary: bool,
        visibility_s: int,
        on_poisoned: Callable[[str], None],
    ) -> None:
        """`on_poisoned` is told the name of the poison queue whenever a message goes there."""
        self._function = function
        self._invoker = invoker
        self._queue = queue
        self._poison = poison
        self._options = options
        self._is_binary = is_binary
        self._visibility_s = visibility_s
        self._on_poisoned = on_poisoned

    async def deliver(self, message: QueueMessage) -> None:
        """Take one received message to its end; raises nothing but what a bug would."""
        received = message.dequeue_count or 0
        if self._poison is not None and received > self._options.max_dequeue_count:
            await self._settle(lambda: self._move_to_poison(message))
            return
        try:
            body = decode_body(str(message.content or ""), self._options.message_encoding)
        except UndecodableError as error:
            logger.warning("Message %s of '%s' is not base64: %s", message.id, self._name, error)
            if self._poison is not None:
                await self._settle(lambda: self._move_to_poison(message))
            return
        succeeded = await self._run(message, body)
        if succeeded:
            await self._settle(lambda: self._delete(message))
        elif self._poison is None:
            # Left invisible until its time is over: giving it back at once would be a fast
            # endless loop, as nothing ever takes it out of this queue.
            return
        elif received >= self._options.max_dequeue_count:
            await self._settle(lambda: self._move_to_poison(message))
        else:
            await self._settle(lambda: self._give_back(message))

    @property
    def _name(self) -> str:
        return str(self._queue.queue_name)

    async def _run(self, message: QueueMessage, body: bytes) -> bool:
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, ended))
        try:
            try:
                value = body_datum(body, is_binary=self._is_binary)
            except UnicodeDecodeError as error:
                logger.warning("Message %s of '%s' is not UTF-8: %s", message.id, self._name, error)
                return False
            outcome = await self._invoker.invoke(
                self._function,
                value,
                metadata=trigger_metadata(message, body),
                reason=f"New queue message detected on '{self._name}'.",
            )
            return outcome.succeeded
        finally:
            # Waited for, not cancelled: a renewal that the service carries out after we stopped
            # listening would take away the receipt that the delete needs.
            ended.set()
            await renewal

    async def _renew(self, message: QueueMessage, ended: asyncio.Event) -> None:
        normal_s = self._visibility_s / 2
        # The real host speeds up to one minute of its ten; keep that proportion when injected.
        minimum_s = self._visibility_s / 10
        interval_s = normal_s
        while True:
            try:
                await asyncio.wait_for(ended.wait(), interval_s)
            except TimeoutError:
                pass
            else:
                return
            try:
                await self._hide(message, self._visibility_s)
                interval_s = normal_s
            except AzureError as error:
                if is_taken_over(error) or not is_outage(error):
                    logger.warning("Message %s is not renewed any more: %s", message.id, error)
                    return
                interval_s = max(interval_s / 2, minimum_s)

    async def _hide(self, message: QueueMessage, seconds: float) -> None:
        updated = await self._queue.update_message(
            message.id, pop_receipt=message.pop_receipt, visibility_timeout=round(seconds)
        )
        message.pop_receipt = updated.pop_receipt

    async def _delete(self, message: QueueMessage) -> None:
        await self._queue.delete_message(message.id, pop_receipt=message.pop_receipt)

    async def _give_back(self, message: QueueMessage) -> None:
        await self._hide(message, self._options.visibility_timeout_s)

    async def _move_to_poison(self, message: QueueMessage) -> None:
        poison = self._poison
        assert poison is not None
        logger.warning("Message %s moves to '%s'", message.id, poison.queue_name)
        await put_message(poison, message.content)
        self._on_poisoned(str(poison.queue_name))
        await self._delete(message)

    async def _settle(self, action: Callable[[], Awaitable[None]]) -> None:
        """Carry out the last word on a message, through short outages of storage."""
        for attempt in range(_SETTLE_ATTEMPTS):
            try:
                await action()
            except AzureError as error:
                if is_taken_over(error):
                    return
                if not is_outage(error) or attempt == _SETTLE_ATTEMPTS - 1:
                    # It comes back when its time is over; a function must bear that anyway.
                    logger.log(
                        logging.ERROR, "Could not settle a message of '%s': %s", self._name, error
                    )
                    return
            else:
                return
            await asyncio.sleep(_SETTLE_DELAY_S * 2**attempt)
