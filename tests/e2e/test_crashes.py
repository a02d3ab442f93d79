"""Hosts that die and storage that goes away, on real storage and with real processes."""

import asyncio
from collections import Counter
from collections.abc import Callable

from bench.counting_proxy import counting
from bench.processes import Host, opened, running_host, start_host, until_drained
from durable.devhost.azurite import start_azurite
from durable.model.history import TaskCompleted, TaskScheduled
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.azure.hub import AzureStore

INSTANCES = 200
VISIBILITY = {"DURABLE_DEVHOST_VISIBILITY_S": "6"}


async def test_a_killed_host_loses_nothing_and_doubles_nothing(hub: str) -> None:
    """Two hosts run 200 orchestrations of 5 activities; one is killed half way and comes back."""
    with start_azurite() as azurite:
        storage = azurite.connection_string
        async with running_host(storage, hub, environment=VISIBILITY) as stays:
            doomed = await start_host(storage, hub, environment=VISIBILITY)
            ids = [InstanceId(f"orchestration-{number}") for number in range(INSTANCES)]
            await asyncio.gather(*(_start_some(stays, ids[lane::8]) for lane in range(8)))
            async with opened(storage, hub) as store:
                await _until_completed(store, ids, INSTANCES // 4)
                await doomed.kill()
                async with running_host(storage, hub, environment=VISIBILITY):
                    await _until_completed(store, ids, INSTANCES)
                    await until_drained(storage, hub)
                for instance_id in ids:
                    await _assert_answered_once(store, instance_id)


async def _start_some(host: Host, ids: list[InstanceId]) -> None:
    for instance_id in ids:
        started = await host.start("Sequence", 0, instance_id=instance_id)
        assert started.status == 202, started


async def _until_completed(store: AzureStore, ids: list[InstanceId], count: int) -> None:
    """Wait until so many have completed; read each no more once it has."""
    open_ids = set(ids)
    async with asyncio.timeout(240):
        while len(ids) - len(open_ids) < count:
            for instance_id in sorted(open_ids):
                sentinel = await store.read_sentinel(instance_id)
                if sentinel and sentinel.columns["RuntimeStatus"] == RuntimeStatus.COMPLETED.value:
                    open_ids.discard(instance_id)
                if len(ids) - len(open_ids) >= count:
                    return
            await asyncio.sleep(0.2)


async def _assert_answered_once(store: AzureStore, instance_id: InstanceId) -> None:
    snapshot = await partition.load(store, instance_id)
    events = [row.event for row in snapshot.rows]
    scheduled = [event.event_id for event in events if isinstance(event, TaskScheduled)]
    answered = Counter(e.task_scheduled_id for e in events if isinstance(e, TaskCompleted))
    assert scheduled == [0, 1, 2, 3, 4]
    assert answered == Counter(scheduled)
    assert snapshot.record is not None
    assert snapshot.record.output == "5"


async def test_a_fan_in_of_1000_takes_few_table_transactions(
    hub: str, record_property: Callable[[str, object], None]
) -> None:
    """The coalescer commits many completions in one transaction: at most half a one each."""
    width = 1000
    with start_azurite() as azurite:
        direct = azurite.connection_string
        async with counting(direct) as (storage, wire), running_host(storage, hub) as host:
            await host.run("Sequence", 0)
            wire.clear()
            started = await host.start("Fan", width)
            async with opened(direct, hub) as store:
                await _until_completed(store, [InstanceId(started.json["id"])], 1)
            per_completion = wire.tables / width
            status = await host.follow(started.json["statusQueryGetUri"])
            await until_drained(direct, hub)
    assert status["output"] == sum(range(1, width + 1))
    text = f"table transactions per completion in a fan-in of {width}: {per_completion:.3f}"
    record_property("figure", text)
    assert per_completion <= 0.5, text


async def test_storage_that_goes_away_for_20_seconds_costs_time_only(hub: str) -> None:
    """The emulator stands still in the middle of 20 orchestrations; all complete."""
    ids = [InstanceId(f"orchestration-{number}") for number in range(20)]
    with start_azurite() as azurite:
        storage = azurite.connection_string
        async with running_host(storage, hub, environment=VISIBILITY) as host:
            await asyncio.gather(*(_start_some(host, ids[lane::4]) for lane in range(4)))
            async with opened(storage, hub) as store:
                await _until_completed(store, ids, 2)
                azurite.pause()
                try:
                    await asyncio.sleep(20)  # the outage itself, not a wait for something
                finally:
                    azurite.resume()
                await _until_completed(store, ids, len(ids))
                await until_drained(storage, hub)
                for instance_id in ids:
                    await _assert_answered_once(store, instance_id)
