"""GatedStore: the store as one actor sees it, every call through the gate."""

from collections.abc import Iterable, Sequence

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter
from durable.storage.memory import MemoryStore
from durable.storage.port import ETag, Key, Page, Poisoned, SummaryPage, Versioned
from durable.testing.world.actors import Actor
from durable.testing.world.gate import Gate


class GatedStore:
    """The memory store as one actor sees it: every call through the gate."""

    def __init__(self, inner: MemoryStore, gate: Gate, actor: Actor) -> None:
        """Pass this actor's calls."""
        self._inner = inner
        self._gate = gate
        self._actor = actor
        self.task_hub = inner.task_hub
        self.partition_count = inner.partition_count
        self.rows_per_transaction_max = inner.rows_per_transaction_max

    async def create(self) -> None:
        """Nothing is missing."""

    async def close(self) -> None:
        """Nothing is held."""

    async def management_key(self) -> str:
        """Return the key."""
        return await self._inner.management_key()

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read page", lambda: self._inner.read_page(instance_id, first=first)
        )

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read sentinel", lambda: self._inner.read_sentinel(instance_id)
        )

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read row", lambda: self._inner.read_row(instance_id, ordinal)
        )

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Pass a write."""
        return await self._gate.write(
            self._actor,
            "transact",
            lambda: self._inner.transact(instance_id, rows, sentinel, etag=etag),
        )

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, "delete rows", lambda: self._inner.delete_rows(instance_id, keys)
        )

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read summary", lambda: self._inner.read_summary(instance_id)
        )

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Pass a write."""
        return await self._gate.write(
            self._actor,
            "write summary",
            lambda: self._inner.write_summary(instance_id, columns, etag=etag),
        )

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor,
            "delete summary",
            lambda: self._inner.delete_summary(instance_id, etag=etag),
        )

    async def query_summaries(
        self, wanted: InstanceFilter, *, top: int, token: str | None = None
    ) -> SummaryPage:
        """Pass a read."""
        return await self._gate.read(
            self._actor,
            "query summaries",
            lambda: self._inner.query_summaries(wanted, top=top, token=token),
        )

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, f"put {queue}", lambda: self._inner.put(queue, body, delay_s=delay_s)
        )

    async def bury(self, queue: str, body: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "bury", lambda: self._inner.bury(queue, body))

    async def take_poisoned(self) -> Sequence[Poisoned]:
        """Pass a write: what is taken is hidden."""
        return await self._gate.write(self._actor, "take poisoned", self._inner.take_poisoned)

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, "forget poisoned", lambda: self._inner.forget_poisoned(poisoned)
        )

    async def park_timer(self, key: str, body: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "park timer", lambda: self._inner.park_timer(key, body))

    async def parked_timers(self, *, before: str) -> Sequence[tuple[str, str]]:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read timers", lambda: self._inner.parked_timers(before=before)
        )

    async def remove_timer(self, key: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "remove timer", lambda: self._inner.remove_timer(key))

    async def put_blob(self, name: str, text: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "put blob", lambda: self._inner.put_blob(name, text))

    async def read_blob(self, name: str) -> str:
        """Pass a read."""
        return await self._gate.read(self._actor, "read blob", lambda: self._inner.read_blob(name))

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Pass a write."""
        listed = list(names)
        await self._gate.write(
            self._actor, "delete blobs", lambda: self._inner.delete_blobs(listed)
        )
