"""The table of timers that are due too late for a queue: a row each, its key is when it is due.

All rows are in one partition, so that one query finds what is due first, whoever set it.
"""

from collections.abc import Sequence

from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from durable.storage.azure.faults import deleting, read, writing

PARTITION = "timers"


class TimersTable:
    """Messages by the time at which they are due."""

    def __init__(self, table: TableClient, *, rows_per_page_max: int) -> None:
        """Use an open client."""
        self._table = table
        self._rows_per_page_max = rows_per_page_max

    async def park(self, key: str, body: str) -> None:
        """Keep a message; the same key again replaces it."""
        entity = TableEntity(PartitionKey=PARTITION, RowKey=key, Body=body)
        with writing(f"timer {key}"):
            await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def before(self, key: str) -> Sequence[tuple[str, str]]:
        """Read one page of what stands below the key, the lowest first."""

        async def once() -> Sequence[tuple[str, str]]:
            pages = self._table.query_entities(
                "PartitionKey eq @partition and RowKey lt @key",
                parameters={"partition": PARTITION, "key": key},
                results_per_page=self._rows_per_page_max,
            ).by_page()
            async for page in pages:
                found = [(str(row["RowKey"]), str(row["Body"])) async for row in page]
                if found:  # the service may answer with an empty page and a token for the next
                    return found
            return []

        return await read("read of timers", once)

    async def remove(self, key: str) -> None:
        """Remove a timer."""
        await deleting(f"timer {key}", self._table.delete_entity(PARTITION, key))
