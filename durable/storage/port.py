"""The port: what the engine and the client need of a store.

**Every call that the commit protocol rests on is one storage transaction** (one round trip), so
that counting calls counts money, and the gaps between calls are the points at which a crash can
fall. Only housekeeping may take several (`create`, `bury`, `take_poisoned`, `delete_rows`,
`delete_blobs`); each may be cut off anywhere and repeated.

Every call ends in one of these ways:

* it returns: the effect is durable;
* `LostRace`: the condition (ETag, or "must not exist") did not hold; nothing was written;
* `StorageFault`: nothing was written; the same call may succeed later;
* `OutcomeUnknown`: written, not written, or *about to be* written; who needs to know must read.

Reads raise `StorageFault` only. A store never retries a write by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter

ETag = str
# The key of a row of an instance: the ordinal of a history row, or the name of another row.
Key = int | str

WORK_ITEMS = "workitems"
TIMERS = "timers"


def control_queue(partition: int) -> str:
    """Name the control queue of a partition, as the port names queues: without the hub."""
    return f"control-{partition:02}"


class StorageOutcome(Exception):  # noqa: N818  (an outcome; only two of the three are errors)
    """How a storage call can end besides returning."""


class LostRace(StorageOutcome):
    """Somebody else wrote first. Nothing of this call was written."""


class StorageFault(StorageOutcome):
    """Storage refused or could not be reached. Nothing of this call was written."""


class OutcomeUnknown(StorageFault):
    """The answer was lost: the write may be applied, now or later."""


class BlobMissing(StorageOutcome):
    """No blob has this name."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """The columns of one row and the ETag they had."""

    columns: Columns
    etag: ETag


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A message that the host gave up: its queue (as the port names it), its text, its receipt."""

    queue: str
    body: str
    receipt: object


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a partition in key order: history rows, named rows, and the sentinel behind them.

    `more` says that the partition goes on behind this page; then `sentinel` is `None`.
    """

    rows: Sequence[tuple[int, Columns]]
    sentinel: Versioned | None
    more: bool
    named: Sequence[tuple[str, Columns]] = ()


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """Some summaries in the order of their keys; `token` asks for what stands behind them.

    A page may be empty and still not be the last: the service cuts its pages where it likes.
    """

    rows: Sequence[tuple[InstanceId, Columns]]
    token: str | None


class InstanceStore(Protocol):
    """The History table: one partition an instance, one row an ordinal, and its sentinel.

    Beside these an instance may have *named* rows. Their names begin with a small letter before
    the `s` of the sentinel, so that they sort between history and sentinel.
    """

    @property
    def rows_per_transaction_max(self) -> int:
        """How many rows one transaction takes, the sentinel among them (100 on Azure)."""
        ...

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        """Read the rows from the key `first` on, one page of them."""
        ...

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Read the sentinel alone."""
        ...

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Read one row."""
        ...

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Replace the sentinel and insert or replace the rows, all or nothing; return the new ETag.

        The sentinel must still have `etag`, or not exist where that is `None`; else `LostRace`.
        """
        ...

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Delete at most `rows_per_transaction_max` rows; those gone already do not matter."""
        ...


class SummaryStore(Protocol):
    """The Instances table: the projection that lists read."""

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Read one summary."""
        ...

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Replace the summary if it still has `etag`, or insert it where that is `None`."""
        ...

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Delete the summary if it still has `etag`; if it is gone, that does not matter."""
        ...

    async def query_summaries(
        self, wanted: InstanceFilter, *, top: int, token: str | None = None
    ) -> SummaryPage:
        """Read at most `top` summaries that the filter wants, from where `token` goes on.

        One request, so a page may hold less. Raises `InvalidTokenError` for a foreign token.
        """
        ...


class MessageStore(Protocol):
    """The queues, from the sender's side. Receiving and deleting is the host's."""

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put a message, visible after the delay (whole seconds, at most 7 days)."""
        ...

    async def bury(self, queue: str, body: str) -> None:
        """Put a body that nobody here can read onto a queue of its own, for people to look at."""
        ...

    async def take_poisoned(self) -> Sequence[Poisoned]:
        """Take some of what the host moved to poison queues; others do not see it for a while."""
        ...

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Delete what was taken; if it is gone, or somebody else has it, that does not matter."""
        ...


class TimerStore(Protocol):
    """The timers that are due too late for a queue, in the order of their keys."""

    async def park_timer(self, key: str, body: str) -> None:
        """Keep a message under its key; a second copy replaces the first."""
        ...

    async def parked_timers(self, *, before: str) -> Sequence[tuple[str, str]]:
        """Read keys and bodies below a key, the lowest first, one page of them."""
        ...

    async def remove_timer(self, key: str) -> None:
        """Remove a timer; if it is gone, that does not matter."""
        ...


class BlobStore(Protocol):
    """The container of large payloads: texts by name."""

    async def put_blob(self, name: str, text: str) -> None:
        """Write a blob. Names are never reused for another text."""
        ...

    async def read_blob(self, name: str) -> str:
        """Read a blob, or raise `BlobMissing`."""
        ...

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Delete blobs; those that are gone already do not matter."""
        ...


class TaskHubStore(InstanceStore, SummaryStore, MessageStore, TimerStore, BlobStore, Protocol):
    """Everything that one task hub keeps."""

    @property
    def task_hub(self) -> str:
        """The hub's name."""
        ...

    @property
    def partition_count(self) -> int:
        """How many control queues the hub has; fixed for its life."""
        ...

    async def create(self) -> None:
        """Create what is missing of the hub's resources; may be called again and again."""
        ...

    async def management_key(self) -> str:
        """Return the key of the hub's management routes, made when first asked for."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
