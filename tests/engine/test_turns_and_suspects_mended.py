"""What a second review found: turns without an end, hangers for ever, and the innocent blamed."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.model.entity_ids import EntityId
from durable.model.envelopes import decode_message, encode_message
from durable.model.errors import InstanceNotRewindableError
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.memory import StoredMessage
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of
from tests.engine.test_deadly_operations import LIST, holds, keeps, state_of, uses
from tests.engine.test_sections import A, B, hub_of, locks

SLOW = EntityId("slow", "1")


async def test_a_turn_that_serves_a_long_queue_goes_on_in_another_invocation() -> None:
    """The host ends each invocation some time; what it has served by then stays."""

    def slow(context: DurableEntityContext) -> None:
        hub.environment.move_to(hub.now() + timedelta(seconds=20))
        context.set_state(context.get_state(lambda: 0) + 1)

    def holds_slow(context: Context) -> Orchestration:
        with (yield context.lock([SLOW])):
            yield context.wait_for_external_event("go")

    registry = registry_of(holds=holds_slow)
    registry.add_entity("slow", slow)
    hub = Hub(registry)
    holder = await hub.client.start("holds")
    await hub.deliver_visible()
    for _ in range(20):
        await hub.client.signal_entity(SLOW, "add")
    await hub.deliver_visible()
    await hub.client.raise_event(holder, "go")
    longest = 0.0
    while received := hub.store.receive(count=1, visibility_s=60):
        begun_at = hub.now()
        await hub.invoke(*received[0])
        longest = max(longest, (hub.now() - begun_at).total_seconds())
    assert 60 < longest <= 100
    record = (await partition.load(hub.store, InstanceId(str(SLOW)))).record
    assert record is not None
    assert record.state == "20"


def good(context: Context) -> Orchestration:
    """Add what harms nobody."""
    return (yield context.call_entity(LIST, "add", 7))


async def deadly_hub() -> tuple[Hub, StoredMessage, str]:
    """Make a hub where an innocent operation waits behind a deadly one; the release is next."""
    registry = registry_of(holds=holds, uses=uses, good=good)
    registry.add_entity("list", keeps)
    hub = Hub(registry)
    holder = await hub.client.start("holds")
    await hub.deliver_visible()
    await hub.client.start("uses")
    await hub.deliver_visible()
    innocent = await hub.client.start("good")
    await hub.deliver_visible()
    await hub.client.raise_event(holder, "go")
    [(event, receipt)] = hub.store.receive(count=1, visibility_s=60)
    await hub.invoke(event, receipt)
    [(release, _)] = hub.store.receive(count=1, visibility_s=6000)
    return hub, release, innocent


async def deliver(hub: Hub, message: StoredMessage, poisonings: int) -> None:
    """Deliver a message that was given up so often."""
    body = encode_message(replace(decode_message(message.body), poisonings=poisonings))
    await hub.take(message.queue, body, dequeue_count=2)


async def test_behind_a_deadly_operation_no_other_is_blamed() -> None:
    """Also where the message that brought it to light comes once more."""
    hub, release, innocent = await deadly_hub()
    for poisonings in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            await deliver(hub, release, poisonings)
    puts = 0

    def away(kind: str) -> bool:
        nonlocal puts
        puts += kind.startswith("put")
        return kind.startswith("put") and puts <= 3

    hub.gate.is_away = away
    await deliver(hub, release, 3)
    await hub.settle()
    assert await state_of(hub) == "[1,7,2]"
    assert (await hub.status(innocent)).runtime_status is RuntimeStatus.COMPLETED


async def test_a_new_message_is_not_blamed_for_what_was_in_the_queue() -> None:
    """It was given up as often as the guilty one, because it came to the same entity."""
    hub, release, _ = await deadly_hub()
    with pytest.raises(KeyboardInterrupt):
        await deliver(hub, release, 2)
    signal = replace(release, body=_signal_of(hub))
    with pytest.raises(KeyboardInterrupt):
        await deliver(hub, signal, 3)
    await deliver(hub, release, 3)
    await deliver(hub, signal, 3)
    await hub.settle()
    assert sorted((await state_of(hub) or "")[1:-1].split(",")) == ["1", "2", "7", "9"]


def _signal_of(hub: Hub) -> str:
    event: dict[str, object] = {"EventType": "EntityOperationSignaled"}
    event |= {"_Timestamp": START.isoformat(), "EventId": -1, "InstanceId": str(LIST)}
    event |= {"Operation": "add", "Input": "9"}
    return "1:" + json.dumps({"to": str(LIST), "event": event, "id": "new"})


async def test_a_lock_reaches_a_live_owner_after_any_standstill() -> None:
    """However old the message is, and whatever else came first when the app was back."""

    def owner(context: Context) -> Orchestration:
        with (yield context.lock([A, B])):
            return (yield context.call_entity(B, "get"))

    hub = hub_of(owner=owner)
    await hub.client.signal_entity(B, "add", 0)
    await hub.deliver_visible()
    instance_id = await hub.client.start("owner")
    for _ in range(2):
        [(message, receipt)] = hub.store.receive(count=1, visibility_s=600)
        await hub.invoke(message, receipt)
    hub.environment.move_to(hub.now() + timedelta(days=8))
    await hub.client.signal_entity(B, "add", 1)
    received = hub.store.receive(count=10, visibility_s=600)
    for message, receipt in sorted(received, key=lambda one: "LockRequested" in one[0].body):
        await hub.invoke(message, receipt)
    await hub.settle()
    assert (await hub.status(instance_id)).output == "101"
    assert not await locks(hub)


async def test_the_echo_of_a_failure_in_a_section_is_not_rewound_either() -> None:
    """A child that can't be rewound answers its rewound parent again, in an episode of its own."""

    def child(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.call_entity(A, "get")
            raise ValueError("in the section")

    def parent(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("child", None, "kid"))

    hub = hub_of(child=child, parent=parent)
    await hub.client.start("parent", instance_id="p")
    await hub.settle()
    for _ in range(2):
        with pytest.raises(InstanceNotRewindableError):
            await hub.client.rewind("kid", "again")
        await hub.client.rewind("p", "again")
        await hub.settle()
        assert (await hub.status("p")).runtime_status is RuntimeStatus.FAILED
        assert (await hub.status("kid")).runtime_status is RuntimeStatus.FAILED
