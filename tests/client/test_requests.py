"""What a client asks of an instance that is there, and what it is refused."""

from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.model.errors import (
    InstanceEndedError,
    InstanceNotEndedError,
    InstanceNotFoundError,
    InvalidNameError,
)
from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionSuspended,
    ExecutionTerminated,
)
from durable.model.status import RuntimeStatus

ENDED = [status for status in RuntimeStatus if status.is_terminal]
ALIVE = [status for status in RuntimeStatus if not status.is_terminal]


def asks(client: DurableClient, instance_id: str) -> list[Any]:
    """Make every request that is for a live instance."""
    return [
        client.raise_event(instance_id, "Go", {"a": 1}),
        client.terminate(instance_id, "enough"),
        client.suspend(instance_id, "look"),
        client.resume(instance_id, "go on"),
    ]


@pytest.mark.parametrize("status", ALIVE, ids=str)
async def test_any_live_instance_can_be_asked_anything(hub: Any, status: RuntimeStatus) -> None:
    """Also to suspend what is suspended: an earlier request may still be on its way."""
    record = await hub.write("a", status)
    for request in asks(hub.client, "a"):
        await request
    now = hub.environment.now()
    assert [message.event for message in hub.sent()] == [
        EventRaised(timestamp=now, name="Go", input='{"a":1}'),
        ExecutionTerminated(timestamp=now, input='"enough"', is_recursive=True),
        ExecutionSuspended(timestamp=now, reason="look"),
        ExecutionResumed(timestamp=now, reason="go on"),
    ]
    assert {message.generation for message in hub.sent()} == {record.generation}
    assert len({message.message_id for message in hub.sent()}) == 4


async def test_a_name_or_a_reason_that_no_host_could_read_is_refused(hub: Any) -> None:
    """Nobody would hear of the request: its message would be put aside, unread."""
    await hub.write("a", RuntimeStatus.RUNNING)
    await hub.write("b", RuntimeStatus.FAILED)
    client: Any = hub.client
    for request in (
        client.raise_event("a", 5),
        client.raise_event("a", None),
        client.suspend("a", 5),
        client.resume("a", {"why": 5}),
        client.rewind("b", 5),
        client.start("f", instance_id="c", version=2),
        client.start(5, instance_id="c"),
        client.break_lock("@counter@a", epoch=1, reason=5),
        client.break_lock("@counter@a", epoch="1"),
    ):
        with pytest.raises(TypeError, match=r"is a (string|whole number), not"):
            await request
    for request in (client.raise_event("a", ""), client.suspend("a", "\ud800")):
        with pytest.raises(InvalidNameError):
            await request
    assert hub.sent() == []
    assert await hub.client.read_status("c") is None


@pytest.mark.parametrize("status", ENDED, ids=str)
async def test_what_has_ended_can_be_asked_nothing(hub: Any, status: RuntimeStatus) -> None:
    """The caller is told how it ended."""
    await hub.write("a", status)
    for request in asks(hub.client, "a"):
        with pytest.raises(InstanceEndedError, match=status.value):
            await request
    assert hub.sent() == []


async def test_what_is_not_there_can_be_asked_nothing(hub: Any) -> None:
    """Neither what never was nor what has been purged."""
    await hub.write("purged", RuntimeStatus.COMPLETED)
    assert await hub.client.purge("purged")
    for instance_id in ("nobody", "purged"):
        requests = [
            *asks(hub.client, instance_id),
            hub.client.rewind(instance_id),
            hub.client.restart(instance_id),
            hub.client.read_history(instance_id),
            hub.client.wait_for_completion(instance_id, timeout_s=1),
        ]
        for request in requests:
            with pytest.raises(InstanceNotFoundError, match=f"ID '{instance_id}'"):
                await request
    assert hub.sent() == []


async def test_an_event_can_be_marked_as_quoted(hub: Any) -> None:
    """A client in the manner of 1.7 says so (quirk Q2)."""
    await hub.write("a")
    await hub.client.raise_event("a", "Go", 1, is_quoted=True)
    assert hub.sent_event().is_quoted


async def test_a_termination_can_spare_the_children(hub: Any) -> None:
    """Who asks for the end of one instance may mean that one."""
    await hub.write("a")
    await hub.client.terminate("a", recursive=False)
    assert hub.sent_event() == ExecutionTerminated(
        timestamp=hub.environment.now(), input=None, is_recursive=False
    )


async def test_a_rewind_names_the_failure_that_its_caller_saw(hub: Any) -> None:
    """A later failure is another one; the life is that of the record."""
    record = await hub.write("a", RuntimeStatus.FAILED)
    await hub.client.rewind("a", "fixed")
    (message,) = hub.sent()
    assert message.event == ExecutionRewound(
        timestamp=hub.environment.now(), reason="fixed", voided_episode=record.episode
    )
    assert message.generation == record.generation


@pytest.mark.parametrize(
    "status", [status for status in RuntimeStatus if status is not RuntimeStatus.FAILED], ids=str
)
async def test_only_a_failed_instance_can_be_rewound(hub: Any, status: RuntimeStatus) -> None:
    """What runs is told from what has ended otherwise; nothing is sent."""
    await hub.write("a", status)
    refusal = InstanceEndedError if status.is_terminal else InstanceNotEndedError
    with pytest.raises(refusal, match=f"only supported on failed.*{status.value}"):
        await hub.client.rewind("a")
    assert hub.sent() == []
