"""Host: what the Functions host does. It receives, invokes, and deletes what returned.

It runs several invocations at once, as they come. A host that is killed or frozen deletes nothing;
its messages show again when they have been hidden for long enough, and others take them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from durable.engine.worker import TaskHubWorker
from durable.storage.memory import StoredMessage
from durable.storage.port import TIMERS, WORK_ITEMS, StorageOutcome
from durable.testing.world.actors import INVOCATION, Actor, ActorDied
from durable.testing.world.gate import Gate
from durable.testing.world.journal import JournaledStore

VISIBILITY_S = 600.0
DEQUEUE_COUNT_MAX = 5  # of the stock host.json

Delivery = tuple[StoredMessage, int]


class Host:
    """One process: a worker, and its invocations."""

    def __init__(
        self,
        actor: Actor,
        worker: TaskHubWorker,
        *,
        store: JournaledStore,
        gate: Gate,
        invocations_max: int,
        deliveries_max: int,
        about_to_run: Callable[[StoredMessage], None],
        returned: Callable[[], None],
    ) -> None:
        """Serve with this worker; `about_to_run` and `returned` hear of each invocation."""
        self.actor = actor
        self.worker = worker
        self.running: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []
        self._store = store
        self._gate = gate
        self._invocations_max = invocations_max
        self._deliveries_max = deliveries_max
        self._about_to_run = about_to_run
        self._returned = returned

    @property
    def room(self) -> int:
        """How many more invocations it takes."""
        return self._invocations_max - len(self.running)

    def is_serving(self) -> bool:
        """Whether it would receive now."""
        return self.room > 0 and not self.actor.is_dead and not self.actor.is_frozen()

    async def receive(self) -> None:
        """Take some messages and begin to run them."""
        self._store.poison_exhausted(dequeue_count_max=self._deliveries_max)
        effect = _Receiving(self._store, self.room)
        try:
            received = await self._gate.write(self.actor, "receive", effect)
        except (ActorDied, StorageOutcome):
            return
        for message, receipt in received:
            # As it is now: another delivery may count on while this one runs.
            self.begin(self._invoke(message, receipt, message.dequeue_count))

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run an invocation beside the others."""
        task = asyncio.ensure_future(self._bounded(coroutine))
        self.running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self.running.discard(task)
        self._returned()

    async def _bounded(self, invocation: Coroutine[Any, Any, None]) -> None:
        INVOCATION.set(asyncio.current_task())
        try:
            await invocation
        except (ActorDied, asyncio.CancelledError):
            return
        except StorageOutcome:
            return  # the host keeps the message and shows it again
        except BaseException as error:  # noqa: BLE001  (anything else is a finding)
            self.failures.append(error)

    async def _invoke(self, message: StoredMessage, receipt: int, dequeue_count: int) -> None:
        self._about_to_run(message)
        on_message = {WORK_ITEMS: self.worker.on_work_item, TIMERS: self.worker.on_timer}.get(
            message.queue, self.worker.on_control_message
        )
        await on_message(message.body, dequeue_count=dequeue_count)

        async def delete() -> None:
            self._store.delete(message, receipt)

        await self._gate.write(self.actor, f"delete {message.queue}", delete)


class _Receiving:
    """Receives when called; called again, it delivers the same messages to somebody else too."""

    def __init__(self, store: JournaledStore, count: int) -> None:
        self._store = store
        self._count = count
        self._received: list[Delivery] | None = None

    async def __call__(self) -> list[Delivery]:
        if self._received is None:
            self._received = self._store.receive(count=self._count, visibility_s=VISIBILITY_S)
        else:
            for message, _ in self._received:
                message.visible_at = self._store.journal.now()
        return self._received
