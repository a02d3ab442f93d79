"""A host that is scaled in finishes what it holds: nothing is hidden, nothing is unsent."""

import asyncio

from bench.processes import opened, running_host, start_host, until_drained
from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.model.status import RuntimeStatus

INSTANCES = 30


async def test_a_drained_host_leaves_nothing_that_another_must_wait_for(
    azurite_connection: str, hub: str
) -> None:
    """Under the platform's own 10 minutes of visibility the next host completes all at once."""
    leaving = await start_host(azurite_connection, hub)
    async with opened(azurite_connection, hub) as store:
        client = DurableClient(store, SystemEnvironment())
        ids = [await client.start("Sequence", input_=0) for _ in range(INSTANCES)]
        async with asyncio.timeout(60):
            while not any([await _is_completed(client, one) for one in ids]):
                await asyncio.sleep(0.1)
        assert await leaving.stop() == 0
        async with running_host(azurite_connection, hub):
            async with asyncio.timeout(90):
                while not all([await _is_completed(client, one) for one in ids]):
                    await asyncio.sleep(0.2)
            await until_drained(azurite_connection, hub)


async def _is_completed(client: DurableClient, instance_id: str) -> bool:
    status = await client.read_status(instance_id)
    return status is not None and status.runtime_status is RuntimeStatus.COMPLETED
