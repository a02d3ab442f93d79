"""Nothing wears the hub out: activities that kill their process, and timers by the thousand."""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path

from azure.data.tables.aio import TableServiceClient

from bench.processes import APP, Host, opened, running_host, until_drained
from durable.client.durable_client import DurableClient
from durable.devhost.azurite import start_azurite
from durable.engine.environment import SystemEnvironment
from durable.model.ids import InstanceId
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.storage.azure.poison import HIDDEN_S

BESIDE = 20
TIMERS = 2000
# A host.json that says nothing about queues: the platform's own settings.
STOCK = {"version": "2.0", "extensions": {"durableTask": {"hubName": "%TEST_HUB%"}}}


async def test_an_activity_that_ends_its_process_harms_only_its_own_task(
    azurite_connection: str, hub: str, tmp_path: Path
) -> None:
    """Under the stock settings it fails with the reason; 20 orchestrations beside it complete."""
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    (app / "host.json").write_text(json.dumps(STOCK))
    async with (
        running_host(azurite_connection, hub, app=app) as host,
        opened(azurite_connection, hub) as store,
    ):
        # Not through the host's HTTP: a request that is in the worker when it dies is answered 500.
        client = DurableClient(store, SystemEnvironment())
        guilty = await client.start("CallsDie")
        beside = [await client.start("Sequence", input_=0) for _ in range(BESIDE)]
        sweeper = asyncio.create_task(_sweep_often(host))
        try:
            async with asyncio.timeout(300):
                others = [await _end_of(client, one) for one in beside]
                failed = await _end_of(client, guilty)
            # A sweep that died with the process left what it had taken hidden for so long.
            await until_drained(azurite_connection, hub, timeout_s=HIDDEN_S + 30)
        finally:
            sweeper.cancel()
    assert [(status.runtime_status, status.output) for status in others] == [
        (RuntimeStatus.COMPLETED, "5")
    ] * BESIDE
    assert failed.runtime_status is RuntimeStatus.FAILED
    assert "Activity function 'Die' failed: it ended its process" in (failed.output or "")


async def _end_of(client: DurableClient, instance_id: InstanceId) -> OrchestrationStatus:
    """Wait for the end of an instance."""
    while True:
        status = await client.read_status(instance_id)
        if status is not None and status.runtime_status.is_terminal:
            return status
        await asyncio.sleep(0.2)


async def _sweep_often(host: Host) -> None:
    """Ask the host to run the sweep now: every minute by itself is long for a test."""
    while True:
        await host.request("POST", "/admin/functions/durable_sweep", b"{}")
        await asyncio.sleep(3)


async def test_two_thousand_timers_of_one_minute_fire_once_and_none_early(hub: str) -> None:
    """By the clock of storage, which is this machine's; and all of them."""
    with start_azurite() as azurite:
        storage = azurite.connection_string
        async with running_host(storage, hub) as host:
            started = await host.start("ManyNaps", {"count": TIMERS, "after_s": 15})
            links = started.json
            status = await host.follow(links["statusQueryGetUri"], timeout_s=200)
            await until_drained(storage, hub)
        assert status["output"] == TIMERS
        fired: Counter[int] = Counter()
        early = []
        async with TableServiceClient.from_connection_string(storage) as tables:
            rows = tables.get_table_client(f"{hub}History").query_entities(
                "PartitionKey eq @id and EventType eq 'TimerFired'", parameters={"id": links["id"]}
            )
            async for row in rows:
                fired[row["TimerId"]] += 1
                written = row.metadata["timestamp"]
                if written is None or written < row["FireAt"]:
                    early.append((row["TimerId"], written, row["FireAt"]))
    assert not early
    assert fired == Counter(range(TIMERS))
