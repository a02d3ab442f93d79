"""One dev host on a hub of its own for each test that asks."""

import uuid
from collections.abc import AsyncIterator

import pytest

from bench.processes import Host, running_host


@pytest.fixture
def hub() -> str:
    """A hub name that nobody else has."""
    return "E2e" + uuid.uuid4().hex[:12]


@pytest.fixture
async def host(azurite_connection: str, hub: str) -> AsyncIterator[Host]:
    """A dev host that runs the test app, with little patience for code that is missing."""
    environment = {"DURABLE_HOLD_SECONDS": "1"}
    async with running_host(azurite_connection, hub, environment=environment) as running:
        yield running
