"""Starts: for later, over what is alive, anew; and what is waited for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.model.envelopes import decode_message
from durable.model.errors import InstanceExistsError
from durable.model.history import ExecutionStarted, ExecutionTerminated
from durable.model.queries import ReplaceableStates
from durable.model.status import RuntimeStatus
from durable.storage.port import TIMERS


def started(hub: Any) -> list[ExecutionStarted]:
    """Read the starts that lie in the queues."""
    return [m.event for m in hub.sent() if isinstance(m.event, ExecutionStarted)]


async def test_a_start_for_soon_waits_in_the_timers_queue(hub: Any) -> None:
    """Not on the control queue, where it would be taken at once; the status says when."""
    later = hub.environment.now() + timedelta(minutes=5)
    await hub.client.start("hello", instance_id="a", start_at=later)
    (message,) = hub.store.messages
    assert (message.queue, message.visible_at) == (TIMERS, later)
    assert started(hub)[0].scheduled_start_time == later
    status = await hub.client.read_status("a")
    assert (status.runtime_status, status.scheduled_at) == (RuntimeStatus.PENDING, later)


async def test_a_start_for_late_waits_in_the_table_of_timers(hub: Any) -> None:
    """A queue holds a message for seven days; and what waits there counts as backlog."""
    later = hub.environment.now() + timedelta(days=400)
    await hub.client.start("hello", instance_id="a", start_at=later)
    assert hub.store.messages == []
    (body,) = hub.store.timers.values()
    assert decode_message(body).event.scheduled_start_time == later  # type: ignore[attr-defined]
    (status,) = [one async for one in hub.client.list_instances()]
    assert (status.instance_id, status.scheduled_at) == ("a", later)


async def test_a_start_for_what_has_passed_is_a_start_for_now(hub: Any) -> None:
    """Its message lies on the control queue."""
    await hub.client.start("hello", start_at=hub.environment.now() - timedelta(seconds=1))
    (message,) = hub.store.messages
    assert message.queue == "control-00"


async def test_a_time_without_a_zone_is_utc(hub: Any) -> None:
    """Nobody's own clock decides."""
    naive = datetime(2030, 1, 1, 12)  # noqa: DTZ001
    await hub.client.start("hello", instance_id="a", start_at=naive)
    status = await hub.client.read_status("a")
    assert status.scheduled_at == naive.replace(tzinfo=UTC)


async def test_a_start_without_a_version_has_the_default_one(hub: Any) -> None:
    """And one that names a version has that."""
    client = DurableClient(hub.store, hub.environment, default_version="2.0")
    await client.start("hello", instance_id="a")
    await client.start("hello", instance_id="b", version="1.0")
    assert [start.version for start in started(hub)] == ["2.0", "1.0"]
    status = await client.read_status("b")
    assert status is not None
    assert status.version == "1.0"


async def test_a_live_instance_is_not_replaced_unless_that_is_asked_for(hub: Any) -> None:
    """`NonRunningStates` is the default; nothing is sent."""
    await hub.write("a")
    with pytest.raises(InstanceExistsError, match="Running"):
        await hub.client.start("hello", instance_id="a")
    assert hub.sent() == []


@pytest.mark.parametrize("is_default", [True, False])
async def test_any_state_ends_a_live_instance_before_it_starts(hub: Any, is_default: bool) -> None:
    """The start is for the generation that follows the life which was ended."""
    ask = ReplaceableStates("AnyState")
    record = await hub.write("a")

    async def end() -> None:
        await hub.write(
            "a", RuntimeStatus.TERMINATED, generation=record.generation, life_id=record.life_id
        )

    hub.environment.on_wait = end
    client = (
        DurableClient(hub.store, hub.environment, replaceable=ask) if is_default else hub.client
    )
    await client.start("hello", instance_id="a", replaceable=None if is_default else ask)
    terminated, start = hub.sent()
    assert isinstance(terminated.event, ExecutionTerminated)
    assert terminated.generation == start.generation == record.generation
    assert start.event.generation == record.generation + 1
    status = await hub.client.read_status("a")
    assert status.runtime_status is RuntimeStatus.PENDING


async def test_any_state_says_if_the_live_instance_does_not_end(hub: Any) -> None:
    """After half a minute; it is told once to end, and nothing is started."""
    await hub.write("a")
    before = hub.environment.now()
    with pytest.raises(InstanceExistsError, match="has not ended within 30 seconds"):
        await hub.client.start("hello", instance_id="a", replaceable=ReplaceableStates.ANY)
    assert hub.environment.now() - before == timedelta(seconds=30)
    assert isinstance(hub.sent_event(), ExecutionTerminated)


async def test_any_state_needs_no_end_where_nothing_is_alive(hub: Any) -> None:
    """What has ended, or never was, is started over at once."""
    await hub.write("a", RuntimeStatus.FAILED)
    for instance_id in ("a", "b"):
        await hub.client.start("hello", instance_id=instance_id, replaceable=ReplaceableStates.ANY)
    assert [start.generation for start in started(hub)] == [2, 1]


@pytest.mark.parametrize("with_new_id", [True, False])
async def test_a_restart_has_the_name_input_and_version_of_the_first(
    hub: Any, with_new_id: bool
) -> None:
    """The input is the very text, however large; the first instance is left as it is, or over."""
    large = '"' + "x" * 100_000 + '"'
    await hub.write("a", RuntimeStatus.COMPLETED, input_=large, version="7")
    restarted = await hub.client.restart("a", with_new_id=with_new_id)
    assert (restarted == "a") is not with_new_id
    assert (started(hub)[0].name, started(hub)[0].version) == ("hello", "7")
    status = await hub.client.read_status(restarted)
    assert (status.input, status.runtime_status) == (large, RuntimeStatus.PENDING)


async def test_a_live_instance_can_be_restarted_only_under_a_new_id(hub: Any) -> None:
    """Else there would be two of one id."""
    await hub.write("a")
    with pytest.raises(InstanceExistsError):
        await hub.client.restart("a", with_new_id=False)
    assert await hub.client.restart("a") != "a"


async def test_a_purged_id_can_be_started_again(hub: Any) -> None:
    """Its tombstone is no instance, but its generation counts."""
    await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.client.purge("a")
    await hub.client.start("hello", instance_id="a")
    assert started(hub)[0].generation == 2
    assert [one.instance_id async for one in hub.client.list_instances()] == ["a"]


async def test_a_completion_is_waited_for(hub: Any) -> None:
    """Until it is there, whichever way it ends; a poll is a point read."""
    record = await hub.write("a")
    polls = 0

    async def poll() -> None:
        nonlocal polls
        polls += 1
        if polls == 3:
            await hub.write("a", RuntimeStatus.FAILED, generation=record.generation)

    hub.environment.on_wait = poll
    status = await hub.client.wait_for_completion("a", timeout_s=60, poll_s=2)
    assert status.runtime_status is RuntimeStatus.FAILED
    assert hub.environment.now() - status.created_at == timedelta(seconds=6)


async def test_a_completion_that_does_not_come_is_a_timeout(hub: Any) -> None:
    """The caller is told where the instance stands; the last poll is at the end of the time."""
    await hub.write("a", RuntimeStatus.SUSPENDED)
    before = hub.environment.now()
    with pytest.raises(TimeoutError, match=r"has not ended within 2\.5 seconds; it is Suspended"):
        await hub.client.wait_for_completion("a", timeout_s=2.5, poll_s=1)
    assert hub.environment.now() - before == timedelta(seconds=2.5)


async def test_a_start_is_waited_for(hub: Any) -> None:
    """Pending is not begun; running is."""
    await hub.client.start("hello", instance_id="a")
    with pytest.raises(TimeoutError, match="has not begun"):
        await hub.client.wait_for_start("a", timeout_s=1)
    await hub.write("b")
    status = await hub.client.wait_for_start("b", timeout_s=1)
    assert status.runtime_status is RuntimeStatus.RUNNING
