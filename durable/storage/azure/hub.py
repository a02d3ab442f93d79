"""AzureStore: one task hub in one storage account, all of the port over its parts.

Making one touches no network and needs no event loop; the first call opens the connections.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from durable.model.codec import Columns
from durable.model.ids import InstanceId, parse_task_hub
from durable.model.queries import InstanceFilter
from durable.storage.azure.account import READ_TIMEOUT_S, StorageAccount
from durable.storage.azure.blobs import HubRecords, PayloadBlobs
from durable.storage.azure.columns import ROWS_MAX
from durable.storage.azure.connections import DEFAULT_CONNECTION, Connection, parse_connection
from durable.storage.azure.faults import creating, deleting
from durable.storage.azure.names import HubNames
from durable.storage.azure.poison import PoisonQueues
from durable.storage.azure.queues import HubQueues
from durable.storage.azure.tables import HistoryTable, InstancesTable
from durable.storage.azure.timers import TimersTable
from durable.storage.port import ETag, Key, Page, Poisoned, SummaryPage, Versioned

ROWS_PER_PAGE_MAX = 1000


def open_store(
    settings: Mapping[str, str],
    *,
    task_hub: str,
    partition_count: int = 1,
    connection_name: str = DEFAULT_CONNECTION,
) -> "AzureStore":
    """Find the account in the settings; touches no network.

    Raises `InvalidConnectionError` or `InvalidTaskHubError`, naming what to change.
    """
    connection = parse_connection(settings, connection_name)
    return AzureStore(
        connection, task_hub=parse_task_hub(task_hub), partition_count=partition_count
    )


class _Parts:
    """What is open: made inside the running event loop."""

    def __init__(self, account: StorageAccount, names: HubNames, *, rows_per_page_max: int) -> None:
        self.account = account
        self.history_client = account.table(names.history_table)
        self.instances_client = account.table(names.instances_table)
        self.payloads_client = account.container(names.payloads_container)
        self.leases_client = account.container(names.leases_container)
        self.history = HistoryTable(self.history_client, rows_per_page_max=rows_per_page_max)
        self.instances = InstancesTable(self.instances_client)
        self.queues = HubQueues(names, account.queue)
        self.poison = PoisonQueues(names, account.queues(), account.raw_queue)
        self.timers_client = account.table(names.timers_table)
        self.timers = TimersTable(self.timers_client, rows_per_page_max=rows_per_page_max)
        self.payloads = PayloadBlobs(self.payloads_client)
        self.records = HubRecords(self.leases_client)


class AzureStore:
    """A task hub on Azure Storage. `calls` counts its requests by kind; clear it to start anew."""

    def __init__(
        self,
        connection: Connection,
        *,
        task_hub: str,
        partition_count: int = 1,
        rows_per_transaction_max: int = ROWS_MAX,
        rows_per_page_max: int = ROWS_PER_PAGE_MAX,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        """Note where the hub is. `partition_count` counts only if the hub has none yet."""
        if not 1 <= rows_per_transaction_max <= ROWS_MAX:
            raise ValueError(f"A transaction takes 1 to {ROWS_MAX} rows.")
        self.task_hub = task_hub
        self.partition_count = partition_count
        self.rows_per_transaction_max = rows_per_transaction_max
        self.calls: Counter[str] = Counter()
        self._connection = connection
        self._names = HubNames(task_hub)
        self._rows_per_page_max = rows_per_page_max
        self._read_timeout_s = read_timeout_s
        self._opened: _Parts | None = None

    @property
    def _open(self) -> _Parts:
        if self._opened is None:
            account = StorageAccount(
                self._connection, self.calls, read_timeout_s=self._read_timeout_s
            )
            self._opened = _Parts(account, self._names, rows_per_page_max=self._rows_per_page_max)
        return self._opened

    async def create(self) -> None:
        """Create what is missing; take the partition count from a `taskhub.json` that is there."""
        parts = self._open
        await creating("container of leases", parts.leases_client.create_container())
        self.partition_count = await parts.records.agree_on_partitions(
            self.task_hub, self.partition_count
        )
        queues = self._names.queues(self.partition_count)
        await asyncio.gather(
            creating("container of payloads", parts.payloads_client.create_container()),
            creating("History table", parts.history_client.create_table()),
            creating("Instances table", parts.instances_client.create_table()),
            creating("Timers table", parts.timers_client.create_table()),
            *(
                creating(
                    f"queue {queue}", parts.queues.client(self._names.queue(queue)).create_queue()
                )
                for queue in queues
            ),
        )

    async def delete(self) -> None:
        """Delete the hub and everything in it. For tests: nothing asks whether you are sure."""
        parts = self._open
        logical = self._names.queues(self.partition_count)
        queues = [self._names.queue(name) for name in logical]
        queues += [self._names.poison_queue(name) for name in logical]
        queues += [self._names.buried_queue(name) for name in logical]
        await asyncio.gather(
            deleting("History table", parts.history_client.delete_table()),
            deleting("Instances table", parts.instances_client.delete_table()),
            deleting("Timers table", parts.timers_client.delete_table()),
            deleting("container of payloads", parts.payloads_client.delete_container()),
            *(
                deleting(f"queue {name}", parts.queues.client(name).delete_queue())
                for name in queues
            ),
        )
        # Last: while taskhub.json is there, a deletion that was cut off can be repeated.
        await deleting("container of leases", parts.leases_client.delete_container())

    async def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.account.close()

    async def management_key(self) -> str:
        """Return the hub's management key."""
        return await self._open.records.management_key()

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        """Read one page of an instance's partition."""
        return await self._open.history.read_page(instance_id, first=first)

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Read the sentinel alone."""
        return await self._open.history.read_sentinel(instance_id)

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Read one row."""
        return await self._open.history.read_row(instance_id, ordinal)

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Write all or nothing under the sentinel's ETag."""
        if len(rows) >= self.rows_per_transaction_max:
            raise ValueError(f"{len(rows)} rows and a sentinel: too many for one transaction.")
        return await self._open.history.transact(instance_id, rows, sentinel, etag=etag)

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Delete rows."""
        await self._open.history.delete_rows(instance_id, keys)

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Read one summary."""
        return await self._open.instances.read_summary(instance_id)

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Replace or insert a summary under its ETag."""
        return await self._open.instances.write_summary(instance_id, columns, etag=etag)

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Delete a summary under its ETag."""
        await self._open.instances.delete_summary(instance_id, etag=etag)

    async def query_summaries(
        self, wanted: InstanceFilter, *, top: int, token: str | None = None
    ) -> SummaryPage:
        """Read one page of summaries."""
        return await self._open.instances.query_summaries(wanted, top=top, token=token)

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Put a message."""
        await self._open.queues.put(queue, body, delay_s=delay_s)

    async def bury(self, queue: str, body: str) -> None:
        """Put a body among the buried."""
        await self._open.queues.bury(queue, body)

    async def take_poisoned(self) -> Sequence[Poisoned]:
        """Take some of what the host gave up."""
        return await self._open.poison.take()

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Delete what was taken."""
        await self._open.poison.forget(poisoned)

    async def park_timer(self, key: str, body: str) -> None:
        """Keep a timer."""
        await self._open.timers.park(key, body)

    async def parked_timers(self, *, before: str) -> Sequence[tuple[str, str]]:
        """Read timers in the order of their keys."""
        return await self._open.timers.before(before)

    async def remove_timer(self, key: str) -> None:
        """Remove a timer."""
        await self._open.timers.remove(key)

    async def put_blob(self, name: str, text: str) -> None:
        """Write a blob."""
        await self._open.payloads.put_blob(name, text)

    async def read_blob(self, name: str) -> str:
        """Read a blob."""
        return await self._open.payloads.read_blob(name)

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Delete blobs."""
        await self._open.payloads.delete_blobs(names)
