"""The law of the port is tried on every store: `ground` is one of them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from store_grounds import AzuriteGround, Ground, MemoryGround, any_instance, hub_on

from durable.model.ids import InstanceId
from durable.storage.port import TaskHubStore


@pytest.fixture(scope="session")
def azurite_hub(azurite_connection: str) -> Iterator[str]:
    """Create one hub on Azurite for all tests; each test has instances of its own."""
    with hub_on(azurite_connection) as task_hub:
        yield task_hub


@pytest.fixture(params=["memory", "azurite"])
def place(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    """Say where the store is: a connection and a hub, or nowhere but in memory.

    Not asynchronous: the hub is created in an event loop of its own.
    """
    if request.param == "memory":
        return None
    connection: str = request.getfixturevalue("azurite_connection")
    hub: str = request.getfixturevalue("azurite_hub")
    return connection, hub


@pytest_asyncio.fixture
async def ground(place: tuple[str, str] | None) -> AsyncIterator[Ground]:
    """Open a store, and the other side of its queues."""
    opened: Ground = MemoryGround() if place is None else AzuriteGround(*place)
    yield opened
    await opened.close()


@pytest.fixture
def store(ground: Ground) -> TaskHubStore:
    """Open a store with the limits of the service."""
    return ground.store


@pytest.fixture
def instance_id() -> InstanceId:
    """Name an instance that no other test has."""
    return any_instance()
