"""Sixteen writers and a reader on one instance: no update is lost, nothing is seen in part."""

import asyncio
import random
from typing import Any, cast

from rule_c_law import append, names_of
from store_grounds import Ground, any_instance

from durable.storage import partition
from durable.storage.partition import Snapshot
from durable.storage.port import LostRace, TaskHubStore

WRITERS = 16
ROWS_OF_COMMITS = (7, 2)  # with 3 rows a chunk: three transactions, and one


class Yielding:
    """A store that gives way before every call, for as many turns as chance says."""

    def __init__(self, store: TaskHubStore, chance: random.Random) -> None:
        self._store = store
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        async def call(*args: Any, **options: Any) -> Any:
            for _ in range(self._chance.randrange(4)):
                await asyncio.sleep(0)
            return await found(*args, **options)

        return call


async def test_sixteen_writers_lose_no_update_and_tear_nothing(ground: Ground) -> None:
    """Every commit of every writer is there once and whole, whatever a reader saw meanwhile."""
    chance = random.Random(20260102)
    plain = ground.another(rows_per_transaction_max=4, rows_per_page_max=40)
    store = cast("TaskHubStore", Yielding(plain, chance))
    instance_id = any_instance()
    races_lost = 0
    snapshots_seen: list[list[str]] = []
    is_over = asyncio.Event()

    async def write(writer: int) -> None:
        nonlocal races_lost
        for number, count in enumerate(ROWS_OF_COMMITS):
            attempt = 0
            before = await partition.load(store, instance_id)
            while True:
                try:
                    name = f"{writer}.{number}"
                    await append(store, partition.commit, instance_id, before, name, count)
                    break
                except LostRace:
                    races_lost += 1
                    attempt += 1
                    # Jitter that grows, as the engine has it: a fence is a write as well, and
                    # sixteen writers that begin anew at once would overtake each other for ever.
                    await _step_aside(chance, attempt)
                before = await partition.load(store, instance_id, before)

    async def watch() -> None:
        known: Snapshot | None = None
        while not is_over.is_set():
            # By turns the whole of it, and what is new since the last time.
            known = await partition.load(
                store, instance_id, known if len(snapshots_seen) % 2 else None
            )
            snapshots_seen.append(names_of(known))
            await asyncio.sleep(chance.random() * 0.02)

    async with asyncio.timeout(120):
        watcher = asyncio.create_task(watch())
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        is_over.set()
        await watcher

    names = names_of(await partition.load(store, instance_id))
    expected = {f"{w}.{n}" for w in range(WRITERS) for n in range(len(ROWS_OF_COMMITS))}
    assert sorted(names) == sorted(expected)
    assert races_lost > 0
    assert len(snapshots_seen) > 1
    for earlier, later in zip(snapshots_seen, [*snapshots_seen[1:], names], strict=True):
        assert later[: len(earlier)] == earlier, "a commit that was seen is gone"


async def _step_aside(chance: random.Random, attempt: int) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + chance.random() * min(0.01 * 2**attempt, 2.0)
    while loop.time() < until:
        await asyncio.sleep(chance.random() * 0.01)
