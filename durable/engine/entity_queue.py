"""The queue of an entity: what it has accepted and not served yet, as named rows beside its record.

A message waits here behind a lock that somebody else holds, until its time has come, or because the
batch that accepted it was full. The record names the places that count (`model.entities`).

Rule 1. Served in the order of places, which is that of acceptance: so in order for each sender.
Rule 2. Under a lock only what the owner sent is served; but not what it had sent for a later time,
        which keeps no order.
Rule 3. Rows whose places were served are garbage, deleted some time later, their payloads first. A
        torn row is not: its place is yet to be given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from durable.engine.stash import message_of, parts_of
from durable.model.codec import Columns
from durable.model.entities import EntityLock, EntityRecord
from durable.model.history import EntityOperationSignaled
from durable.model.messages import TaskMessage

PREFIX = "queue-"


@dataclass(frozen=True, slots=True, eq=False)
class EntityQueue:
    """What is kept: place → message. `read` keeps what the rows said, as the stash does.

    `garbage`: names of rows that were served → the blobs that their messages name.
    """

    waiting: dict[int, TaskMessage] = field(default_factory=dict)
    scheduled: dict[int, TaskMessage] = field(default_factory=dict)
    lock: EntityLock | None = None
    garbage: dict[str, tuple[str, ...]] = field(default_factory=dict)
    read: dict[str, TaskMessage] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, entity: EntityRecord | None, named: Mapping[str, Columns], before: "EntityQueue"
    ) -> "EntityQueue":
        """Read the rows. A row that counts never changes; so what `before` has read still holds."""
        if entity is None:
            return EMPTY
        queue = cls(lock=entity.lock)
        for name in sorted(name for name in named if name.startswith(PREFIX)):
            place = _place_of(name)
            if place >= entity.next_place:
                continue
            message = before.read.get(name) or message_of(named[name])
            queue.read[name] = message
            if place in entity.waiting:
                queue.waiting[place] = message
            elif place in entity.scheduled:
                queue.scheduled[place] = message
            else:
                queue.garbage[name] = tuple(message.blobs.values())
        return queue

    @property
    def messages(self) -> list[TaskMessage]:
        """All that is kept."""
        return [*self.waiting.values(), *self.scheduled.values()]

    @property
    def is_runnable(self) -> bool:
        """Whether something that waits can be served now."""
        if self.lock is None:
            return bool(self.waiting)
        owner = self.lock.owner
        return any(owner_of(message) == owner for message in self.waiting.values())


EMPTY = EntityQueue()


def owner_of(message: TaskMessage) -> str | None:
    """Say under whose lock the message is served, as the text of an origin."""
    event = message.event
    if message.origin is None:
        return None
    if isinstance(event, EntityOperationSignaled) and event.scheduled_time is not None:
        return None
    return message.origin.to_text()


def queue_row(place: int, text: str) -> tuple[str, Columns]:
    """Make the row of a message, given as text."""
    return f"{PREFIX}{place:012x}", parts_of(text)


def _place_of(name: str) -> int:
    return int(name.removeprefix(PREFIX), 16)
