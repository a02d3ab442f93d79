"""The law of the port: summaries, queues, blobs, and the hub itself."""

import asyncio
import contextlib

import pytest
from store_grounds import Ground, any_instance

from durable.model.ids import InstanceId
from durable.storage.port import (
    TIMERS,
    WORK_ITEMS,
    BlobMissing,
    LostRace,
    TaskHubStore,
    control_queue,
)


async def test_a_summary_is_inserted_once_and_replaced_under_its_etag(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Whoever comes second with what he read first loses, and leaves nothing."""
    assert await store.read_summary(instance_id) is None
    first = await store.write_summary(instance_id, {"RuntimeStatus": "Pending"}, etag=None)
    with pytest.raises(LostRace):
        await store.write_summary(instance_id, {"RuntimeStatus": "Lost"}, etag=None)
    second = await store.write_summary(instance_id, {"RuntimeStatus": "Running"}, etag=first)
    with pytest.raises(LostRace):
        await store.write_summary(instance_id, {"RuntimeStatus": "Lost"}, etag=first)
    summary = await store.read_summary(instance_id)
    assert summary is not None
    assert (summary.columns, summary.etag) == ({"RuntimeStatus": "Running"}, second)


async def test_a_summary_that_is_not_there_cannot_be_replaced(store: TaskHubStore) -> None:
    """An ETag asks for a row."""
    etag = await store.write_summary(any_instance(), {"A": 1}, etag=None)
    with pytest.raises(LostRace):
        await store.write_summary(any_instance(), {"A": 1}, etag=etag)


async def test_a_summary_is_replaced_and_not_merged(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The output of an earlier life does not show in the next one."""
    etag = await store.write_summary(instance_id, {"Output": "1", "Name": "n"}, etag=None)
    await store.write_summary(instance_id, {"Name": "n"}, etag=etag)
    summary = await store.read_summary(instance_id)
    assert summary is not None
    assert summary.columns == {"Name": "n"}


async def test_a_summary_is_no_row_of_the_history(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The projection stands beside the truth."""
    await store.write_summary(instance_id, {"A": 1}, etag=None)
    assert await store.read_sentinel(instance_id) is None


async def test_bodies_arrive_as_they_were_put(ground: Ground) -> None:
    """Any text arrives: marks, line ends, any script, and what looks like XML or base64."""
    bodies = ["1:{}", "<a>&amp;</a>", "AAEC", "Grüße, 世界 🌍\n\r\n\t", "x" * 45 * 1024]
    await ground.bodies(WORK_ITEMS)
    for body in bodies:
        await ground.store.put(WORK_ITEMS, body)
    arrived: list[str] = []
    while len(arrived) < len(bodies):
        more = await ground.delivered(WORK_ITEMS, within_s=0)
        assert more
        arrived += more
    # A text that XML can't carry as it is must not be changed on the way.
    assert sorted(arrived) == sorted(bodies)


@pytest.mark.parametrize("queue", [control_queue(0), WORK_ITEMS, TIMERS])
async def test_every_queue_of_the_hub_takes_messages(ground: Ground, queue: str) -> None:
    """The port names queues without the hub."""
    body = any_instance()
    await ground.store.put(queue, body)
    assert body in await ground.delivered(queue, within_s=0)


async def test_a_delayed_message_is_not_visible_before_its_time(ground: Ground) -> None:
    """It is hidden at first, and arrives when the delay is over."""
    body = any_instance()
    await ground.store.put(TIMERS, body, delay_s=1)
    assert body not in await ground.bodies(TIMERS)
    assert body in await ground.delivered(TIMERS, within_s=1)


async def test_a_buried_body_lies_in_the_poison_queue_and_nowhere_else(ground: Ground) -> None:
    """Also the first one, for which there is no poison queue yet."""
    bodies = [any_instance(), any_instance()]
    for body in bodies:
        await ground.store.bury(WORK_ITEMS, body)
    assert set(bodies) <= set(await ground.buried(WORK_ITEMS))
    assert not set(bodies) & set(await ground.bodies(WORK_ITEMS))


async def test_bodies_buried_at_once_are_all_there(ground: Ground) -> None:
    """Hosts that race to make the poison queue all succeed."""
    bodies = [any_instance() for _ in range(8)]
    await asyncio.gather(*(ground.store.bury(TIMERS, body) for body in bodies))
    assert set(bodies) <= set(await ground.buried(TIMERS))


@pytest.mark.parametrize("text", ["", "null", "Grüße, 世界 🌍", "line\r\nline", "[1]" * 700_000])
async def test_a_blob_holds_any_text(store: TaskHubStore, text: str) -> None:
    """Nothing, any script, and megabytes."""
    name = f"{any_instance()}/text.json.gz"
    await store.put_blob(name, text)
    assert await store.read_blob(name) == text


async def test_a_blob_that_is_not_there_is_missing(store: TaskHubStore) -> None:
    """It is an outcome of its own: no fault, and no empty text."""
    with pytest.raises(BlobMissing):
        await store.read_blob(f"{any_instance()}/nothing.json.gz")


async def test_writing_a_blob_again_is_harmless(store: TaskHubStore) -> None:
    """Whoever does not know whether it is there puts it once more."""
    name = f"{any_instance()}/twice.json.gz"
    await store.put_blob(name, "same")
    await store.put_blob(name, "same")
    assert await store.read_blob(name) == "same"


async def test_deleted_blobs_are_missing_and_missing_ones_do_not_matter(
    store: TaskHubStore,
) -> None:
    """Deletion may be repeated, and touches nothing else."""
    names = [f"{any_instance()}/{n}.json.gz" for n in range(4)]
    for name in names[:3]:
        await store.put_blob(name, name)
    for _ in range(2):
        await store.delete_blobs([names[0], names[1], names[3]])
    await store.delete_blobs([])
    assert await store.read_blob(names[2]) == names[2]
    for name in names[:2]:
        with pytest.raises(BlobMissing):
            await store.read_blob(name)


async def test_creating_a_hub_again_changes_nothing(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Every host creates, at every start."""
    etag = await store.transact(instance_id, [], {"A": 1}, etag=None)
    await asyncio.gather(store.create(), store.create())
    sentinel = await store.read_sentinel(instance_id)
    assert sentinel is not None
    assert sentinel.etag == etag
    assert store.partition_count == 1


async def test_the_management_key_is_one_and_stays(ground: Ground) -> None:
    """Everybody who asks, at once or later, is told the same key."""
    stores = [ground.another() for _ in range(3)]
    keys = await asyncio.gather(*(store.management_key() for store in stores))
    keys.append(await ground.store.management_key())
    assert len(set(keys)) == 1
    assert keys[0]


async def test_closing_twice_is_harmless(ground: Ground) -> None:
    """Shutdown may be asked for more than once."""
    store = ground.another()
    with contextlib.suppress(BlobMissing):
        await store.read_blob("nothing")
    await store.close()
    await store.close()
