"""Entities on a hub: operations are serial, once, in order, and undone where they fail."""

import json
from datetime import timedelta
from typing import Any

from durable.engine.entity_context import DurableEntityContext
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.codec import BLOB_SUFFIX
from durable.model.entities import EntityRecord
from durable.model.entity_ids import EntityId
from durable.model.envelopes import encode_message
from durable.model.history import EntityBatchCompleted, EntityOperationSignaled
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import encode_record
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.payloads import fetch_record
from durable.storage.sending import queue_of
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of

A, B = EntityId("Account", "a"), EntityId("Account", "b")


def account(context: DurableEntityContext) -> None:
    """Add up amounts; list what came; pass on; fail."""
    taken = context.get_state(list)
    value = context.get_input()
    match context.operation_name:
        case "add":
            context.set_state([*taken, value])
            context.set_result(len(taken) + 1)
        case "fail":
            context.set_state("broken")
            context.signal_entity(B, "add", value)
            raise ValueError(f"no {value}")
        case "pass_on":
            context.set_state([*taken, value])
            context.signal_entity(B, "add", value)
        case "again":
            if value:
                context.signal_entity(context.entity_id, "again", value - 1)
            context.set_state([*taken, value])
        case "begin":
            context.set_result(context.start_new_orchestration("echoes", value))
        case "large":
            context.set_state("x" * value)
        case "delete":
            context.destruct_on_exit()
        case "get":
            context.set_result(taken)


def hub_of(**orchestrators: Any) -> Hub:
    """Make a hub with accounts and these orchestrators."""
    registry = registry_of(**orchestrators)
    registry.add_entity("Account", account)
    return Hub(registry)


async def record_of(hub: Hub, entity_id: EntityId) -> InstanceRecord:
    """Load an entity's record, with its state."""
    snapshot = await partition.load(hub.store, InstanceId(str(entity_id)))
    assert snapshot.record is not None
    return await fetch_record(hub.store, snapshot.record)


async def state_of(hub: Hub, entity_id: EntityId) -> str | None:
    """Load an entity's state."""
    return (await record_of(hub, entity_id)).state


async def end_of(hub: Hub, name: str, input_: Any = None) -> Any:
    """Run an orchestration to its end and return its output, or its status if it has not ended."""
    instance_id = await hub.client.start(name, input_=input_)
    await hub.settle()
    status = await hub.status(instance_id)
    return json.loads(status.output or "null") if status.runtime_status.is_terminal else status


async def test_signals_and_a_call_of_one_orchestration_are_served_in_order() -> None:
    """G2: the call sees all that was signaled before it."""

    def signals(context: Context) -> Orchestration:
        for n in range(30):
            context.signal_entity(A, "add", n)
        return (yield context.call_entity(A, "get"))

    hub = hub_of(signals=signals)
    assert await end_of(hub, "signals") == list(range(30))


async def test_a_call_gives_its_result_to_its_task() -> None:
    """G5."""

    def calls(context: Context) -> Orchestration:
        tasks = [context.call_entity(A, "add", 1), context.call_entity(B, "add", 1)]
        first = yield context.task_all(tasks)
        second = yield context.call_entity(A, "add", 2)
        return [*first, second]

    assert await end_of(hub_of(calls=calls), "calls") == [1, 1, 2]


async def test_a_failed_operation_is_undone_and_tells_its_caller() -> None:
    """G5, G6: state and signals of the one that failed, and of no other in the batch."""

    def calls(context: Context) -> Orchestration:
        context.signal_entity(A, "pass_on", 1)
        failing = context.call_entity(A, "fail", 2)
        context.signal_entity(A, "pass_on", 3)
        try:
            yield failing
        except Exception as error:  # noqa: BLE001
            return str(error)

    hub = hub_of(calls=calls)
    told = await end_of(hub, "calls")
    assert "no 2" in told
    assert await state_of(hub, A) == "[1,3]"
    assert await state_of(hub, B) == "[1,3]"


async def test_an_entity_signals_itself_and_starts_orchestrations() -> None:
    """G7."""

    def begins(context: Context) -> Orchestration:
        context.signal_entity(A, "again", 5)
        return (yield context.call_entity(B, "begin", "hello"))

    def echoes(context: Context) -> Orchestration:
        yield context.create_timer(context.current_utc_datetime)
        return context.get_input()

    hub = hub_of(begins=begins, echoes=echoes)
    begun = await end_of(hub, "begins")
    assert (await hub.status(begun)).output == '"hello"'
    assert await state_of(hub, A) == "[5,4,3,2,1,0]"


async def test_a_signal_for_later_is_served_then_and_not_before() -> None:
    """G3; and what was sent after it may overtake it."""

    def signals(context: Context) -> Orchestration:
        due = context.current_utc_datetime + timedelta(seconds=100)
        context.signal_entity(A, "add", "late", scheduled_time=due)
        return (yield context.call_entity(A, "add", "early"))

    hub = hub_of(signals=signals)
    await hub.client.start("signals")
    await hub.run_until(99)
    assert await state_of(hub, A) == '["early"]'
    assert (await record_of(hub, A)).entity.scheduled  # type: ignore[union-attr]
    await hub.run_until(101)
    assert await state_of(hub, A) == '["early","late"]'
    assert (await record_of(hub, A)).entity == EntityRecord(
        next_place=1, last_operation_at=(await record_of(hub, A)).updated_at
    )


async def test_a_clients_signal_counts_once_however_often_it_comes() -> None:
    """G4: until a week of the entity's own time has gone by."""
    hub = hub_of()
    signal = TaskMessage(
        instance_id=InstanceId(str(A)),
        event=EntityOperationSignaled(
            timestamp=START, instance_id=str(A), operation="add", input="1"
        ),
        message_id="m",
    )
    body = encode_message(signal)
    for count in (1, 1, 2):
        await hub.take(queue_of(hub.store, signal), body, dequeue_count=count)
    assert await state_of(hub, A) == "[1]"


async def test_a_large_state_lies_in_a_blob_which_goes_with_it() -> None:
    """The record names it; the blob of the state before is deleted."""

    def grows(context: Context) -> Orchestration:
        for size in (100_000, 200_000):
            yield context.call_entity(A, "large", size)
        return (yield context.call_entity(A, "get"))

    hub = hub_of(grows=grows)
    assert len(await end_of(hub, "grows")) == 200_000
    columns = encode_record((await partition.load(hub.store, InstanceId(str(A)))).record)  # type: ignore[arg-type]
    assert "State" not in columns
    assert "State" + BLOB_SUFFIX in columns
    assert len([name for name in hub.store.blobs if "state" in name]) == 1


async def test_a_deleted_entity_is_there_again_when_it_is_spoken_to() -> None:
    """G7: with its default state, and it knows what it has had."""

    def deletes(context: Context) -> Orchestration:
        yield context.call_entity(A, "add", 1)
        yield context.call_entity(A, "delete")
        return (yield context.call_entity(A, "get"))

    hub = hub_of(deletes=deletes)
    assert await end_of(hub, "deletes") == []
    assert not (await record_of(hub, A)).has_state


async def test_a_batch_is_one_commit_and_says_what_it_served() -> None:
    """G8; the history tells in order whose operations they were."""

    def signals(context: Context) -> Orchestration:
        for n in range(50):
            context.signal_entity(A, "add", n)
        yield context.create_timer(context.current_utc_datetime)

    hub = hub_of(signals=signals)
    await end_of(hub, "signals")
    batches = await hub.facts(str(A), EntityBatchCompleted)
    assert 1 <= len(batches) < 50
    assert (await record_of(hub, A)).status is RuntimeStatus.RUNNING


def test_the_registry_knows_entities_in_any_case() -> None:
    """As their instance ids say the name in lower case."""
    registry = Registry()
    registry.add_entity("Account", account)
    assert list(registry.entities) == ["account"]


async def test_a_purged_entity_goes_on_where_it_was() -> None:
    """G7: to its senders and receivers it was never away."""

    def passes_on(context: Context) -> Orchestration:
        yield context.call_entity(A, "pass_on", 1)
        yield context.call_entity(A, "delete")
        yield context.wait_for_external_event("purged")
        yield context.call_entity(A, "pass_on", 2)
        return (yield context.call_entity(A, "get"))

    hub = hub_of(passes_on=passes_on)
    instance_id = await hub.client.start("passes_on")
    await hub.deliver_visible()
    cleaned = await hub.client.clean_entities()
    assert cleaned.number_of_empty_entities_removed == 1
    assert (await record_of(hub, A)).is_purged
    await hub.client.raise_event(instance_id, "purged")
    await hub.settle()
    assert (await hub.status(instance_id)).output == "[2]"
    assert await state_of(hub, B) == "[1,2]"


async def test_more_than_a_batch_holds_is_served_in_rounds() -> None:
    """What waits behind a lock is served without anything more coming."""

    def holds(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.wait_for_external_event("go")

    def signals(context: Context) -> Orchestration:
        for n in range(10):
            context.signal_entity(A, "add", n)
        yield context.create_timer(context.current_utc_datetime)

    registry = registry_of(holds=holds, signals=signals)
    registry.add_entity("Account", account)
    hub = Hub(registry, settings=EngineSettings(entity_batch_max=3))
    holder = await hub.client.start("holds")
    await hub.deliver_visible()
    await hub.client.start("signals")
    await hub.deliver_visible()
    assert len((await record_of(hub, A)).entity.waiting) == 10  # type: ignore[union-attr]
    await hub.client.raise_event(holder, "go")
    await hub.settle()
    assert await state_of(hub, A) == str(list(range(10))).replace(" ", "")
    assert not (await record_of(hub, A)).entity.waiting  # type: ignore[union-attr]


async def test_a_place_in_the_queue_is_never_given_twice() -> None:
    """Who deletes a row late, or has left a torn one, must not touch what came since."""

    def holds(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.wait_for_external_event("go")

    def signals(context: Context) -> Orchestration:
        for n in range(5):
            context.signal_entity(A, "add", n)
        yield context.create_timer(context.current_utc_datetime)

    hub = hub_of(holds=holds, signals=signals)
    places: list[frozenset[int]] = []
    for _ in range(2):
        holder = await hub.client.start("holds")
        await hub.deliver_visible()
        await hub.client.start("signals")
        await hub.deliver_visible()
        entity = (await record_of(hub, A)).entity
        assert entity is not None
        places.append(entity.waiting)
        await hub.client.raise_event(holder, "go")
        await hub.deliver_visible()
    first, second = places
    assert len(first) == len(second) == 5
    assert not first & second
