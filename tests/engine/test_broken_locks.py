"""An operator sees who holds an entity, and can break the lock without any harm."""

from datetime import timedelta

import pytest

from durable.model.errors import LockNotHeldError
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration
from tests.engine.test_sections import A, B, hub_of, lock_of, locks


def holds(context: Context) -> Orchestration:
    """Hold two accounts until told, then use one of them."""
    with (yield context.lock([A, B])):
        yield context.wait_for_external_event("go")
        return (yield context.call_entity(A, "add", 1000))


def adds(context: Context) -> Orchestration:
    """Add one, whoever holds the account."""
    return (yield context.call_entity(A, "add", 1))


async def held_hub() -> tuple[Hub, str, str]:
    """Make a hub where one holds and another waits; return their ids, too."""
    hub = hub_of(holds=holds, adds=adds)
    holder = await hub.client.start("holds")
    await hub.run_until(1)
    waiter = await hub.client.start("adds")
    await hub.run_until(2)
    return hub, holder, waiter


async def test_a_broken_lock_lets_others_in() -> None:
    """And what its owner does later is served like anybody's."""
    hub, holder, waiter = await held_hub()
    lock = await lock_of(hub, A)
    assert lock is not None
    assert lock.since - START < timedelta(seconds=1)
    await hub.client.break_lock(A, epoch=lock.epoch, reason="it takes too long")
    await hub.run_until(3)
    assert (await hub.status(waiter)).output == "101"
    await hub.client.raise_event(holder, "go")
    await hub.settle()
    assert (await hub.status(holder)).output == "1101"
    assert not await locks(hub)


async def test_only_the_lock_that_was_meant_is_broken() -> None:
    """One that was released and granted anew meanwhile stays."""
    hub, holder, _ = await held_hub()
    await hub.client.break_lock(A, epoch=1)
    late = [message for message in hub.store.messages if "EntityLockBroken" in message.body]
    bodies = [(message.queue, message.body.replace('"id":"', '"id":"9')) for message in late]
    await hub.client.raise_event(holder, "go")
    await hub.settle()
    again = await hub.client.start("holds")
    await hub.run_until(hub.elapsed_s + 1)
    for queue, body in bodies:
        await hub.take(queue, body)
    lock = await lock_of(hub, A)
    assert lock is not None
    assert lock.epoch == 2
    await hub.client.raise_event(again, "go")
    await hub.settle()
    assert not await locks(hub)


async def test_who_breaks_a_lock_that_is_not_there_is_told() -> None:
    """Nothing is sent."""
    hub, _, _ = await held_hub()
    with pytest.raises(LockNotHeldError, match="epoch"):
        await hub.client.break_lock(A, epoch=7)
