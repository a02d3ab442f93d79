"""Owed: what a committed row asks to be sent, to whom, and by what it is known.

Told here once more, and not asked of the engine: a sender that forgets a message, or gives it to
another, must be found. A row may ask for several: the release of a critical section goes to each
entity of the set. A lock that an entity hands on goes in the stream of who wants the lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityUnlockSent,
    ExecutionCompleted,
    StartRefused,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.parents import Parent, default_child_id
from durable.model.status import RuntimeStatus
from durable.model.streams import (
    Origin,
    life_of,
    next_execution,
    read_lock_set,
    read_places,
    receivers_of,
)
from durable.testing.oracles.parcels import Identity, numbered

Address = tuple[InstanceId, Identity]
"""Who is to get a message, and by what it is known there."""


@dataclass(frozen=True, slots=True)
class Debt:
    """A message that a row of `sender` asks for. `run`: of the task, where a rewind asked anew."""

    sender: InstanceId
    row: HistoryRow
    receiver: InstanceId
    identity: Identity
    run: int | None = None

    @property
    def address(self) -> Address:
        """Where it goes, and as what."""
        return self.receiver, self.identity


def debts_of(sender: InstanceId, row: HistoryRow) -> tuple[Debt, ...]:
    """Tell what the row asks for; mostly nothing, or one message."""
    event = row.event
    if isinstance(event, EntityLockRequested | EntityUnlockSent):
        return tuple(_of_locks(sender, row, event))
    receivers = receivers_of(event)
    if receivers:
        origin = Origin(sender, life_of(row.execution_id))
        return (Debt(sender, row, receivers[0], numbered(origin, row.number or 0)),)
    match event:
        case TaskScheduled(run=run) | TimerCreated(run=run):
            identity = ("task", str(row.execution_id), event.event_id)
            return (Debt(sender, row, sender, identity, run),)
        case ExecutionCompleted(orchestration_status=RuntimeStatus.CONTINUED_AS_NEW):
            return (Debt(sender, row, sender, ("start", next_execution(row.execution_id), 0)),)
        case (
            ExecutionCompleted(parent_instance=str(text))
            | StartRefused(parent_instance=text)
            | EntityOperationCompleted(parent_instance=str(text))
            | EntityOperationFailed(parent_instance=str(text))
            | EntityLockGranted(parent_instance=str(text))
        ):
            return (_answer(sender, row, Parent.from_json(text)),)
        case _:
            return ()


def _of_locks(
    sender: InstanceId, row: HistoryRow, event: EntityLockRequested | EntityUnlockSent
) -> Iterator[Debt]:
    """A lock goes to one entity of its set after the other, a release to all of them at once."""
    entities, places = read_lock_set(event.lock_set), read_places(event.numbers)
    addresses = list(zip(entities, places, strict=True))
    origin = Origin(sender, life_of(row.execution_id))
    if isinstance(event, EntityLockRequested):
        addresses = addresses[event.position : event.position + 1]
        if event.position:
            locker = Parent.from_json(event.parent_instance or "")
            origin = Origin(locker.instance_id, life_of(locker.execution_id))
    for entity, place in addresses:
        yield Debt(sender, row, entity, numbered(origin, place))


def _answer(sender: InstanceId, row: HistoryRow, parent: Parent) -> Debt:
    identity = ("task", str(parent.execution_id), parent.task_id)
    return Debt(sender, row, parent.instance_id, identity, parent.run)


def has_default_id(row: HistoryRow) -> bool:
    """Say whether a started instance was given its id by the engine."""
    event = row.event
    return isinstance(
        event, SubOrchestrationInstanceCreated
    ) and event.instance_id == default_child_id(row.execution_id, event.event_id)
