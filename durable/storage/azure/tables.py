"""The History and Instances tables, one request a call (rules C and H of docs/commit-protocol.md).

Rule 1. The sentinel sorts behind every history row: their keys are upper-case hexadecimal digits.
        Named rows have lower-case keys and stand between; a page ends with the sentinel.
Rule 2. Rows are inserted or replaced, never merged: a torn commit may have left other columns.
Rule 3. The limits of the service are checked here, before anything is sent (`columns`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter
from durable.storage.azure.columns import (
    ROWS_MAX,
    Entity,
    check_entity,
    check_transaction,
    from_entity,
    to_entity,
)
from durable.storage.azure.faults import deleting, is_missing_row, read, writing
from durable.storage.azure.filters import condition_of
from durable.storage.keys import (
    SENTINEL_ROW,
    escape_key,
    key_text,
    ordinal_of,
    row_key,
    unescape_key,
)
from durable.storage.port import (
    ETag,
    Key,
    LostRace,
    OutcomeUnknown,
    Page,
    SummaryPage,
    Versioned,
)
from durable.storage.tokens import decode_token, encode_token

_UNCHANGED = MatchConditions.IfNotModified

PAGE_ROWS_MAX = 1000
"""What the service gives at most in one answer."""
PLACE = ("PartitionKey", "RowKey")
"""What the service's continuation is made of."""


async def _read_entity(table: TableClient, partition: str, row: str) -> TableEntity | None:
    async def once() -> TableEntity | None:
        try:
            return await table.get_entity(partition, row)
        except HttpResponseError as error:
            if is_missing_row(error):
                return None
            raise

    return await read(f"read of {row!r} of {partition!r}", once)


def _versioned(entity: TableEntity) -> Versioned:
    return Versioned(from_entity(entity), str(entity.metadata["etag"]))


def _etag_of(answer: Mapping[str, Any]) -> ETag:
    etag = answer.get("etag")
    if not etag:
        raise OutcomeUnknown("A write was answered without an ETag.")
    return str(etag)


def _page_of(entities: Sequence[TableEntity], *, is_last: bool) -> Page:
    rows: list[tuple[int, Columns]] = []
    named: list[tuple[str, Columns]] = []
    sentinel: Versioned | None = None
    for entity in entities:
        key = entity["RowKey"]
        ordinal = ordinal_of(key)
        if ordinal is not None:
            rows.append((ordinal, from_entity(entity)))
        elif key == SENTINEL_ROW:
            sentinel = _versioned(entity)
        else:
            named.append((key, from_entity(entity)))
    # Behind the sentinel is nothing, whatever the service says about further pages.
    return Page(rows, sentinel, not is_last and sentinel is None, named)


class HistoryTable:
    """History rows and sentinels: one partition an instance."""

    def __init__(self, table: TableClient, *, rows_per_page_max: int) -> None:
        """Use an open client."""
        self._table = table
        self._rows_per_page_max = rows_per_page_max

    async def read_page(self, instance_id: InstanceId, *, first: Key) -> Page:
        """Read rows from the key `first` on, until a page holds something or the partition ends."""
        partition = escape_key(instance_id)
        quoted = partition.replace("'", "''")
        condition = (
            f"PartitionKey eq '{quoted}' and RowKey ge '{key_text(first)}' "
            f"and RowKey le '{SENTINEL_ROW}'"
        )
        token: Any = None
        while True:
            entities, token = await self._read_entities(condition, token)
            page = _page_of(entities, is_last=token is None)
            # The service may cut a page anywhere, even before its first row. An empty page that
            # "goes on" would look like the end to whoever continues behind its last row.
            if page.rows or page.named or page.sentinel is not None or not page.more:
                return page

    async def _read_entities(self, condition: str, token: Any) -> tuple[list[TableEntity], Any]:
        async def once() -> tuple[list[TableEntity], Any]:
            found = self._table.query_entities(condition, results_per_page=self._rows_per_page_max)
            pages: Any = found.by_page(continuation_token=token)
            entities = [entity async for entity in await anext(pages)]
            return entities, pages.continuation_token or None

        return await read(f"query {condition}", once)

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Read the sentinel alone."""
        entity = await _read_entity(self._table, escape_key(instance_id), SENTINEL_ROW)
        return None if entity is None else _versioned(entity)

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Read one row."""
        entity = await _read_entity(self._table, escape_key(instance_id), row_key(ordinal))
        return None if entity is None else from_entity(entity)

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[Key, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Write rows and sentinel in one entity-group transaction under the sentinel's ETag."""
        partition = escape_key(instance_id)
        entities = [to_entity(partition, key_text(key), columns) for key, columns in rows]
        record = to_entity(partition, SENTINEL_ROW, sentinel)
        check_transaction([*entities, record])
        operations: list[Any] = [
            ("upsert", entity, {"mode": UpdateMode.REPLACE}) for entity in entities
        ]
        if etag is None:
            operations.append(("create", record))
        else:
            condition = {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": _UNCHANGED}
            operations.append(("update", record, condition))
        what = f"transaction of {len(operations)} rows of {partition!r}"
        try:
            with writing(what):
                answers = await self._table.submit_transaction(operations)
        except ValueError as error:
            # The answer was no multipart body: some proxy's page in place of the service's word.
            raise OutcomeUnknown(f"{what}: {error}") from error
        return _etag_of(answers[-1])

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Delete rows, a hundred a transaction."""
        partition = escape_key(instance_id)
        rows = [{"PartitionKey": partition, "RowKey": key_text(key)} for key in dict.fromkeys(keys)]
        for start in range(0, len(rows), ROWS_MAX):
            await self._delete(rows[start : start + ROWS_MAX])

    async def _delete(self, keys: Sequence[Entity]) -> None:
        what = f"deletion of {len(keys)} rows of {keys[0]['PartitionKey']!r}"
        try:
            with writing(what):
                await self._table.submit_transaction([("delete", key) for key in keys])
        except LostRace:
            # One row is gone, and with it the whole transaction is refused.
            await asyncio.gather(*(self._delete_one(key) for key in keys))

    async def _delete_one(self, key: Entity) -> None:
        deletion = self._table.delete_entity(key["PartitionKey"], key["RowKey"])
        await deleting(f"deletion of row {key['RowKey']} of {key['PartitionKey']!r}", deletion)


class InstancesTable:
    """Summaries: one row an instance, its RowKey empty."""

    def __init__(self, table: TableClient) -> None:
        """Use an open client."""
        self._table = table

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Read one summary."""
        entity = await _read_entity(self._table, escape_key(instance_id), "")
        return None if entity is None else _versioned(entity)

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Replace the summary under its ETag, or insert it."""
        entity = to_entity(escape_key(instance_id), "", columns)
        check_entity(entity)
        with writing(f"summary of {instance_id!r}"):
            if etag is None:
                answer = await self._table.create_entity(entity)
            else:
                answer = await self._table.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=_UNCHANGED
                )
        return _etag_of(answer)

    async def delete_summary(self, instance_id: InstanceId, *, etag: ETag) -> None:
        """Delete the summary under its ETag."""
        with writing(f"deletion of the summary of {instance_id!r}"):
            await self._table.delete_entity(
                escape_key(instance_id), "", etag=etag, match_condition=_UNCHANGED
            )

    async def query_summaries(
        self, wanted: InstanceFilter, *, top: int, token: str | None = None
    ) -> SummaryPage:
        """Read one page of the service's. It sorts by keys; the filter is its own but for ids."""
        place = None if token is None else decode_token(token, PLACE)
        condition = condition_of(wanted)

        async def once() -> tuple[list[TableEntity], Mapping[str, str] | None]:
            found = self._table.query_entities(condition, results_per_page=min(top, PAGE_ROWS_MAX))
            pages: Any = found.by_page(continuation_token=cast("Any", place))
            try:
                entities = [entity async for entity in await anext(pages)]
            except StopAsyncIteration:
                return [], None
            return entities, pages.continuation_token or None

        entities, following = await read(f"list of instances with {condition}", once)
        rows = [
            (InstanceId(unescape_key(entity["PartitionKey"])), from_entity(entity))
            for entity in entities
        ]
        # The range of keys of an unusual prefix is wider than the prefix.
        meant = [row for row in rows if row[0].startswith(wanted.id_prefix)]
        return SummaryPage(meant, None if following is None else _token_of(following))


def _token_of(following: Mapping[str, str | None]) -> str:
    return encode_token({name: following.get(name) or "" for name in PLACE})
