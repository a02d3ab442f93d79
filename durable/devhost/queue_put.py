"""Putting a message into a queue that may not exist yet."""

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient


async def put_message(queue: QueueClient, text: str) -> None:
    """Put an encoded text, and create the queue first if there is none."""
    try:
        await queue.send_message(text)
    except ResourceNotFoundError:
        await _create(queue)
        await queue.send_message(text)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        # Another host created it between our two calls.
        return
