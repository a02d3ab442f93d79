"""What an engine makes of what a client asks of entities: later signals, clean-ups, locks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from durable.model.entities import EntityLock
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import CleanEntityStorageResult
from durable.model.ids import InstanceId
from durable.model.records import decode_record, encode_record

COUNTER = EntityId("Counter", "a")
KNOWN = InstanceId("@counter@a")


async def value(hub: Any) -> Any:
    """Read the state."""
    entity = await hub.client.read_entity(COUNTER)
    return None if entity is None else entity.value


async def test_a_signal_for_later_is_served_then_and_not_before(hub: Any) -> None:
    """Whatever is served meanwhile; it counts as backlog, so nobody purges the entity."""
    later = hub.environment.now() + timedelta(minutes=5)
    await hub.client.signal_entity(COUNTER, "add", 10, scheduled_time=later)
    await hub.run()
    assert (await hub.client.read_entity(COUNTER, include_transient=True)).backlog == 1
    assert await hub.client.clean_entities() == CleanEntityStorageResult()
    await hub.client.signal_entity(COUNTER, "add", 1)
    await hub.run()
    assert await value(hub) == 1
    hub.environment.moment = later
    await hub.run()
    assert await value(hub) == 11


async def test_an_entity_that_was_cleaned_away_begins_anew_and_knows_old_copies(hub: Any) -> None:
    """A signal is served once, however late its second copy comes, and whatever lay between."""
    await hub.client.signal_entity(COUNTER, "add", 1)
    (first,) = hub.store.messages
    await hub.run()
    await hub.client.signal_entity(COUNTER, "delete")
    await hub.run()
    assert await hub.client.clean_entities() == CleanEntityStorageResult(1, 0)
    assert hub.store.rows.get(KNOWN) == {}
    await hub.store.put(first.queue, first.body)
    await hub.run()
    assert await value(hub) is None
    await hub.client.signal_entity(COUNTER, "add", 5)
    await hub.store.put(first.queue, first.body)
    await hub.run()
    assert await value(hub) == 5
    assert await hub.client.clean_entities() == CleanEntityStorageResult()


async def test_an_entity_of_which_nobody_can_let_go_is_freed_by_a_clean_up(hub: Any) -> None:
    """Its owner is nobody that the hub knows. What has waited is served."""
    await hub.client.signal_entity(COUNTER, "add", 1)
    await hub.run()
    sentinel = hub.store.sentinels[KNOWN]
    record = decode_record(KNOWN, sentinel.columns)
    assert record.entity is not None
    lock = EntityLock(
        owner="life@nobody",
        execution_id="life",
        section_id=0,
        lock_set=(KNOWN,),
        epoch=1,
        since=hub.environment.now(),
    )
    locked = replace(record, entity=replace(record.entity, lock=lock, epoch=1))
    await hub.store.transact(KNOWN, (), encode_record(locked), etag=sentinel.etag)
    await hub.client.signal_entity(COUNTER, "add", 1)
    await hub.run()
    assert await value(hub) == 1
    hub.environment.moment += timedelta(minutes=6)
    assert await hub.client.clean_entities() == CleanEntityStorageResult(0, 1)
    await hub.run()
    entity = await hub.client.read_entity(COUNTER)
    assert (entity.value, entity.locked_by, entity.backlog) == (2, None, 0)


async def test_epochs_of_locks_go_on_behind_a_clean_up(hub: Any) -> None:
    """So who breaks a lock that he saw before can't break one that came since."""
    for instance_id, epoch in (("first", 1), ("second", 2)):
        await hub.client.start("possessive", instance_id=instance_id)
        await hub.run()
        entity = await hub.client.read_entity(COUNTER, include_transient=True)
        assert entity.locked_by.epoch == epoch
        await hub.client.raise_event(instance_id, "Go")
        await hub.run()
        assert await hub.client.clean_entities() == CleanEntityStorageResult(1, 0)
        assert await hub.client.read_entity(COUNTER, include_transient=True) is None
