"""What the service or the network does to a call → the outcome that the port promises."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from durable.model.ids import InstanceId
from durable.storage.azure.connections import parse_connection
from durable.storage.azure.hub import AzureStore
from durable.storage.port import (
    BlobMissing,
    LostRace,
    OutcomeUnknown,
    StorageFault,
    StorageOutcome,
)

INSTANCE = InstanceId("it's one")
Action = tuple[int, str] | str  # (status, error code), or what happens to the connection


class Scripted:
    """A server that does with each request what its script says; the last line stays."""

    def __init__(self) -> None:
        self.script: list[Action] = []
        self.requests: list[str] = []
        self._server: asyncio.Server | None = None
        self._connections: list[asyncio.StreamWriter] = []
        self._ended = asyncio.Event()

    async def open(self) -> int:
        """Listen on a free port; return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, and drop who is connected."""
        self._ended.set()
        assert self._server is not None
        self._server.close()
        for writer in self._connections:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = {line.split(":")[0].lower(): line.split(":")[1] for line in head[1:-2]}
                await reader.readexactly(int(fields.get("content-length", 0)))
                self.requests.append(head[0])
                if not await self._act(writer):
                    break
        writer.close()

    async def _act(self, writer: asyncio.StreamWriter) -> bool:
        action = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if action == "hang":
            await self._ended.wait()
            return False
        if action == "reset":
            writer.transport.abort()
            return False
        if action == "break off":
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 500\r\n\r\n--batch")
            await writer.drain()
            return False
        if isinstance(action, str):
            assert action == "close"
            return False
        status, code = action
        writer.write(
            f"HTTP/1.1 {status} Scripted\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
            f'x-ms-error-code: {code}\r\nETag: W/"1"\r\n\r\n{{}}'.encode()
        )
        await writer.drain()
        return True


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Scripted]:
    """Run a scripted server."""
    scripted = Scripted()
    yield scripted
    if scripted._server is not None:
        await scripted.close()


@pytest_asyncio.fixture
async def store(server: Scripted) -> AsyncIterator[AzureStore]:
    """Open a hub whose account is the scripted server."""
    opened = await _opened(await server.open())
    yield opened
    await opened.close()


async def _opened(port: int) -> AzureStore:
    endpoint = f"http://127.0.0.1:{port}/devstoreaccount1"
    text = (
        f"AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint={endpoint};"
        f"QueueEndpoint={endpoint};TableEndpoint={endpoint}"
    )
    connection = parse_connection({"AzureWebJobsStorage": text})
    return AzureStore(connection, task_hub="Faults", read_timeout_s=0.3)


def transact(store: AzureStore) -> Awaitable[object]:
    """Commit in a transaction."""
    return store.transact(INSTANCE, [(0, {"A": 1})], {"B": 1}, etag='W/"0"')


def insert(store: AzureStore) -> Awaitable[object]:
    """Insert a summary."""
    return store.write_summary(INSTANCE, {"A": 1}, etag=None)


def replace(store: AzureStore) -> Awaitable[object]:
    """Replace a summary: a PUT, which HTTP libraries like to repeat."""
    return store.write_summary(INSTANCE, {"A": 1}, etag='W/"0"')


def put(store: AzureStore) -> Awaitable[object]:
    """Put a message."""
    return store.put("workitems", "body")


def put_blob(store: AzureStore) -> Awaitable[object]:
    """Write a blob."""
    return store.put_blob("a/b", "text")


def delete(store: AzureStore) -> Awaitable[object]:
    """Delete rows."""
    return store.delete_rows(INSTANCE, [0])


def read_page(store: AzureStore) -> Awaitable[object]:
    """Query a page."""
    return store.read_page(INSTANCE, first=0)


def read_sentinel(store: AzureStore) -> Awaitable[object]:
    """Read a row."""
    return store.read_sentinel(INSTANCE)


def read_blob(store: AzureStore) -> Awaitable[object]:
    """Read a blob."""
    return store.read_blob("a/b")


Call = Callable[[AzureStore], Awaitable[object]]
WRITES: list[Call] = [transact, insert, replace, put, put_blob, delete]
READS: list[Call] = [read_page, read_sentinel, read_blob]
CONDITIONAL: list[Call] = [transact, insert, replace]


async def outcome_of(call: Call, store: AzureStore) -> type[BaseException]:
    """Say how the call ends."""
    with pytest.raises(StorageOutcome) as caught:
        await call(store)
    return type(caught.value)


@pytest.mark.parametrize("call", CONDITIONAL)
@pytest.mark.parametrize(
    "answer",
    [(412, "UpdateConditionNotSatisfied"), (409, "EntityAlreadyExists"), (404, "ResourceNotFound")],
)
async def test_a_condition_that_does_not_hold_is_a_lost_race(
    server: Scripted, store: AzureStore, call: Call, answer: tuple[int, str]
) -> None:
    """Another ETag, a row that must not be there, and a row that is gone: all are lost races."""
    server.script = [answer]
    assert await outcome_of(call, store) is LostRace
    assert len(server.requests) == 1


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    "answer",
    [
        (503, "ServerBusy"),
        (429, "TooManyRequests"),
        (409, "TableBeingDeleted"),
        (409, "ContainerBeingDeleted"),
        (404, "TableNotFound"),
        (404, "QueueNotFound"),
        (404, "ContainerNotFound"),
        (403, "AuthenticationFailed"),
        (400, "InvalidInput"),
        (413, "RequestBodyTooLarge"),
    ],
)
async def test_a_refused_write_is_a_fault_and_is_not_repeated(
    server: Scripted, store: AzureStore, call: Call, answer: tuple[int, str]
) -> None:
    """The service said no: nothing was written, and the store asked once."""
    server.script = [answer]
    assert await outcome_of(call, store) is StorageFault
    assert len(server.requests) == 1


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    "doubt",
    [
        (500, "InternalError"),
        (500, "OperationTimedOut"),
        (502, ""),
        (503, ""),
        (504, ""),
        (408, ""),
        "close",
        "reset",
        "hang",
    ],
)
async def test_a_write_without_a_clear_answer_is_unknown_and_is_not_repeated(
    server: Scripted, store: AzureStore, call: Call, doubt: Action
) -> None:
    """It may have been applied. A second try could find its own effect, so there is none."""
    server.script = [doubt]
    assert await outcome_of(call, store) is OutcomeUnknown
    assert len(server.requests) == 1


async def test_a_transaction_that_is_answered_with_something_else_is_unknown(
    server: Scripted, store: AzureStore
) -> None:
    """A proxy's page says nothing about the rows."""
    server.script = [(202, "")]
    assert await outcome_of(transact, store) is OutcomeUnknown


async def test_a_transaction_whose_answer_breaks_off_is_unknown(
    server: Scripted, store: AzureStore
) -> None:
    """The status said accepted, but what became of the rows did not arrive."""
    server.script = ["break off"]
    assert await outcome_of(transact, store) is OutcomeUnknown


@pytest.mark.parametrize("call", [replace, put_blob])
async def test_a_put_on_a_kept_alive_connection_that_is_closed_is_sent_once(
    server: Scripted, store: AzureStore, call: Call
) -> None:
    """aiohttp would repeat it silently, and report our own success as a lost race."""
    server.script = [(404, "ResourceNotFound"), "close"]
    assert await store.read_sentinel(INSTANCE) is None
    assert await outcome_of(call, store) is OutcomeUnknown
    assert [line.split()[0] for line in server.requests] == ["GET", "PUT"]


@pytest.mark.parametrize("call", [*WRITES, *READS])
async def test_a_connection_that_is_refused_is_a_fault(server: Scripted, call: Call) -> None:
    """Nothing left this machine, so nothing was written."""
    port = await server.open()
    await server.close()
    store = await _opened(port)
    assert await outcome_of(call, store) is StorageFault
    await store.close()


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize(
    "trouble",
    [
        (404, "ContainerNotFound"),
        (412, "ConditionNotMet"),
        (500, "InternalError"),
        (503, "ServerBusy"),
        (404, "TableNotFound"),
        "hang",
    ],
)
async def test_a_read_that_fails_is_a_plain_fault(
    server: Scripted, store: AzureStore, call: Call, trouble: Action
) -> None:
    """A read has no effect that could be unknown."""
    server.script = [trouble]
    assert await outcome_of(call, store) is StorageFault


@pytest.mark.parametrize("drop", ["close", "reset"])
async def test_a_read_whose_connection_was_dropped_is_tried_once_more(
    server: Scripted, store: AzureStore, drop: str
) -> None:
    """The service closes idle connections; the next read opens another one."""
    server.script = [drop, (404, "ResourceNotFound")]
    assert await store.read_sentinel(INSTANCE) is None
    assert len(server.requests) == 2


@pytest.mark.parametrize("drop", ["close", "reset"])
async def test_a_read_is_not_tried_for_ever(server: Scripted, store: AzureStore, drop: str) -> None:
    """Twice dropped is a fault."""
    server.script = [drop]
    assert await outcome_of(read_page, store) is StorageFault
    assert len(server.requests) == 2


async def test_a_blob_that_is_missing_is_no_fault(server: Scripted, store: AzureStore) -> None:
    """The container answered that it does not have it."""
    server.script = [(404, "BlobNotFound")]
    assert await outcome_of(read_blob, store) is BlobMissing


async def test_a_fault_says_in_one_line_what_was_tried_and_what_came_back(
    server: Scripted, store: AzureStore
) -> None:
    """Operators read it in a log."""
    server.script = [(503, "ServerBusy")]
    with pytest.raises(StorageFault) as caught:
        await put(store)
    text = str(caught.value)
    assert "workitems" in text
    assert "ServerBusy" in text
    assert "\n" not in text


async def test_a_hub_whose_places_are_being_deleted_is_a_fault(
    server: Scripted, store: AzureStore
) -> None:
    """Whoever creates tries again later."""
    server.script = [(409, "ContainerBeingDeleted")]
    assert await outcome_of(AzureStore.create, store) is StorageFault
