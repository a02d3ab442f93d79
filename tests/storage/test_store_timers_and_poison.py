"""The law of parked timers and of what the host gave up."""

import asyncio
import base64

import pytest_asyncio
from store_grounds import Ground

from durable.storage.port import WORK_ITEMS


@pytest_asyncio.fixture(autouse=True)
async def no_timers(ground: Ground) -> None:
    """The hub on Azurite is that of other tests too."""
    for key, _ in await ground.store.parked_timers(before="9"):
        await ground.store.remove_timer(key)


async def test_timers_are_read_in_the_order_of_their_keys_below_a_key(ground: Ground) -> None:
    """Only those below; a page is the lowest of them."""
    store = ground.store
    keys = [f"20300101T0000{second:02}.000000-{second}" for second in (3, 1, 2, 5)]
    await asyncio.gather(*(store.park_timer(key, f"body of {key}") for key in keys))
    found = await store.parked_timers(before="20300101T000004")
    assert [key for key, _ in found] == sorted(keys)[:3]
    assert [body for _, body in found] == [f"body of {key}" for key in sorted(keys)[:3]]
    assert not await store.parked_timers(before="2029")


async def test_a_timer_that_is_parked_again_replaces_itself(ground: Ground) -> None:
    """A second copy of a timer is no second timer."""
    store = ground.store
    await store.park_timer("20300101", "first")
    await store.park_timer("20300101", "second é😀")
    assert await store.parked_timers(before="9") == [("20300101", "second é😀")]


async def test_a_timer_that_is_removed_is_gone_and_may_be_removed_again(ground: Ground) -> None:
    """Two sweeps may remove one timer."""
    store = ground.store
    await store.park_timer("20300101", "once")
    await store.remove_timer("20300101")
    await store.remove_timer("20300101")
    assert not await store.parked_timers(before="9")


async def test_a_healthy_hub_has_nothing_poisoned(ground: Ground) -> None:
    """Nothing is made by looking."""
    assert list(await ground.store.take_poisoned()) == []


async def test_what_the_host_gave_up_is_taken_with_its_queue_and_forgotten(ground: Ground) -> None:
    """Whatever its text is."""
    bodies = ["1:{}", "é😀", "{not base64 when the host moved it"]
    for body in bodies[:2]:
        await ground.poison(WORK_ITEMS, base64.b64encode(body.encode()).decode())
    await ground.poison(WORK_ITEMS, bodies[2])
    taken = list(await ground.store.take_poisoned())
    assert sorted(poisoned.body for poisoned in taken) == sorted(bodies)
    assert {poisoned.queue for poisoned in taken} == {WORK_ITEMS}
    for poisoned in taken:
        await ground.store.forget_poisoned(poisoned)
        await ground.store.forget_poisoned(poisoned)
    assert list(await ground.store.take_poisoned()) == []
