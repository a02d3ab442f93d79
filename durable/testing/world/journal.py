"""Journal: what the store accepted, in order, told to whoever watches.

An entry is made at the instant at which it takes effect, so a watcher sees every state that the
hub is ever in. A watcher that finds something wrong must not raise into the engine, which forgives
much: `Journal` keeps the first finding, and the world stops at it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import ETag, Key, Poisoned


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction on an instance's partition. `before` is the sentinel that it replaced."""

    instance_id: InstanceId
    rows: tuple[tuple[int, Columns], ...]
    before: Columns | None
    after: Columns
    named: tuple[tuple[str, Columns], ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """A message was put."""

    message: StoredMessage


@dataclass(frozen=True, slots=True)
class Received:
    """A message was handed to a host; its count of deliveries went up."""

    message: StoredMessage


@dataclass(frozen=True, slots=True)
class Deleted:
    """A host acknowledged a message."""

    message: StoredMessage


@dataclass(frozen=True, slots=True)
class Poisonous:
    """The host gave a message up: it went to the poison queue."""

    message: StoredMessage


@dataclass(frozen=True, slots=True)
class PoisonForgotten:
    """A poisoned message was deleted."""

    poisoned: Poisoned


@dataclass(frozen=True, slots=True)
class TimerParked:
    """A far timer was kept in the table."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class TimerRemoved:
    """A far timer was removed from the table."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The projection of an instance was written."""

    instance_id: InstanceId
    before: Columns | None
    after: Columns


@dataclass(frozen=True, slots=True)
class RowsDeleted:
    """Old rows were collected."""

    instance_id: InstanceId
    ordinals: tuple[int, ...]
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The projection of an instance was deleted."""

    instance_id: InstanceId


@dataclass(frozen=True, slots=True)
class BlobPut:
    """A payload was written. `replaces`: over another text, which must never be."""

    name: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class BlobsDeleted:
    """Payloads were deleted."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Buried:
    """A message that nobody can read was put aside."""

    queue: str
    body: str


Entry: TypeAlias = (
    Committed
    | Put
    | Received
    | Deleted
    | Poisonous
    | PoisonForgotten
    | TimerParked
    | TimerRemoved
    | Shown
    | Unlisted
    | RowsDeleted
    | BlobPut
    | BlobsDeleted
    | Buried
)
Watcher: TypeAlias = Callable[[Entry, datetime], None]


class Journal:
    """The entries so far, and the first finding of the watchers."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Begin with nobody watching."""
        self.watchers: list[Watcher] = []
        self.entries: list[Entry] = []
        self.finding: Exception | None = None
        self.now = now

    def note(self, entry: Entry) -> None:
        """Tell the watchers."""
        self.entries.append(entry)
        for watcher in self.watchers:
            try:
                watcher(entry, self.now())
            except Exception as error:  # noqa: BLE001  (a watcher that can't read it is one too)
                self.finding = self.finding or error


class JournaledStore(MemoryStore):
    """The memory store, writing down what it accepts."""

    journal: Journal

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Write, and note it."""
        before = self.sentinels.get(instance_id)
        new_etag = await super().transact(instance_id, rows, sentinel, etag=etag)
        columns = before.columns if before is not None else None
        numbered = tuple((key, row) for key, row in rows if isinstance(key, int))
        named = tuple((key, row) for key, row in rows if isinstance(key, str))
        self.journal.note(Committed(instance_id, numbered, columns, sentinel, named))
        return new_etag

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Delete, and note it."""
        await super().delete_rows(instance_id, keys)
        ordinals = tuple(key for key in keys if isinstance(key, int))
        named = tuple(key for key in keys if isinstance(key, str))
        self.journal.note(RowsDeleted(instance_id, ordinals, named))

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Write, and note it."""
        before = self.summaries.get(instance_id)
        new_etag = await super().write_summary(instance_id, columns, etag=etag)
        self.journal.note(Shown(instance_id, before.columns if before else None, columns))
        return new_etag

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Delete, and note it."""
        was_there = instance_id in self.summaries
        await super().delete_summary(instance_id, etag=etag)
        if was_there:
            self.journal.note(Unlisted(instance_id))

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put, and note it."""
        await super().put(queue, body, delay_s=delay_s)
        self.journal.note(Put(self.messages[-1]))

    async def bury(self, queue: str, body: str) -> None:
        """Bury, and note it."""
        await super().bury(queue, body)
        self.journal.note(Buried(queue, body))

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Forget, and note it."""
        await super().forget_poisoned(poisoned)
        self.journal.note(PoisonForgotten(poisoned))

    async def park_timer(self, key: str, body: str) -> None:
        """Keep, and note it."""
        await super().park_timer(key, body)
        self.journal.note(TimerParked(key, body))

    async def remove_timer(self, key: str) -> None:
        """Remove, and note it."""
        body = self.timers.get(key)
        await super().remove_timer(key)
        if body is not None:
            self.journal.note(TimerRemoved(key, body))

    async def put_blob(self, name: str, text: str) -> None:
        """Write, and note it."""
        replaces = self.blobs.get(name, text) != text
        await super().put_blob(name, text)
        self.journal.note(BlobPut(name, replaces))

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Delete, and note it."""
        listed = tuple(names)
        await super().delete_blobs(listed)
        self.journal.note(BlobsDeleted(listed))

    def receive(self, *, count: int, visibility_s: float) -> list[tuple[StoredMessage, int]]:
        """Hand out, and note it."""
        received = super().receive(count=count, visibility_s=visibility_s)
        for message, _ in received:
            self.journal.note(Received(message))
        return received

    def poison_exhausted(self, *, dequeue_count_max: int) -> None:
        """Give up, and note it."""
        given_up = [m for m in self.visible() if m.dequeue_count >= dequeue_count_max]
        super().poison_exhausted(dequeue_count_max=dequeue_count_max)
        for message in given_up:
            self.journal.note(Poisonous(message))

    def delete(self, message: StoredMessage, receipt: int) -> None:
        """Delete, and note it if it was there and the receipt was good."""
        before = len(self.messages)
        super().delete(message, receipt)
        if len(self.messages) < before:
            self.journal.note(Deleted(message))
