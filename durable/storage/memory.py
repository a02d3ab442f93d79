"""The port in memory, as unkind as Azure: for tests, simulation and users' own tests.

It keeps what Azure keeps and no more: rows by key, ETags that never return, messages that are
delivered at least once, in any order, invisible for a while, their receipts good for one delivery.
Faults (unknown outcomes, crashes) are not its business: they are put around it.
Every call happens at one instant, without a yield to the event loop in between.
"""

from collections.abc import Callable, Iterable, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from durable.model.codec import Columns
from durable.model.entity_ids import is_entity_id
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter
from durable.storage.keys import escape_key
from durable.storage.port import (
    BlobMissing,
    ETag,
    Key,
    LostRace,
    Page,
    Poisoned,
    SummaryPage,
    Versioned,
)
from durable.storage.tokens import decode_token, encode_token


class Chance(Protocol):
    """What draws the order in which messages are received: a `random.Random`, for one."""

    def shuffle(self, items: MutableSequence[Any], /) -> None:
        """Reorder."""
        ...


@dataclass(slots=True, eq=False)
class StoredMessage:
    """A message in a queue, from the side of whoever receives it. Two of one text are two."""

    queue: str
    body: str
    visible_at: datetime
    dequeue_count: int = 0
    receipt: int = 0


class MemoryStore:
    """One task hub in memory. `chance` draws the order in which messages are received."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        chance: Chance | None = None,
        task_hub: str = "Memory",
        partition_count: int = 1,
        rows_per_transaction_max: int = 100,
        rows_per_page_max: int = 1000,
    ) -> None:
        """Start empty."""
        self.task_hub = task_hub
        self.partition_count = partition_count
        self.rows_per_transaction_max = rows_per_transaction_max
        self.rows_per_page_max = rows_per_page_max
        self.rows: dict[InstanceId, dict[int, Columns]] = {}
        self.named: dict[InstanceId, dict[str, Columns]] = {}
        self.sentinels: dict[InstanceId, Versioned] = {}
        self.summaries: dict[InstanceId, Versioned] = {}
        self.messages: list[StoredMessage] = []
        self.buried: list[tuple[str, str]] = []
        self.poison: list[Poisoned] = []
        self.timers: dict[str, str] = {}
        self.blobs: dict[str, str] = {}
        self._now = now
        self._chance = chance
        self._etags = 0

    async def create(self) -> None:
        """Nothing is missing."""

    async def close(self) -> None:
        """Nothing is held."""

    async def management_key(self) -> str:
        """Return the one key."""
        return "memory-key"

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        """Read one page; the sentinel counts as its last row."""
        rows = self.rows.get(instance_id, {})
        named = self.named.get(instance_id, {})
        ordinals = sorted(n for n in rows if isinstance(first, int) and n >= first)
        names = sorted(name for name in named if isinstance(first, int) or name >= first)
        found = len(ordinals) + len(names)
        del ordinals[self.rows_per_page_max :]
        del names[self.rows_per_page_max - len(ordinals) :]
        taken = len(ordinals) + len(names)
        sentinel = self.sentinels.get(instance_id)
        more = taken < found or (sentinel is not None and taken == self.rows_per_page_max)
        return Page(
            rows=[(ordinal, rows[ordinal]) for ordinal in ordinals],
            sentinel=None if more else sentinel,
            more=more,
            named=[(name, named[name]) for name in names],
        )

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Read the sentinel alone."""
        return self.sentinels.get(instance_id)

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Read one row."""
        return self.rows.get(instance_id, {}).get(ordinal)

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Write all or nothing under the sentinel's ETag."""
        keys = [key for key, _ in rows]
        if len(rows) >= self.rows_per_transaction_max or len(set(keys)) < len(keys):
            raise ValueError(f"A transaction of rows {keys} and a sentinel is refused by Azure.")
        current = self.sentinels.get(instance_id)
        if (current.etag if current else None) != etag:
            raise LostRace(f"sentinel of {instance_id}")
        for key, columns in rows:
            if isinstance(key, int):
                self.rows.setdefault(instance_id, {})[key] = dict(columns)
            else:
                self.named.setdefault(instance_id, {})[key] = dict(columns)
        self.sentinels[instance_id] = self._version(sentinel)
        return self.sentinels[instance_id].etag

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Delete rows."""
        for key in keys:
            if isinstance(key, int):
                self.rows.get(instance_id, {}).pop(key, None)
            else:
                self.named.get(instance_id, {}).pop(key, None)

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Read one summary."""
        return self.summaries.get(instance_id)

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Replace or insert a summary under its ETag."""
        current = self.summaries.get(instance_id)
        if (current.etag if current else None) != etag:
            raise LostRace(f"summary of {instance_id}")
        self.summaries[instance_id] = self._version(columns)
        return self.summaries[instance_id].etag

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Delete a summary under its ETag."""
        current = self.summaries.get(instance_id)
        if current is None:
            return
        if current.etag != etag:
            raise LostRace(f"summary of {instance_id}")
        del self.summaries[instance_id]

    async def query_summaries(
        self, wanted: InstanceFilter, *, top: int, token: str | None = None
    ) -> SummaryPage:
        """Read one page in the order of keys."""
        behind = "" if token is None else decode_token(token, ("behind",))["behind"]
        keys = {escape_key(instance_id): instance_id for instance_id in self.summaries}
        found = [
            (instance_id, self.summaries[instance_id].columns)
            for key, instance_id in sorted(keys.items())
            if key > behind and _is_wanted(wanted, instance_id, self.summaries[instance_id].columns)
        ]
        page = found[: min(top, self.rows_per_page_max)]
        more = len(page) < len(found)
        return SummaryPage(
            page, encode_token({"behind": escape_key(page[-1][0])}) if more else None
        )

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put a message."""
        self.messages.append(StoredMessage(queue, body, self._now() + timedelta(seconds=delay_s)))

    async def bury(self, queue: str, body: str) -> None:
        """Put a body among the buried."""
        self.buried.append((queue, body))

    async def take_poisoned(self) -> Sequence[Poisoned]:
        """Take all of it."""
        return list(self.poison)

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Delete what was taken."""
        if poisoned in self.poison:
            self.poison.remove(poisoned)

    async def park_timer(self, key: str, body: str) -> None:
        """Keep a timer."""
        self.timers[key] = body

    async def parked_timers(self, *, before: str) -> Sequence[tuple[str, str]]:
        """Read timers in the order of their keys."""
        due = sorted(key for key in self.timers if key < before)
        return [(key, self.timers[key]) for key in due[: self.rows_per_page_max]]

    async def remove_timer(self, key: str) -> None:
        """Remove a timer."""
        self.timers.pop(key, None)

    async def put_blob(self, name: str, text: str) -> None:
        """Write a blob."""
        self.blobs[name] = text

    async def read_blob(self, name: str) -> str:
        """Read a blob."""
        try:
            return self.blobs[name]
        except KeyError:
            raise BlobMissing(name) from None

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Delete blobs."""
        for name in names:
            self.blobs.pop(name, None)

    # What the host does with the queues: receive, delete, show again.

    def visible(self) -> list[StoredMessage]:
        """List the messages that a receiver could get now."""
        now = self._now()
        return [message for message in self.messages if message.visible_at <= now]

    def receive(self, *, count: int, visibility_s: float) -> list[tuple[StoredMessage, int]]:
        """Take messages in any order, each with the receipt of this delivery, and hide them."""
        visible = self.visible()
        if self._chance is not None:
            self._chance.shuffle(visible)
        received = visible[:count]
        for message in received:
            message.visible_at = self._now() + timedelta(seconds=visibility_s)
            message.dequeue_count += 1
            message.receipt += 1
        return [(message, message.receipt) for message in received]

    def poison_exhausted(self, *, dequeue_count_max: int) -> None:
        """Move what was received too often to its poison queue, as the host does on receipt."""
        for message in self.visible():
            if message.dequeue_count >= dequeue_count_max:
                self.messages.remove(message)
                self.poison.append(Poisoned(message.queue, message.body, message))

    def delete(self, message: StoredMessage, receipt: int) -> None:
        """Delete a message if the receipt is that of its last delivery."""
        if message.receipt == receipt and message in self.messages:
            self.messages.remove(message)

    def _version(self, columns: Columns) -> Versioned:
        self._etags += 1
        return Versioned(dict(columns), f'W/"{self._etags}"')


def _is_wanted(wanted: InstanceFilter, instance_id: InstanceId, columns: Columns) -> bool:
    """Compare as a table does: a column that is not there is neither before nor after a time."""
    created_at, statuses = columns.get("CreatedTime"), {each.value for each in wanted.statuses}
    at = created_at if isinstance(created_at, datetime) else None
    return (
        instance_id.startswith(wanted.id_prefix)
        and not (wanted.without_entities and is_entity_id(instance_id))
        and (not statuses or columns.get("RuntimeStatus") in statuses)
        and (wanted.created_from is None or (at is not None and at >= wanted.created_from))
        and (wanted.created_to is None or (at is not None and at <= wanted.created_to))
    )
