"""A hub in an account: its resources, what is written where, what is counted, what is refused."""

import asyncio
import base64
import gzip
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from durable.model.errors import InvalidTaskHubError
from durable.model.ids import InstanceId
from durable.storage.azure.hub import AzureStore, open_store
from durable.storage.port import StorageFault

VERSION = "2021-12-02"


@pytest.fixture
def settings(azurite_connection: str) -> dict[str, str]:
    """Settings of an app whose storage is Azurite."""
    return {"AzureWebJobsStorage": azurite_connection}


@pytest_asyncio.fixture
async def store(settings: dict[str, str]) -> AsyncIterator[AzureStore]:
    """Open a hub that nobody else has and that is not created yet."""
    opened = open_store(settings, task_hub=f"Hub{uuid.uuid4().hex[:10]}", partition_count=3)
    yield opened
    await opened.delete()
    await opened.close()


async def test_a_hub_has_the_resources_that_tools_know(
    store: AzureStore, azurite_connection: str
) -> None:
    """Names, and the words of taskhub.json, are DurableTask's."""
    await store.create()
    hub, low = store.task_hub, store.task_hub.lower()
    async with TableServiceClient.from_connection_string(azurite_connection) as tables:
        found = {table.name async for table in tables.list_tables()}
    assert {name for name in found if name.startswith(hub)} == {
        f"{hub}History",
        f"{hub}Instances",
        f"{hub}Timers",
    }
    async with QueueServiceClient.from_connection_string(
        azurite_connection, api_version=VERSION
    ) as queues:
        names = {queue.name async for queue in queues.list_queues(name_starts_with=low)}
    expected = {"control-00", "control-01", "control-02", "workitems", "timers"}
    assert names == {f"{low}-{queue}" for queue in expected}
    async with BlobServiceClient.from_connection_string(
        azurite_connection, api_version=VERSION
    ) as blobs:
        containers = {c.name async for c in blobs.list_containers(name_starts_with=low)}
        download = await blobs.get_blob_client(f"{low}-leases", "taskhub.json").download_blob()
        content = json.loads(await download.readall())
    assert containers == {f"{low}-leases", f"{low}-largemessages"}
    assert set(content) == {"TaskHubName", "CreatedAt", "PartitionCount"}
    assert (content["TaskHubName"], content["PartitionCount"]) == (hub, 3)


async def test_the_hub_that_exists_wins_over_the_settings(
    store: AzureStore, settings: dict[str, str]
) -> None:
    """The number of partitions is fixed for a hub's life, whatever host.json says later."""
    await store.create()
    later = open_store(settings, task_hub=store.task_hub, partition_count=8)
    await later.create()
    assert later.partition_count == 3
    await later.close()


async def test_hosts_that_create_at_once_agree(store: AzureStore, settings: dict[str, str]) -> None:
    """Whoever writes taskhub.json first decides; nobody fails."""
    others = [
        open_store(settings, task_hub=store.task_hub, partition_count=count) for count in (1, 2, 4)
    ]
    await asyncio.gather(store.create(), *(other.create() for other in others))
    assert len({hub.partition_count for hub in (store, *others)}) == 1
    keys = await asyncio.gather(*(other.management_key() for other in others))
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert keys[0].replace("-", "").replace("_", "").isalnum()
    for other in others:
        await other.close()


async def test_a_hub_file_with_a_byte_order_mark_is_read(
    store: AzureStore, azurite_connection: str
) -> None:
    """.NET writes one."""
    text = json.dumps({"TaskHubName": store.task_hub, "CreatedAt": "x", "PartitionCount": 2})
    await _write_hub_file(azurite_connection, store, b"\xef\xbb\xbf" + text.encode())
    await store.create()
    assert store.partition_count == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"PartitionCount": 0}', b"\xff"])
async def test_a_hub_file_that_cannot_be_read_is_an_error_that_says_so(
    store: AzureStore, azurite_connection: str, content: bytes
) -> None:
    """Guessing the partitions would lose messages."""
    await _write_hub_file(azurite_connection, store, content)
    with pytest.raises(InvalidTaskHubError, match=store.task_hub):
        await store.create()


async def _write_hub_file(connection: str, store: AzureStore, content: bytes) -> None:
    async with BlobServiceClient.from_connection_string(connection, api_version=VERSION) as blobs:
        container = blobs.get_container_client(f"{store.task_hub.lower()}-leases")
        await container.create_container()
        await container.upload_blob("taskhub.json", content)


async def test_before_it_is_created_every_call_is_a_fault(store: AzureStore) -> None:
    """A host may get work before its creation in the background has ended: it waits."""
    one = InstanceId("one")
    for call in (
        store.read_page(one, first=0),
        store.read_sentinel(one),
        store.transact(one, [], {"A": 1}, etag=None),
        store.transact(one, [], {"A": 1}, etag='W/"x"'),
        store.write_summary(one, {"A": 1}, etag=None),
        store.put("workitems", "body"),
        store.put_blob("a/b", "text"),
        store.read_blob("a/b"),
        store.management_key(),
    ):
        with pytest.raises(StorageFault):
            await call


async def test_rows_have_the_keys_and_types_that_tools_read(
    store: AzureStore, azurite_connection: str
) -> None:
    """Escaped id, sixteen hexadecimal digits, Edm types; a summary's RowKey is empty."""
    await store.create()
    one = InstanceId("it's ^1")
    await store.transact(one, [(26, {"EventId": 5, "IsPlayed": False})], {"S": "x"}, etag=None)
    await store.write_summary(one, {"Name": "n"}, etag=None)
    async with TableServiceClient.from_connection_string(azurite_connection) as tables:
        history = tables.get_table_client(f"{store.task_hub}History")
        rows = {row["RowKey"]: row async for row in history.list_entities()}
        instances = tables.get_table_client(f"{store.task_hub}Instances")
        (summary,) = [row async for row in instances.list_entities()]
    assert set(rows) == {"000000000000001A", "sentinel"}
    assert {row["PartitionKey"] for row in rows.values()} == {"it's ^^1"}
    assert type(rows["000000000000001A"]["EventId"]) is int
    assert rows["000000000000001A"]["IsPlayed"] is False
    assert (summary["PartitionKey"], summary["RowKey"]) == ("it's ^^1", "")


async def test_named_rows_stand_before_the_sentinel_and_others_behind_it_are_passed_over(
    store: AzureStore, azurite_connection: str
) -> None:
    """Also on small pages: who continues behind a named row comes to the sentinel."""
    await store.create()
    one = InstanceId("one")
    await store.transact(one, [(n, {"N": n}) for n in range(5)], {"S": 1}, etag=None)
    async with TableServiceClient.from_connection_string(azurite_connection) as tables:
        history = tables.get_table_client(f"{store.task_hub}History")
        for key in [*(f"early-{n}" for n in range(7)), "watermark"]:
            await history.create_entity({"PartitionKey": one, "RowKey": key, "ExecutionId": ""})
    narrow = AzureStore(store._connection, task_hub=store.task_hub, rows_per_page_max=3)
    first = await narrow.read_page(one, first=0)
    second = await narrow.read_page(one, first=3)
    third = await narrow.read_page(one, first=5)
    last = await narrow.read_page(one, first="early-6")
    await narrow.close()
    assert ([n for n, _ in first.rows], first.sentinel, first.more) == ([0, 1, 2], None, True)
    assert [n for n, _ in second.rows] == [3, 4]
    assert [name for name, _ in third.named] == ["early-0", "early-1", "early-2"]
    assert (list(third.rows), third.sentinel, third.more) == ([], None, True)
    assert [name for name, _ in last.named] == ["early-6"]
    assert last.sentinel is not None
    assert not last.more


async def test_bodies_are_base64_and_never_expire(
    store: AzureStore, azurite_connection: str
) -> None:
    """What the Functions host expects by default."""
    await store.create()
    await store.put("workitems", "1:Grüße")
    async with QueueServiceClient.from_connection_string(
        azurite_connection, api_version=VERSION
    ) as queues:
        client = queues.get_queue_client(f"{store.task_hub.lower()}-workitems")
        (message,) = await client.peek_messages()
    assert base64.b64decode(message.content).decode() == "1:Grüße"
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


async def test_delays_are_rounded_up_and_capped(store: AzureStore, azurite_connection: str) -> None:
    """Never earlier than asked; longer than the service can is as long as it can."""
    await store.create()
    await store.put("timers", "soon", delay_s=0.01)
    await store.put("timers", "late", delay_s=10**9)
    async with QueueServiceClient.from_connection_string(
        azurite_connection, api_version=VERSION
    ) as queues:
        client = queues.get_queue_client(f"{store.task_hub.lower()}-timers")
        assert await client.peek_messages() == []
        assert (await client.get_queue_properties()).approximate_message_count == 2


async def test_payloads_are_compressed(store: AzureStore, azurite_connection: str) -> None:
    """As their names say: gzip'd JSON."""
    await store.create()
    await store.put_blob("one/a.json.gz", "[1]" * 100_000)
    async with BlobServiceClient.from_connection_string(
        azurite_connection, api_version=VERSION
    ) as blobs:
        client = blobs.get_blob_client(f"{store.task_hub.lower()}-largemessages", "one/a.json.gz")
        packed = await (await client.download_blob()).readall()
    assert len(packed) < 10_000
    assert gzip.decompress(packed).decode() == "[1]" * 100_000


async def test_each_request_is_counted_by_its_kind(store: AzureStore) -> None:
    """One call of the port is one request, and creation is a kind of its own."""
    await store.create()
    await store.management_key()
    assert set(store.calls) == {"create"}
    store.calls.clear()
    one = InstanceId("it's one")
    etag = await store.transact(one, [(n, {"A": 1}) for n in range(50)], {"S": 1}, etag=None)
    await store.transact(one, [], {"S": 2}, etag=etag)
    await store.read_page(one, first=0)
    await store.read_sentinel(one)
    await store.read_row(one, 1)
    await store.read_row(one, 1000)
    await store.delete_rows(one, [0, 1])
    etag = await store.write_summary(one, {"S": 1}, etag=None)
    await store.write_summary(one, {"S": 2}, etag=etag)
    await store.read_summary(one)
    await store.put("workitems", "body")
    await store.put_blob("it's one/b", "text" * 1_000_000)
    await store.read_blob("it's one/b")
    await store.delete_blobs(["it's one/b"])
    assert store.calls == {
        "table.transaction": 3,
        "table.query": 1,
        "table.read": 4,
        "table.write": 2,
        "queue.put": 1,
        "blob.put": 1,
        "blob.get": 1,
        "blob.delete": 1,
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(n, {"A": 1}) for n in range(100)], "too many"),
        ([(0, {f"C{n}": "x" * 30_000 for n in range(20)})], "bytes"),
        ([(n, {f"C{m}": "x" * 30_000 for m in range(15)}) for n in range(10)], "bytes"),
        ([(n, {"A": "ж" * 30_000}) for n in range(40)], "bytes"),
        ([(1, {"A": 1}), (1, {"A": 2})], "twice"),
    ],
)
async def test_what_the_service_would_refuse_is_refused_before_it_is_sent(
    store: AzureStore, rows: list[Any], message: str
) -> None:
    """The emulator takes rows above 1 MiB, for one; a test on it must not pass for that."""
    with pytest.raises(ValueError, match=message):
        await store.transact(InstanceId("one"), rows, {"S": 1}, etag=None)
    assert store.calls == {}


async def test_requests_leave_no_line_in_an_app_s_log(
    store: AzureStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A Functions app shows INFO, and pays for every line of it."""
    with caplog.at_level(logging.INFO):
        await store.create()
        await store.transact(InstanceId("one"), [(0, {"A": 1})], {"S": 1}, etag=None)
        await store.put("workitems", "body")
        await store.put_blob("a/b", "text")
    assert [
        record for record in caplog.records if record.name.startswith(("azure", "durable"))
    ] == []


async def test_a_closed_store_opens_again(store: AzureStore) -> None:
    """A host that drains closes; what comes after it still works."""
    await store.create()
    await store.close()
    await store.put("workitems", "body")
    await store.close()
