"""Parcels: every message that is under way, wherever it lies, known by what it carries.

Identity: an answer, and the work item or timer that leads to it, by its task; what an instance
sends to another by its place in the stream between them; a start by its execution; what a caller
sent by its message id. Two parcels of one identity are copies.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from durable.model.envelopes import decode_message
from durable.model.errors import MalformedMessageError
from durable.model.history import ExecutionStarted, TaskScheduled, answered_task_id
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.streams import Origin
from durable.storage.memory import StoredMessage

Identity: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message under way. `stored`: the queue's copy; `None` for a timer in the table."""

    message: TaskMessage
    stored: StoredMessage | None

    @property
    def has_duty_next(self) -> bool:
        """Whether it will have the duty when it is delivered again (rule A2)."""
        if self.message.again:
            return True
        return self.stored is not None and self.stored.dequeue_count > 0


@functools.lru_cache(maxsize=20_000)
def message_of(body: str) -> TaskMessage | None:
    """Read a message; `None` for what is none. Runs of one program send the same ones."""
    try:
        return decode_message(body)
    except MalformedMessageError:
        return None


def identity_of(message: TaskMessage) -> Identity:
    """Tell what the message carries."""
    if message.origin is not None:
        return numbered(message.origin, message.number)
    task_id = answered_task_id(message.event)
    if isinstance(message.event, TaskScheduled):
        task_id = message.event.event_id
    if task_id is not None:
        return ("task", message.execution_id or "", task_id)
    if isinstance(message.event, ExecutionStarted):
        return ("start", message.execution_id or "", 0)
    return ("request", message.message_id or "", 0)


def numbered(origin: Origin, number: int) -> Identity:
    """Name a place in a stream."""
    return ("stream", origin.to_text(), number)


class Parcels:
    """All messages under way in one hub. `has_flagged`: one of them has ever carried `again`."""

    def __init__(self) -> None:
        """Begin with none."""
        self.has_flagged = False
        self._by_key: dict[object, Parcel] = {}
        self._by_instance: defaultdict[InstanceId, dict[object, Parcel]] = defaultdict(dict)
        self._copies: defaultdict[tuple[InstanceId, Identity], int] = defaultdict(int)

    def add(self, key: object, body: str, stored: StoredMessage | None) -> None:
        """Take one in, under the key of the place where it lies."""
        message = message_of(body)
        if message is None or key in self._by_key:
            return
        parcel = Parcel(message, stored)
        self.has_flagged |= message.again
        self._by_key[key] = parcel
        self._by_instance[message.instance_id][key] = parcel
        self._copies[message.instance_id, identity_of(message)] += 1

    def remove(self, key: object) -> Parcel | None:
        """Give one out that is under way no more."""
        parcel = self._by_key.pop(key, None)
        if parcel is not None:
            message = parcel.message
            del self._by_instance[message.instance_id][key]
            self._copies[message.instance_id, identity_of(message)] -= 1
        return parcel

    def of(self, instance_id: InstanceId) -> Iterable[Parcel]:
        """List what is under way to an instance, or for one of its tasks."""
        return self._by_instance[instance_id].values()

    def carries(self, instance_id: InstanceId, identity: Identity) -> bool:
        """Whether some copy of this is under way."""
        return self._copies[instance_id, identity] > 0
