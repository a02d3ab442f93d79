"""The loop that polls one queue for one function.

Source: QueueListener.cs of Azure.WebJobs.Extensions.Storage.Queues.

Rule 1. Polls are strictly serial: receive a batch, start a task for each message, wait only until
        no more than newBatchThreshold are running, poll again without a delay. So at most
        batchSize + newBatchThreshold run at once.
Rule 2. An empty poll waits by the back-off; so does one that meets a missing queue or an outage.
        Nothing that storage answers ends the host.
Rule 3. A stop ends the polling, never what was received: that runs to its end. A receive on its
        way is waited for, because its messages are hidden for ten minutes once it is carried out.
"""

import asyncio
import logging
import random
from collections.abc import Sequence

from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from durable.devhost.backoff import Backoff
from durable.devhost.host_json import QueuesOptions
from durable.devhost.queue_delivery import Delivery
from durable.devhost.queue_faults import is_missing_queue, is_outage

logger = logging.getLogger(__name__)


class Wakeups:
    """Ends back-off waits of this host's own listeners when something was just put for them.

    The real host's SharedQueueWatcher: it knows what this host itself writes (poison messages,
    output bindings), never what the app sends with a client of its own.
    """

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._events: dict[str, list[asyncio.Event]] = {}

    def watch(self, queue_name: str) -> asyncio.Event:
        """Make an event that is set whenever something was put into this queue."""
        event = asyncio.Event()
        self._events.setdefault(queue_name, []).append(event)
        return event

    def notify(self, queue_name: str) -> None:
        """Wake the listeners of this queue."""
        for event in self._events.get(queue_name, ()):
            event.set()


class QueueListener:
    """Polls one queue until it is stopped."""

    def __init__(
        self,
        queue: QueueClient,
        delivery: Delivery,
        *,
        options: QueuesOptions,
        visibility_s: int,
        wakeup: asyncio.Event,
        chance: random.Random,
    ) -> None:
        """Poll with the batch size and back-off of `options`; `wakeup` ends a wait early."""
        self._queue = queue
        self._delivery = delivery
        self._options = options
        self._visibility_s = visibility_s
        self._wakeup = wakeup
        self._backoff = Backoff(options.max_polling_interval_s, chance=chance)
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self._last_complaint = ""

    def stop(self) -> None:
        """Poll no more; `run` returns when all that was received is settled."""
        self._stopping = True
        self._wakeup.set()

    async def run(self) -> None:
        """Poll until stopped, then wait for what is in flight."""
        try:
            found = False
            while not self._stopping:
                # Before the poll, not before the wait: what is put while the poll is on its way
                # must end the wait that follows.
                self._wakeup.clear()
                messages = await self._receive()
                if messages:
                    found = True
                    for message in messages:
                        self._start(message)
                    await self._until_running_at_most(self._options.new_batch_threshold)
                else:
                    await self._wait(self._backoff.next_delay_s(found=found))
                    found = False
            await self._until_running_at_most(0)
        except asyncio.CancelledError:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            raise

    async def _receive(self) -> Sequence[QueueMessage]:
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size, visibility_timeout=self._visibility_s
        ).by_page()
        try:
            # One page is one request. Asking for the next would be the next poll.
            page = await anext(pages, None)
            messages = [message async for message in page] if page is not None else []
        except Exception as error:  # noqa: BLE001
            # Everything, not only AzureError: a connection cut in the middle of an answer
            # surfaces as whatever parser or socket saw it first, and must not end the listener.
            self._complain(error)
            return ()
        self._last_complaint = ""
        return messages

    def _complain(self, error: Exception) -> None:
        """Say once what is wrong, not at every poll."""
        name = self._queue.queue_name
        if is_missing_queue(error):
            complaint = f"Queue '{name}' does not exist (yet); looking again from time to time"
        elif is_outage(error):
            complaint = f"Queue '{name}': storage does not answer: {type(error).__name__}: {error}"
        else:
            complaint = f"Queue '{name}' refuses us: {error}"
        # Later lines of an error's text carry a request id and a time, new at each poll.
        headline = complaint.splitlines()[0]
        if headline != self._last_complaint:
            self._last_complaint = headline
            level = logging.INFO if is_missing_queue(error) else logging.ERROR
            logger.log(level, "%s", headline)

    def _start(self, message: QueueMessage) -> None:
        task = asyncio.create_task(self._delivery.deliver(message))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A delivery broke", exc_info=task.exception())

    async def _until_running_at_most(self, count: int) -> None:
        while len(self._running) > count:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _wait(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._wakeup.wait(), delay_s)
        except TimeoutError:
            return
