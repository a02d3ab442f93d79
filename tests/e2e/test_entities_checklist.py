"""The checklist's rows of entities and sections on Azurite, between two processes, one killed.

Books keep the lines that were written in them, in the order of writing: what is asked here is asked
of books, statuses and storage's own time stamps, and of nothing that the engine says of itself but
who holds what.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

from azure.data.tables.aio import TableServiceClient

from bench.bank import read_entity
from bench.processes import Host, opened, start_host, until_drained
from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.model.entity_forms import read_batch
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import EntityMetadata, EntityQuery
from durable.storage.azure.hub import AzureStore

APP = Path(__file__).resolve().parent / "books_app"
HOSTS = 2
ENVIRONMENT = {"DURABLE_DEVHOST_VISIBILITY_S": "3"}
SECONDS_MAX = 180.0
POLL_S = 0.1
WRITERS = ("ada", "bob", "cyd")
ROUNDS = 4
LATER_S = 4
LATER = ("later-0", "later-1", "later-2")
# The ways out of a section, over books in a ring.
RING = ("x", "y", "z")
SECTIONS = {
    "a": (["x", "y"], "goes"),
    "b": (["y", "z"], "fails"),
    "c": (["z", "x"], "begins anew"),
    "d": (["y", "x"], "waits for nothing"),
    "e": (["x", "z"], "breaks a rule"),
    "f": (["z", "y"], "waits"),
    "g": (["z", "y", "x"], "goes"),
}
# What a section writes in each of its books; who waits for nothing writes once more in the first.
LINES = {
    "goes": ["comes", "in", "out"],
    "fails": ["comes", "in"],
    "begins anew": ["comes", "in"],
    "waits for nothing": ["comes", "in"],
    "breaks a rule": ["comes", "in"],
    "waits": ["comes", "in"],
}
ENDS = {
    "goes": "Completed",
    "fails": "Failed",
    "begins anew": "Completed",
    "waits for nothing": "Completed",
    "breaks a rule": "Failed",
    "waits": "Terminated",
}
Lines = list[Any]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The books, and who looks at them from outside."""

    client: DurableClient
    store: AzureStore

    async def look(self, key: str) -> EntityMetadata:
        """See where a book stands."""
        seen = await self.client.read_entity(EntityId("book", key), include_transient=True)
        return seen or EntityMetadata(entity_id=EntityId("book", key), exists=False)

    async def lines(self, key: str) -> Lines:
        """Read what is in a book."""
        return (await self.look(key)).value or []

    async def holder(self, key: str) -> str | None:
        """See who holds a book."""
        held = (await self.look(key)).locked_by
        return held.instance_id if held else None

    async def lock(self, who: str, books: Sequence[str], way: str) -> None:
        """Let somebody lock books."""
        order = {"who": who, "books": books, "way": way}
        await self.client.start("locks", instance_id=who, input_=order)

    async def end_of(self, who: str) -> tuple[str, Any]:
        """Wait for an end, and tell which."""
        status = await self.client.wait_for_completion(who, timeout_s=SECONDS_MAX, poll_s=POLL_S)
        return status.runtime_status.value, status.output


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so."""
    async with asyncio.timeout(SECONDS_MAX):
        while not await condition():
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def running_hosts(storage: str, hub: str) -> AsyncIterator[list[Host]]:
    """Run hosts; of those that are left, each is stopped."""
    starts = (start_host(storage, hub, app=APP, environment=ENVIRONMENT) for _ in range(HOSTS))
    hosts = list(await asyncio.gather(*starts))
    try:
        yield hosts
    finally:
        await asyncio.gather(*(host.stop() for host in hosts))


async def test_what_entities_and_sections_promise_holds_where_a_host_is_killed(
    azurite_connection: str, hub: str
) -> None:
    """G1 to G9 and H1 to H9, each by what can be seen from outside."""
    async with (
        running_hosts(azurite_connection, hub) as hosts,
        opened(azurite_connection, hub) as store,
    ):
        shelf = Shelf(DurableClient(store, SystemEnvironment()), store)
        await begin(shelf)
        await until(lambda: has_lines(shelf, "shared", ROUNDS))
        await hosts.pop().kill()
        await terminate_who_waits_for_a_lock(shelf)
        await until(lambda: is_in(shelf, "f", SECTIONS["f"][0]))
        await shelf.client.terminate("f", "enough")
        ends = {who: await shelf.end_of(who) for who in (*WRITERS, *SECTIONS, "holds")}
        await until_drained(azurite_connection, hub, timeout_s=SECONDS_MAX)
        await check_writers(shelf, ends)
        await check_sections(shelf, ends)
        await check_later(shelf, azurite_connection)
        query = EntityQuery(include_transient=True)
        everything = [one async for one in shelf.client.list_entities(query)]
    # H5, H6: whoever had a lock, or waited for one, is gone.
    assert {str(one.entity_id) for one in everything} >= {f"@book@{key}" for key in RING}
    assert [one for one in everything if one.locked_by or one.backlog] == []


async def begin(shelf: Shelf) -> None:
    """Start everybody."""
    for who in WRITERS:
        order = {"who": who, "rounds": ROUNDS}
        await shelf.client.start("writes", instance_id=who, input_=order)
    for who, (books, way) in SECTIONS.items():
        await shelf.lock(who, books, way)
    await shelf.lock("holds", ["held"], "waits")
    later = {"books": LATER[:-1], "after_s": LATER_S}
    await shelf.client.start("postpones", instance_id="postpones", input_=later)
    due = datetime.now(UTC) + timedelta(seconds=LATER_S)
    later_id = EntityId("book", LATER[-1])
    await shelf.client.signal_entity(later_id, "write", due.isoformat(), scheduled_time=due)


async def has_lines(shelf: Shelf, key: str, count: int) -> bool:
    """Whether a book has so many lines."""
    return len(await shelf.lines(key)) >= count


async def is_in(shelf: Shelf, who: str, books: Sequence[str]) -> bool:
    """Whether somebody's section has begun, and all it does is to wait."""
    return all([[who, "in"] in await shelf.lines(key) for key in books])


async def terminate_who_waits_for_a_lock(shelf: Shelf) -> None:
    """G9: a book is read while it is held. H2, H5: who is cut off while it waits lets go at once.

    The first of its books is free then, though the one that it waited for is held by another.
    """
    await until(lambda: is_in(shelf, "holds", ["held"]))
    await shelf.lock("waits", ["held", "before"], "goes")

    async def is_waiting() -> bool:
        # Its signal and its request are behind the lock.
        return await shelf.holder("before") == "waits" and (await shelf.look("held")).backlog == 2

    async def is_free() -> bool:
        return ["client", "after"] in await shelf.lines("before")

    await until(is_waiting)
    held = await shelf.look("held")
    assert held.value == [["holds", "comes"], ["holds", "in"]]
    assert held.locked_by is not None
    assert held.locked_by.instance_id == "holds"
    await shelf.client.signal_entity(EntityId("book", "before"), "write", ["client", "after"])
    await shelf.client.terminate("waits", "enough")
    await until(is_free)
    assert await shelf.holder("held") == "holds"
    assert await shelf.end_of("waits") == ("Terminated", '"enough"')
    await shelf.client.raise_event("holds", "go")


async def check_writers(shelf: Shelf, ends: Mapping[str, tuple[str, Any]]) -> None:
    """G1, G2, G4 to G8."""
    lines = await shelf.lines("shared")
    for who in WRITERS:
        # Each once, in its writer's order; nothing of what failed.
        mine = [line for line in lines if line[0] == who]
        assert mine == [[who, number] for number in range(2 * ROUNDS)]
        status, output = ends[who]
        assert status == "Completed", output
        replies = json.loads(output)
        # To each call its own answer: where the line stands, and of which failure it is.
        for number, reply in enumerate(replies[::2]):
            assert reply["line"] == [who, 2 * number + 1]
            assert lines[reply["place"]] == reply["line"]
        assert all(f"not by {who}" in told for told in replies[1::2])
        assert len(replies) == 2 * ROUNDS
    assert len(lines) == 2 * ROUNDS * len(WRITERS)
    # What the book has signalled came once for each line, and in the book's order.
    copied = [line for line in lines if line[1] % 2 == 0]
    assert await shelf.lines("copies") == copied


async def check_sections(shelf: Shelf, ends: Mapping[str, tuple[str, Any]]) -> None:
    """H1 to H9: each section ended, alone with its books, and in one order in all of them."""
    assert {who: ends[who][0] for who in SECTIONS} == {
        who: ENDS[way] for who, (_, way) in SECTIONS.items()
    }
    assert ends["holds"] == ("Completed", '"holds"')
    sections = {**SECTIONS, "c again": (SECTIONS["c"][0], "goes")}
    before: dict[str, set[str]] = {who: set() for who in sections}
    for key in RING:
        lines = await shelf.lines(key)
        expected = [
            [who, what]
            for who, (books, way) in sections.items()
            for what in (*LINES[way], *(["unheard"] if (who, key) == ("d", books[0]) else []))
            if key in books
        ]
        assert sorted(lines) == sorted(expected)
        assert intruders(lines) == []
        entered = [who for who, what in lines if what == "in"]
        for first, second in pairwise(entered):
            before[second].add(first)
        for who in entered:
            assert lines.index([who, "comes"]) < lines.index([who, "in"])
        record = await read_entity(shelf.store, EntityId("book", key))
        assert record is not None
        assert record.entity is not None
        assert record.entity.epoch == len(entered)
    # It has one only if no section came before another here and behind it there.
    assert set(TopologicalSorter(before).static_order()) == set(sections)


def intruders(lines: Lines) -> Lines:
    """List what stands between the first and the last line that a section wrote, and is another's.

    It writes "comes" before it has the lock.
    """
    found = []
    for who in {who for who, what in lines if what == "in"}:
        inside = [
            place for place, line in enumerate(lines) if line[0] == who and line[1] != "comes"
        ]
        found += [line for line in lines[inside[0] : inside[-1]] if line[0] != who]
    return found


async def check_later(shelf: Shelf, storage: str) -> None:
    """G3: by storage's own time stamps what is for later was not served before."""
    async with TableServiceClient.from_connection_string(storage) as tables:
        history = tables.get_table_client(f"{shelf.store.task_hub}History")
        for key in LATER:
            (due,) = await shelf.lines(key)
            served = []
            async for row in history.query_entities(
                "PartitionKey eq @id and EventType eq 'EntityBatchCompleted'",
                parameters={"id": f"@book@{key}"},
            ):
                served += [row.metadata["timestamp"]] * len(read_batch(row["Operations"]))
            (written,) = served
            assert written is not None
            assert written >= datetime.fromisoformat(due), key
