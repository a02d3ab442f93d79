"""The sweep: what no message stands for. Run every minute, by one host of the app.

Timers in the table come near, and the host gives messages up. Nothing else needs it.

Rule 1. It only puts copies, flagged `again` (rule A4), and removes the original afterwards. Dying
        anywhere leaves two copies at most, and receivers know repeats.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from durable.engine.activities import failed
from durable.engine.dispatch import Dispatcher
from durable.engine.settings import POISONINGS_MAX
from durable.engine.trials import TRIALS_ENOUGH, Trials
from durable.model.envelopes import decode_message
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import TaskScheduled
from durable.model.messages import TaskMessage
from durable.model.partitions import partition_of
from durable.storage.outbox import Outgoing
from durable.storage.port import TIMERS, WORK_ITEMS, Poisoned, TaskHubStore, control_queue
from durable.storage.timers import NEAR_S, due_at_of, key_of

logger = logging.getLogger("durable")

PAGES_MAX = 10
POISON_DELAY_S_FIRST = 5.0
POISON_DELAY_S_MAX = 600.0
POISON_DOUBLINGS_MAX = 8


class Sweeper:
    """Tends one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        environment: Environment,
        dispatcher: Dispatcher,
        trials: Trials,
    ) -> None:
        """Put through this dispatcher; believe these trials."""
        self._store = store
        self._environment = environment
        self._dispatcher = dispatcher
        self._trials = trials

    async def sweep(self) -> None:
        """Do all of it once; may be cut off anywhere, and run beside another."""
        await self._promote_timers()
        for poisoned in await self._store.take_poisoned():
            await self._take_up(poisoned)

    async def _promote_timers(self) -> None:
        """Move what is due soon to the queue."""
        horizon = key_of(self._environment.now() + timedelta(seconds=NEAR_S))
        for _ in range(PAGES_MAX):
            timers = await self._store.parked_timers(before=horizon)
            if not timers:
                return
            await asyncio.gather(*(self._promote(key, body) for key, body in timers))

    async def _promote(self, key: str, body: str) -> None:
        try:
            message = decode_message(body)
        except MalformedMessageError as error:
            logger.error("timer=%s is buried: %s", key, error)
            await self._store.bury(TIMERS, body)
        else:
            due_at = due_at_of(message.event)
            copy = replace(message, again=True)
            await self._dispatcher.put(Outgoing(queue=TIMERS, message=copy, due_at=due_at))
        await self._store.remove_timer(key)

    async def _take_up(self, poisoned: Poisoned) -> None:
        """Give a message another chance, alone; a work item that had it fails its task."""
        try:
            message = decode_message(poisoned.body)
        except MalformedMessageError as error:
            logger.error("queue=%s a message is buried: %s", poisoned.queue, error)
            await self._store.bury(poisoned.queue, poisoned.body)
        else:
            await self.readmit(poisoned.queue, message)
        await self._store.forget_poisoned(poisoned)

    async def readmit(self, queue: str, message: TaskMessage) -> None:
        """Put what was given up once more, or what says that it has failed.

        What was given up while it waited for others to end is innocent: it never ran.
        """
        is_tried = await self._trials.count(message) >= TRIALS_ENOUGH
        if not is_tried:
            await self._dispatcher.put(_again(queue, message, message.poisonings))
            return
        poisonings = message.poisonings + 1
        if queue == WORK_ITEMS and poisonings >= POISONINGS_MAX:
            await self._dispatcher.put(self._failure(message, poisonings))
        else:
            await self._dispatcher.put(_again(queue, message, poisonings))
        await self._trials.clear(message)

    def _failure(self, message: TaskMessage, poisonings: int) -> Outgoing:
        """Answer the task in the place of the activity that can't."""
        task = message.event
        assert isinstance(task, TaskScheduled)
        reason = RuntimeError(
            f"it ended its process, or outlived the function timeout, each time that it ran, also "
            f"alone: the host gave it up {poisonings} times"
        )
        logger.error("instance=%s activity=%s failed: %s", message.instance_id, task.name, reason)
        answer = replace(
            message,
            event=failed(task, reason, self._environment),
            again=True,
            is_suspect=False,
            poisonings=0,
            blobs={},
        )
        partition = partition_of(message.instance_id, self._store.partition_count)
        return Outgoing(queue=control_queue(partition), message=answer)


def _again(queue: str, message: TaskMessage, poisonings: int) -> Outgoing:
    """Make the copy that has another chance, alone."""
    doublings = min(message.holds, POISON_DOUBLINGS_MAX)
    delay_s = min(POISON_DELAY_S_FIRST * 2**doublings, POISON_DELAY_S_MAX)
    logger.warning(
        "instance=%s queue=%s given up by the host, trying again alone in %.0f s; it has ended "
        "its process alone %d times over",
        message.instance_id,
        queue,
        delay_s,
        poisonings,
    )
    copy = replace(
        message,
        again=True,
        is_suspect=True,
        holds=message.holds + 1,
        poisonings=poisonings,
    )
    return Outgoing(queue=queue, message=copy, delay_s=delay_s)
