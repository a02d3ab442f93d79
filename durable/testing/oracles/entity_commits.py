"""EntityCommit: one accepted commit of an entity, as what it says it did.

What it accepted is told by the watermarks that moved and the ids that became known; what it served,
by its row; what it keeps, by the rows beside its record. That the three agree is checked here, so
that a row that lies is found: nothing is served that was not accepted, nothing twice, and what was
accepted is served or kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from durable.model.entities import Served
from durable.model.entity_forms import read_batch
from durable.model.history import (
    EntityBatchCompleted,
    EntityLockBroken,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.streams import Origin
from durable.testing.oracles.instance_view import InstanceView
from durable.testing.oracles.parcels import Identity, numbered
from durable.testing.oracles.violation import Violation

ORACLE = "entity"
SERVABLE = (
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityLockRequested,
    EntityUnlockSent,
    EntityLockBroken,
)
Key: TypeAlias = tuple[str, int]
"""The source and the number of what is served, as `Served` names them."""


@dataclass(frozen=True, slots=True)
class EntityStanding:
    """An entity as a commit left it."""

    record: InstanceRecord | None = None
    queued: Mapping[Key, tuple[int, TaskMessage]] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, view: InstanceView) -> "EntityStanding":
        """Take down how it stands now."""
        places = {**view.queue.waiting, **view.queue.scheduled}
        return cls(
            view.record,
            {key_of(message): (place, message) for place, message in places.items()},
            dict(view.marks),
            frozenset(view.accepted),
        )


@dataclass(slots=True)
class EntityCommit:
    """A commit between two standings. The view stands behind it."""

    instance_id: InstanceId
    view: InstanceView
    before: EntityStanding
    after: InstanceRecord
    rows: list[HistoryRow]

    def refuse(self, what: str) -> Violation:
        """Say what is wrong with it."""
        return Violation(ORACLE, f"{self.instance_id} episode {self.after.episode}: {what}")

    def arrived(self, is_readable: Callable[[TaskMessage], bool]) -> dict[Key, TaskMessage]:
        """List what it accepted: in streams up to the new watermarks, and of clients.

        A copy that was of no use may have lost its payload.
        """
        found: dict[Key, TaskMessage] = {}
        for origin, mark in self.view.marks.items():
            for number in range(self.before.marks.get(origin, 0) + 1, mark + 1):
                identity = numbered(Origin.from_text(origin), number)
                found[origin, number] = self._copy_of(identity, is_readable)
        for message_id in sorted(self.view.accepted - self.before.accepted):
            found[message_id, 0] = self._copy_of(("request", message_id, 0), is_readable)
        return found

    def _copy_of(
        self, identity: Identity, is_readable: Callable[[TaskMessage], bool]
    ) -> TaskMessage:
        for message in self.view.put.get(identity, ()):
            if is_readable(message):
                return message
        raise self.refuse(f"{identity} was accepted and never put")

    def served(self) -> list[Served]:
        """Read what it says that it served: one row, in front of what comes of it."""
        batches = [row for row in self.rows if isinstance(row.event, EntityBatchCompleted)]
        if not batches:
            return []
        [row] = batches
        assert isinstance(row.event, EntityBatchCompleted)
        if row is not self.rows[0]:
            raise self.refuse("what it serves comes before the batch")
        return read_batch(row.event.operations)

    def consequences(self) -> list[HistoryRow]:
        """List what it sends."""
        return [row for row in self.rows if not isinstance(row.event, EntityBatchCompleted)]

    def check_kept(
        self,
        left: Mapping[Key, TaskMessage],
        filled: Callable[[TaskMessage], HistoryEvent],
    ) -> None:
        """What is accepted and not served is kept, as it came, under the place that it had."""
        if self.view.queue.missing:
            raise self.refuse(f"places {self.view.queue.missing} are named and have no row")
        kept = EntityStanding.of(self.view).queued
        wanted = {key for key, message in left.items() if isinstance(message.event, SERVABLE)}
        if kept.keys() != wanted:
            lost, made_up = sorted(wanted - kept.keys()), sorted(kept.keys() - wanted)
            raise self.refuse(f"accepted and neither served nor kept: {lost}; made up: {made_up}")
        known_before = self.before.record
        entity = known_before.entity if known_before is not None else None
        first = entity.next_place if entity is not None else 0
        for key, (place, message) in kept.items():
            if filled(message) != filled(left[key]):
                raise self.refuse(f"it keeps {message.event} for {left[key].event}")
            known = self.before.queued.get(key)
            if (known is None and place < first) or (known is not None and place != known[0]):
                raise self.refuse(f"{key} has place {place}, which is not its own")


def key_of(message: TaskMessage) -> Key:
    """Name a message as `Served` does."""
    if message.origin is not None:
        return message.origin.to_text(), message.number
    return message.message_id or "", 0


def is_scheduled(message: TaskMessage) -> bool:
    """Whether it was sent for a time: it keeps no order, and is nobody's under a lock."""
    event = message.event
    return isinstance(event, EntityOperationSignaled) and event.scheduled_time is not None
