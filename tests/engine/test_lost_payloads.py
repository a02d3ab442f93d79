"""Blobs that somebody deleted from outside: told plainly, and nothing hangs in silence."""

import pytest

from durable.engine.registry import Registry
from durable.model.errors import PayloadLostError
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage.payloads import PROPERTY_CHARS_MAX
from tests.engine.hub import Context, Hub, Orchestration

INSTANCE = InstanceId("instance")
LARGE = "x" * (2 * PROPERTY_CHARS_MAX)


def twice(context: Context) -> Orchestration:
    """Hand a large text to an activity, then wait."""
    length = yield context.call_activity("length", LARGE)
    yield context.wait_for_external_event("go")
    return [length, len((yield context.call_activity("large")))]


def registry() -> Registry:
    """The functions of these tests."""
    made = Registry()
    made.add_orchestrator("twice", twice)
    made.add_activity("length", len)
    made.add_activity("large", lambda _: LARGE)
    return made


async def test_an_activity_whose_input_is_lost_fails_with_the_reason() -> None:
    """The task is answered; it does not wait for ever."""
    hub = Hub(registry())
    await hub.client.start("twice", instance_id=INSTANCE)
    [(start, receipt)] = hub.store.receive(count=1, visibility_s=600)
    await hub.invoke(start, receipt)
    hub.store.blobs.clear()
    await hub.settle()
    status = await hub.status(INSTANCE)
    assert status.runtime_status is RuntimeStatus.FAILED
    assert "The input of the activity is gone" in (status.output or "")


async def test_an_instance_whose_history_is_lost_is_parked_with_the_reason() -> None:
    """A host that has to replay it says which blob is gone."""
    hub = Hub(registry())
    await hub.client.start("twice", instance_id=INSTANCE)
    await hub.settle()
    hub.store.blobs.clear()
    hub.deploy(registry())
    await hub.client.raise_event(INSTANCE, "go")
    await hub.settle()
    status = await hub.status(INSTANCE)
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert "is gone: blob" in (status.reason or "")
    assert not hub.store.buried


async def test_a_status_whose_payload_is_lost_says_so() -> None:
    """The caller gets a sentence, not a missing-blob error of the store."""
    hub = Hub(registry())
    await hub.client.start("twice", instance_id=INSTANCE, input_=LARGE)
    await hub.settle()
    hub.store.blobs.clear()
    with pytest.raises(PayloadLostError, match="instance"):
        await hub.client.read_status(INSTANCE)
