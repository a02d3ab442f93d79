"""What the language of programs has no words for, while one storage call goes wrong.

Entities that are deleted, purged and spoken to again; and a lock that an operator breaks while its
owner is inside the section.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.model.entity_ids import EntityId
from durable.model.errors import (
    EntityInUseError,
    InstanceEndedError,
    InstanceExistsError,
    LockNotHeldError,
)
from durable.model.ids import InstanceId
from durable.model.records import decode_record
from durable.replay.context import DurableOrchestrationContext
from durable.testing.simulation.rehearsal import rehearse
from durable.testing.world.world import World

ONE, OTHER = EntityId("account", "one"), EntityId("account", "other")
OWNER = "owner"


class Account:
    """A class entity."""

    def __init__(self) -> None:
        self.balance = 0

    def add(self, amount: int) -> int:
        """Add; too little is refused."""
        if amount < 0 and self.balance + amount < 0:
            self.balance = -1
            raise ValueError("not enough")
        self.balance += amount
        return self.balance


def move(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Move 1 from one account to the other."""
    with (yield context.lock([ONE, OTHER])):
        yield context.call_entity(ONE, "add", -1)
        yield context.call_entity(OTHER, "add", 1)


def hold(context: DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Stay in a section until told."""
    with (yield context.lock([ONE, OTHER])):
        yield context.wait_for_external_event("go")
        yield context.call_entity(ONE, "add", 1)


def registry() -> Registry:
    """Register them."""
    found = Registry()
    found.add_entity("account", Account)
    found.add_orchestrator("move", move)
    found.add_orchestrator("hold", hold)
    return found


def start(name: str) -> Callable[[DurableClient], Awaitable[None]]:
    """Start the owner of the locks; a caller that died may have done so already."""

    async def act(client: DurableClient) -> None:
        with suppress(InstanceExistsError):
            await client.start(name, instance_id=OWNER)

    return act


def signal(operation: str, amount: int | None = None) -> Callable[[DurableClient], Awaitable[None]]:
    """Signal both accounts."""

    async def act(client: DurableClient) -> None:
        for entity in (ONE, OTHER):
            await client.signal_entity(entity, operation, amount)

    return act


async def purge(client: DurableClient) -> None:
    """Purge both accounts. A copy of an old signal may have brought one back."""
    for entity in (ONE, OTHER):
        with suppress(EntityInUseError):
            await client.purge(str(entity))


async def break_lock(client: DurableClient) -> None:
    """Break the first lock of the one account."""
    with suppress(LockNotHeldError):  # it is broken already
        await client.break_lock(ONE, epoch=1)


async def go(client: DurableClient) -> None:
    """Let the owner go on; a caller that died may have done so already."""
    with suppress(InstanceEndedError):
        await client.raise_event(OWNER, "go")


async def purged_and_spoken_to_again(world: World) -> None:
    """Two lives of two accounts, a signal for later in the first."""

    async def signal_later(client: DurableClient) -> None:
        later = world.clock.now() + timedelta(seconds=20)
        await client.signal_entity(ONE, "add", 10, scheduled_time=later)

    for act in (signal("add", 5), signal_later, start("move")):
        await world.as_client(act)
    await world.settle()
    await world.as_client(signal("delete"))
    await world.settle()
    await world.as_client(purge)
    await world.settle()
    await world.as_client(signal("add", 7))


async def broken_by_an_operator(world: World) -> None:
    """What waited behind the lock is served; the late release frees nobody else's."""
    await world.as_client(start("hold"))
    await world.settle()
    await world.as_client(signal("add", 2))
    await world.settle()
    await world.as_client(break_lock)
    await world.settle()
    assert world.store.sentinels[InstanceId(str(OTHER))].columns.get("LockedBy") is not None
    await world.as_client(go)


def at_rest(world: World) -> None:
    """Both are free, and both have a state."""
    for entity in (ONE, OTHER):
        instance_id = InstanceId(str(entity))
        record = decode_record(instance_id, world.store.sentinels[instance_id].columns)
        assert record.entity is not None
        assert record.entity.is_idle
        assert record.has_state


@pytest.mark.parametrize(
    "drive", [purged_and_spoken_to_again, broken_by_an_operator], ids=lambda each: each.__name__
)
def test_entities_survive_every_single_fault(drive: Callable[[World], Awaitable[None]]) -> None:
    """Every seventy-first of them here."""
    assert rehearse(registry(), drive, check=at_rest, every=71).total() > 8
