"""EntityQueue: what an entity has accepted and not served, read from the rows beside its record.

A row counts if the record names its place. Below the next place and not named, it is garbage; at or
above, it is of a commit that was cut off, and its name may yet be used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from durable.model.codec import Columns
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.testing.oracles.parcels import message_of
from durable.testing.oracles.violation import Violation

PREFIX = "queue-"


@dataclass(slots=True)
class EntityQueue:
    """The messages by their places: those to be served in order, and those whose time must come.

    `missing`: places that the record names and no row has.
    """

    waiting: dict[int, TaskMessage] = field(default_factory=dict)
    scheduled: dict[int, TaskMessage] = field(default_factory=dict)
    garbage: list[str] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, record: InstanceRecord | None, named: Mapping[str, Columns]) -> "EntityQueue":
        """Read the rows that count."""
        queue = cls()
        entity = record.entity if record is not None else None
        if entity is None:
            return queue
        rows = {place_of(name): name for name in named if name.startswith(PREFIX)}
        for kept, places in ((queue.waiting, entity.waiting), (queue.scheduled, entity.scheduled)):
            for place in sorted(places):
                if place in rows:
                    kept[place] = _message(named[rows[place]])
                else:
                    queue.missing.append(place)
        live = entity.waiting | entity.scheduled
        queue.garbage = [
            name for place, name in rows.items() if place not in live and place < entity.next_place
        ]
        return queue

    @property
    def messages(self) -> list[TaskMessage]:
        """All that is accepted and not served, in the order of acceptance."""
        places = {**self.waiting, **self.scheduled}
        return [places[place] for place in sorted(places)]


def place_of(name: str) -> int:
    """Read the place in the name of a row."""
    try:
        return int(name.removeprefix(PREFIX), 16)
    except ValueError:
        raise Violation("entity", f"the row {name} has no place") from None


def _message(columns: Columns) -> TaskMessage:
    parts = sorted(
        (int(name.removeprefix("Message")), str(text))
        for name, text in columns.items()
        if name.startswith("Message")
    )
    message = message_of("".join(text for _, text in parts))
    if message is None:
        raise Violation("entity", f"a row of the queue can't be read: {parts}")
    return message
