"""Owed: what a committed row asks to be sent, to whom, and by what it is known.

Told here once more, and not asked of the engine: a sender that forgets a message, or gives it to
another, must be found.
"""

from dataclasses import dataclass

from durable.model.history import (
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
from durable.model.streams import Origin, life_of, next_execution, receivers_of
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


def debt_of(sender: InstanceId, row: HistoryRow) -> Debt | None:
    """Tell what the row asks for; `None` if it asks for nothing."""
    receivers = receivers_of(row.event)
    if receivers:
        receiver = receivers[0]
        origin = Origin(sender, life_of(row.execution_id))
        return Debt(sender, row, receiver, numbered(origin, row.number or 0))
    match row.event:
        case TaskScheduled() | TimerCreated():
            identity = ("task", str(row.execution_id), row.event.event_id)
            return Debt(sender, row, sender, identity, row.event.run)
        case ExecutionCompleted(orchestration_status=RuntimeStatus.CONTINUED_AS_NEW):
            return Debt(sender, row, sender, ("start", next_execution(row.execution_id), 0))
        case ExecutionCompleted(parent_instance=str(text)) | StartRefused(parent_instance=text):
            return _answer(sender, row, Parent.from_json(text))
        case _:
            return None


def _answer(sender: InstanceId, row: HistoryRow, parent: Parent) -> Debt:
    identity = ("task", str(parent.execution_id), parent.task_id)
    return Debt(sender, row, parent.instance_id, identity, parent.run)


def has_default_id(row: HistoryRow) -> bool:
    """Say whether a started instance was given its id by the engine."""
    event = row.event
    return isinstance(
        event, SubOrchestrationInstanceCreated
    ) and event.instance_id == default_child_id(row.execution_id, event.event_id)
