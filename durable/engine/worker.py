"""TaskHubWorker: what the host's triggers call. The door of this room.

Each call takes the text of one queue message and how often it was received, and returns when
everything that follows from it is durable and sent; the host then deletes it: the acknowledgement
comes LAST (rule A1). Only when storage stays away for longer than `storage_patience_s` does a call
raise, so that the host keeps the message; never for anything that a user's code or data did.
"""

import logging
from dataclasses import replace
from typing import Protocol

from durable.engine.coalescer import Coalescer
from durable.engine.holding import Held, hold, put_off
from durable.engine.orchestrations import Orchestrations
from durable.engine.patience import BACKOFF_S_MAX, Patience
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.solitude import DEQUEUES_BEFORE_SUSPICION, Crowded, Solitude
from durable.engine.sweep import Sweeper
from durable.engine.trials import TRIALS_ENOUGH, Trials
from durable.engine.work_items import WorkItems
from durable.model.envelopes import decode_message
from durable.model.environment import Environment
from durable.model.errors import ForeignInstanceError, MalformedMessageError
from durable.model.messages import TaskMessage
from durable.model.partitions import partition_of
from durable.storage.outbox import Outgoing
from durable.storage.port import (
    TIMERS,
    WORK_ITEMS,
    StorageFault,
    StorageOutcome,
    TaskHubStore,
    control_queue,
)
from durable.storage.timers import due_at_of

logger = logging.getLogger("durable")


class Take(Protocol):
    """What is done with one kind of message."""

    async def __call__(self, message: TaskMessage, *, duty: bool) -> None:
        """Do it."""
        ...


CONTROL = "control"


class TaskHubWorker:
    """Runs the orchestrations and activities of one task hub, as messages come."""

    orchestrations_type = Orchestrations

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings | None = None,
    ) -> None:
        """Work on this store with these functions."""
        self._store = store
        self._environment = environment
        self._settings = settings or EngineSettings()
        self._orchestrations = self.orchestrations_type(
            store, registry, environment, self._settings
        )
        self._dispatcher = self._orchestrations.dispatcher
        self._trials = Trials(store)
        self._sweeper = Sweeper(store, environment, self._dispatcher, self._trials)
        self._solitude = Solitude()
        self._patiently = Patience(environment, self._settings.storage_patience_s)
        self._work_items = WorkItems(
            store,
            registry,
            environment,
            self._settings,
            orchestrations=self._orchestrations,
            patiently=self._patiently,
        )
        self._coalescer = Coalescer(
            self._orchestrations.advance, batch_max=self._settings.batch_inputs_max
        )

    async def on_control_message(self, body: str, *, dequeue_count: int) -> None:
        """Take a message to an instance."""
        await self._take(body, dequeue_count, CONTROL, self._deliver)

    async def on_timer(self, body: str, *, dequeue_count: int) -> None:
        """Take a timer message: put it back if it is not due (never early), else deliver it."""
        await self._take(body, dequeue_count, TIMERS, self._deliver_when_due)

    async def on_work_item(self, body: str, *, dequeue_count: int) -> None:
        """Take a scheduled task: run the activity and send its result to the instance."""
        await self._take(body, dequeue_count, WORK_ITEMS, self._work)

    async def sweep(self) -> None:
        """Tend the hub, every minute; a fault only leaves the rest for the next time."""
        try:
            await self._sweeper.sweep()
        except StorageOutcome as outcome:
            logger.warning("the sweep was cut off, the next one goes on: %s", outcome)

    async def _take(
        self,
        body: str,
        dequeue_count: int,
        queue: str,
        take: Take,
    ) -> None:
        """Do it; hold what can't be done here; bury what nobody can read."""
        try:
            message = decode_message(body)
        except MalformedMessageError as error:
            await self._bury(queue, body, error)
            return
        if queue == CONTROL:
            queue = self._control_queue(message)
        duty = dequeue_count > 1 or message.again
        is_suspect = message.is_suspect or dequeue_count >= DEQUEUES_BEFORE_SUSPICION
        try:
            if is_suspect:
                await self._take_alone(queue, message, take)
            else:
                async with self._solitude.beside_others():
                    await take(message, duty=duty)
        except Crowded:
            copy, delay_s = put_off(message)
            await self._put(Outgoing(queue=queue, message=copy, delay_s=delay_s))
        except Held as held:
            await self._hold(queue, message, held.reason)
        except (MalformedMessageError, ForeignInstanceError) as error:
            await self._bury(queue, body, error)
        except StorageFault as fault:
            # Patience is over. A copy spares the message's dequeue count, which leads to poison;
            # if not even that can be put, the host keeps the message hidden for its 10 minutes.
            logger.error("instance=%s %s: storage stays away", message.instance_id, fault)
            copy = replace(message, again=True)
            await self._dispatcher.put(Outgoing(queue=queue, message=copy, delay_s=BACKOFF_S_MAX))

    async def _take_alone(self, queue: str, message: TaskMessage, take: Take) -> None:
        """Take a suspect while nobody else runs, with a mark that stays if the process ends."""
        async with self._solitude.alone():
            number = await self._patiently(lambda _: self._trials.count(message), duty=True)
            if number >= TRIALS_ENOUGH:
                await self._patiently(lambda _: self._sweeper.readmit(queue, message), duty=True)
                return
            await self._patiently(lambda _: self._trials.mark(message, number), duty=True)
            try:
                await take(message, duty=True)
            except Exception:
                await self._patiently(lambda _: self._trials.clear(message), duty=True)
                raise
            await self._patiently(lambda _: self._trials.clear(message), duty=True)

    async def _deliver(self, message: TaskMessage, *, duty: bool) -> None:
        await self._patiently(lambda again: self._coalescer.submit(message, duty=again), duty=duty)

    async def _deliver_when_due(self, message: TaskMessage, *, duty: bool) -> None:
        due_at = due_at_of(message.event)
        if due_at is not None and due_at > self._environment.now():
            # The copy keeps the duty (rule A4): by another host's clock the timer may have fired.
            copy = replace(message, again=duty)
            await self._put(Outgoing(queue=TIMERS, message=copy, due_at=due_at))
            return
        await self._deliver(message, duty=duty)

    async def _work(self, message: TaskMessage, *, duty: bool) -> None:
        result = await self._work_items.run(message, duty=duty)
        if result is None:
            # The message may still be the token of an unsent episode, which `submit` then sends.
            await self._deliver(message, duty=duty)
        else:
            await self._put(Outgoing(queue=self._control_queue(result), message=result))

    async def _hold(self, queue: str, message: TaskMessage, reason: str) -> None:
        copy, delay_s = hold(message, self._environment.now())
        logger.warning("instance=%s held for %.0f s: %s", message.instance_id, delay_s, reason)
        await self._put(Outgoing(queue=queue, message=copy, delay_s=delay_s))

    async def _put(self, outgoing: Outgoing) -> None:
        await self._patiently(lambda _: self._dispatcher.put(outgoing), duty=True)

    async def _bury(self, queue: str, body: str, error: Exception) -> None:
        """Keep what nobody here can read where people can look at it."""
        queue = control_queue(0) if queue == CONTROL else queue
        logger.error("queue=%s a message goes to the poison queue: %s", queue, error)
        await self._patiently(lambda _: self._store.bury(queue, body), duty=True)

    def _control_queue(self, message: TaskMessage) -> str:
        return control_queue(partition_of(message.instance_id, self._store.partition_count))
