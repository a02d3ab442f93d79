"""Rule K: a storage outage costs time, nothing else."""

import pytest

from durable.engine.settings import EngineSettings
from durable.model.envelopes import decode_message
from durable.model.history import TaskCompleted
from durable.model.status import RuntimeStatus
from durable.storage.port import StorageFault
from tests.engine.hub import Hub, chain, registry_of

PATIENCE_S = EngineSettings().storage_patience_s


async def started_hub() -> Hub:
    """Make a hub with an instance "i" that nobody has taken yet."""
    hub = Hub(registry_of(chain=chain))
    await hub.client.start("chain", instance_id="i", input_=1)
    return hub


def away_for(hub: Hub, seconds: float, *kinds: str) -> None:
    """Take storage away for so long from now on; all of it, or only these kinds of calls."""
    back_at = hub.elapsed_s + seconds
    hub.gate.is_away = lambda kind: (
        hub.elapsed_s < back_at and (not kinds or kind.startswith(kinds))
    )


async def assert_completed(hub: Hub) -> None:
    """The instance has ended well, each activity answered once, nothing is left anywhere."""
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.COMPLETED
    assert status.output == "1"
    assert len(await hub.facts("i", TaskCompleted)) == 2
    assert not hub.store.messages
    assert not hub.store.buried


async def test_a_short_outage_is_waited_out_inside_the_invocation() -> None:
    """The message is not given back, and no attempt of the host's is used up."""
    hub = await started_hub()
    (start,) = hub.store.messages
    away_for(hub, 20)
    await hub.deliver_visible()
    await assert_completed(hub)
    assert 20 <= hub.elapsed_s < 20 + 30
    assert start.dequeue_count == 1


@pytest.mark.parametrize(
    "kind", ["read page", "transact", "put workitems", "put control", "write summary"]
)
async def test_an_outage_of_one_kind_of_call_is_waited_out_too(kind: str) -> None:
    """Wherever in the protocol storage goes away, the instance completes."""
    hub = await started_hub()
    away_for(hub, 20, kind)
    await hub.settle()
    assert hub.gate.refused > 0
    await assert_completed(hub)


async def test_the_waits_grow_so_that_an_outage_is_not_a_storm() -> None:
    """A full patience costs some twenty attempts, not thousands."""
    hub = await started_hub()
    away_for(hub, PATIENCE_S - 20)
    await hub.settle()
    assert 3 < hub.gate.refused < 40
    await assert_completed(hub)


async def test_an_outage_beyond_patience_raises_so_that_the_host_keeps_the_message() -> None:
    """Not even a copy can be put: the host hides the message and delivers it again."""
    hub = await started_hub()
    away_for(hub, 400)
    (received,) = hub.store.receive(count=1, visibility_s=600)
    with pytest.raises(StorageFault):
        await hub.invoke(*received)
    assert PATIENCE_S <= hub.elapsed_s < PATIENCE_S + 60
    assert len(hub.store.messages) == 1
    await hub.settle()
    await assert_completed(hub)


async def test_a_fault_beyond_patience_hands_a_copy_on_and_returns() -> None:
    """Tables are away, queues are not: the copy has the duty, and no dequeue count grows."""
    hub = await started_hub()
    away_for(hub, 400, "read", "transact")
    (received,) = hub.store.receive(count=1, visibility_s=600)
    await hub.invoke(*received)
    (copy,) = hub.store.messages
    assert copy.dequeue_count == 0
    assert copy.visible_at > hub.now()
    assert decode_message(copy.body).again
    assert hub.elapsed_s < 400
    await hub.settle()
    await assert_completed(hub)


async def test_an_outage_while_an_activity_runs_does_not_lose_its_result() -> None:
    """The result is sent when storage is back; the activity is not run again for that."""
    hub = Hub(registry_of(chain=chain))
    runs = 0

    def counts(value: int) -> int:
        nonlocal runs
        runs += 1
        away_for(hub, 60)
        return value

    registry = registry_of(chain=lambda context: (yield context.call_activity("counts", 1)))
    registry.add_activity("counts", counts)
    hub.deploy(registry)
    await hub.client.start("chain", instance_id="i")
    await hub.settle()
    assert (await hub.status("i")).output == "1"
    assert runs == 1
    assert hub.elapsed_s >= 60


async def test_an_outage_is_no_fault_of_any_instance() -> None:
    """Several instances meet it, none fails, is parked or loses anything."""
    hub = Hub(registry_of(chain=chain))
    for number in range(5):
        await hub.client.start("chain", instance_id=f"i{number}", input_=number)
    away_for(hub, 300, "read", "transact")
    await hub.settle()
    for number in range(5):
        assert (await hub.status(f"i{number}")).output == str(number)
    assert not hub.store.buried
