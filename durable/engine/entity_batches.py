"""EntityBatch: one batch of an entity, from what it has accepted to what is to be committed.

Rule 1. What is accepted goes behind all that waits, and what waits is served in order: whatever
        came first when nobody holds the entity, under a lock what its owner sent (rule G3).
Rule 2. A lock is granted at its turn, be its owner dead or alive, and handed on in this commit. The
        release behind it frees it: a release never takes back a lock that waits.
Rule 3. A failed operation leaves the state as it was and sends nothing (decision 6).

Nothing here is a fact before it is committed. Operations may so run more than once; what they did
to the state, and what they sent, counts once.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from durable.engine.entity_queue import EntityQueue, owner_of
from durable.engine.operations import OperationOutcome
from durable.model.entities import EntityLock, EntityRecord, Served
from durable.model.history import (
    EntityLockBroken,
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
    TimerCreated,
    TimerFired,
)
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.streams import read_lock_set

# Until it is known whether a message needs a place in the queue it stands behind all places.
FIRST_ACCEPTED = 1 << 60

Operation: TypeAlias = EntityOperationCalled | EntityOperationSignaled
Run: TypeAlias = Callable[[TaskMessage, Operation, str | None], Awaitable[OperationOutcome]]


@dataclass(slots=True)
class EntityBatch:
    """An entity as it is served.

    `now` is the time of the batch, `clock` that of this host. `facts`: what the commit is to record
    and to send, in order. `served`: what was served, for the history. `spent`: messages that were
    served without ever having had a row. `kept`: place → message that gets one.

    Only what is kept gets a place: so the row of every place that was given was written by the
    commit that gave it, and a torn row has a place that is yet to be given, and then written over.
    """

    now: datetime
    clock: datetime
    entity: EntityRecord
    state: str | None
    queue: EntityQueue
    facts: list[HistoryEvent] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    spent: list[TaskMessage] = field(default_factory=list)
    kept: dict[int, TaskMessage] = field(default_factory=dict)
    _accepted: int = FIRST_ACCEPTED
    _waiting: OrderedDict[int, TaskMessage] = field(default_factory=OrderedDict)
    _scheduled: dict[int, TaskMessage] = field(default_factory=dict)
    _by_owner: defaultdict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        self._scheduled = dict(self.queue.scheduled)
        for place, message in sorted(self.queue.waiting.items()):
            self._wait(place, message)

    def accept(self, message: TaskMessage) -> None:
        """Take what is new."""
        event = message.event
        match event:
            case TimerFired(timer_id=place):
                self._due(place)
            case EntityLockBroken():
                self._break(message, event)
            case EntityOperationSignaled(scheduled_time=datetime() as due) if due > self.clock:
                place = self._keep(message)
                self._scheduled[place] = message
                self.facts.append(TimerCreated(timestamp=self.now, event_id=place, fire_at=due))
            case _:
                self._wait(self._accepted, message)
                self._accepted += 1

    async def serve(
        self, run: Run, *, operations_max: int, is_late: Callable[[], bool] = lambda: False
    ) -> None:
        """Serve what can be served, but at most so many operations, and none when it is late.

        What is left gets a place in the queue.
        """
        operations = 0
        while True:
            place = self._next_to_serve()
            if place is None:
                break
            if isinstance(self._waiting[place].event, Operation):
                if operations >= operations_max or (operations and is_late()):
                    break
                operations += 1
            message = self._waiting.pop(place)
            if place >= FIRST_ACCEPTED:
                self.spent.append(message)
            event = message.event
            if isinstance(event, EntityLockRequested):
                self._lock(message, event)
            elif isinstance(event, EntityUnlockSent):
                self._unlock(message, event)
            elif isinstance(event, Operation):
                await self._operate(message, event, run)
        left = [(place, self._waiting.pop(place)) for place in [*self._waiting]]
        for place, message in left:
            self._waiting[place if place < FIRST_ACCEPTED else self._keep(message)] = message

    @property
    def record(self) -> EntityRecord:
        """What is to be remembered."""
        return replace(
            self.entity,
            waiting=frozenset(self._waiting),
            scheduled=frozenset(self._scheduled),
        )

    def _keep(self, message: TaskMessage) -> int:
        """Give a message a place, and so a row."""
        place = self.entity.next_place
        self.entity = replace(self.entity, next_place=place + 1)
        self.kept[place] = message
        return place

    def _wait(self, place: int, message: TaskMessage) -> None:
        self._waiting[place] = message
        owner = owner_of(message)
        if owner is not None:
            self._by_owner[owner].append(place)

    def _due(self, place: int) -> None:
        """The time of a signal has come: it has its turn before all that was accepted later."""
        waiting = {**self._waiting, place: self._scheduled.pop(place)}
        self._waiting = OrderedDict(sorted(waiting.items()))

    def _next_to_serve(self) -> int | None:
        if self.entity.lock is None:
            return next(iter(self._waiting), None)
        mine = self._by_owner[self.entity.lock.owner]
        while mine and mine[0] not in self._waiting:
            mine.popleft()
        return mine.popleft() if mine else None

    def _lock(self, message: TaskMessage, request: EntityLockRequested) -> None:
        waits = Parent.from_json(request.parent_instance or "")
        lock_set = read_lock_set(request.lock_set)
        lock = EntityLock(
            owner=_source(message),
            execution_id=waits.execution_id,
            section_id=waits.task_id,
            lock_set=lock_set,
            epoch=self.entity.epoch + 1,
            since=self.now,
        )
        self.entity = replace(self.entity, lock=lock, epoch=lock.epoch)
        if request.position + 1 < len(lock_set):
            self.facts.append(replace(request, timestamp=self.now, position=request.position + 1))
        else:
            self.facts.append(
                EntityLockGranted(
                    timestamp=self.now,
                    task_scheduled_id=waits.task_id,
                    parent_instance=request.parent_instance,
                )
            )
        self._note(message, "lock")

    def _unlock(self, message: TaskMessage, release: EntityUnlockSent) -> None:
        lock = self.entity.lock
        is_its_own = lock is not None and (lock.owner, lock.section_id) == (
            _source(message),
            release.critical_section_id,
        )
        if is_its_own:
            self.entity = replace(self.entity, lock=None)
        self._note(message, "unlock")

    def _break(self, message: TaskMessage, asked: EntityLockBroken) -> None:
        lock = self.entity.lock
        if lock is not None and lock.epoch == asked.epoch:
            self.entity = replace(self.entity, lock=None)
        self.spent.append(message)
        self._note(message, "break")

    async def _operate(self, message: TaskMessage, event: Operation, run: Run) -> None:
        outcome = await run(message, event, self.state)
        self.state = outcome.state
        self.entity = replace(self.entity, last_operation_at=self.now)
        is_failed = outcome.failure is not None
        if isinstance(event, EntityOperationCalled):
            self.facts.append(self._reply(event, outcome))
        self.facts.extend(action.to_fact(self.now) for action in outcome.sent)
        self._note(message, "operation", event.operation, is_failed=is_failed)

    def _reply(
        self, call: EntityOperationCalled, outcome: OperationOutcome
    ) -> EntityOperationCompleted | EntityOperationFailed:
        waits = Parent.from_json(call.parent_instance or "")
        if outcome.failure is None:
            return EntityOperationCompleted(
                timestamp=self.now,
                task_scheduled_id=waits.task_id,
                result=outcome.result,
                parent_instance=call.parent_instance,
                run=waits.run,
            )
        return EntityOperationFailed(
            timestamp=self.now,
            task_scheduled_id=waits.task_id,
            reason=outcome.reason,
            details=outcome.details,
            failure_details=outcome.failure,
            parent_instance=call.parent_instance,
            run=waits.run,
        )

    def _note(
        self, message: TaskMessage, what: str, name: str = "", *, is_failed: bool = False
    ) -> None:
        self.served.append(Served(_source(message), message.number, what, name, is_failed))


def _source(message: TaskMessage) -> str:
    """Say whose a message is."""
    return message.origin.to_text() if message.origin is not None else message.message_id or ""
