"""What an engine makes of what a client asks: later starts, starts over others, rewinds."""

from datetime import timedelta
from typing import Any

from durable.model.history import ExecutionRewound
from durable.model.queries import ReplaceableStates
from durable.model.status import RuntimeStatus


async def where(hub: Any, instance_id: str) -> RuntimeStatus:
    """Tell where an instance stands."""
    status = await hub.client.read_status(instance_id)
    found: RuntimeStatus = status.runtime_status
    return found


async def test_a_start_for_later_begins_then_and_not_before(hub: Any) -> None:
    """What is said to it before waits with it."""
    later = hub.environment.now() + timedelta(minutes=5)
    await hub.client.start("patient", instance_id="a", start_at=later)
    await hub.client.raise_event("a", "Go", 7)
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.PENDING
    hub.environment.moment = later
    await hub.run()
    assert (await hub.client.read_status("a")).output == "7"


async def test_a_start_for_much_later_comes_with_a_sweep(hub: Any) -> None:
    """From the table of timers into the queue, and then into its execution."""
    later = hub.environment.now() + timedelta(days=400)
    await hub.client.start("hello", instance_id="a", start_at=later)
    await hub.worker.sweep()
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.PENDING
    hub.environment.moment = later
    await hub.worker.sweep()
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.COMPLETED


async def test_a_start_for_later_can_be_terminated_before(hub: Any) -> None:
    """Its message comes in its time and finds that nobody waits for it."""
    later = hub.environment.now() + timedelta(minutes=5)
    await hub.client.start("hello", instance_id="a", start_at=later)
    await hub.client.terminate("a", "no longer needed")
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.TERMINATED
    hub.environment.moment = later
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.TERMINATED
    assert hub.store.messages == []


async def test_any_state_replaces_what_is_alive(hub: Any) -> None:
    """The old one is ended by the engine while the client waits; then the new one runs."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    wait = hub.environment.wait

    async def wait_and_run(delay_s: float) -> None:
        await wait(delay_s)
        await hub.run()

    hub.environment.wait = wait_and_run
    await hub.client.start(
        "hello", instance_id="a", input_="Oslo", replaceable=ReplaceableStates.ANY
    )
    await hub.run()
    assert (await hub.client.read_status("a")).output == '["Hello Oslo!"]'


async def test_a_rewound_instance_does_again_what_failed(hub: Any) -> None:
    """With what failed repaired it completes; its history tells of both."""
    hub.is_broken = True
    await hub.client.start("fragile", instance_id="a", input_=21)
    await hub.run()
    assert await where(hub, "a") is RuntimeStatus.FAILED
    hub.is_broken = False
    await hub.client.rewind("a", "the scales are mended")
    await hub.run()
    assert (await hub.client.read_status("a")).output == "42"
    history = await hub.client.read_history("a")
    assert [fact.reason for fact in history if isinstance(fact, ExecutionRewound)] == [
        "the scales are mended"
    ]
