"""Statuses, histories and lists, as a client reads them."""

from datetime import timedelta
from typing import Any

import pytest

from durable.model.errors import InvalidTokenError, PayloadLostError
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import Parent
from durable.model.queries import InstanceFilter
from durable.model.status import RuntimeStatus

LARGE = '"' + "y" * 100_000 + '"'


def call_and_answer(at: Any, result: str = '"out"') -> list[Any]:
    """One activity, called and answered."""
    return [
        TaskScheduled(timestamp=at, event_id=0, name="Greet", input='"to"'),
        TaskCompleted(timestamp=at, task_scheduled_id=0, result=result),
    ]


async def test_a_status_says_all_that_the_record_says(hub: Any) -> None:
    """Version, reason and parent are there for who asks; the history only on request."""
    parent = Parent(
        instance_id=InstanceId("p"), execution_id=ExecutionId("e"), task_id=3, name="outer"
    )
    await hub.write(
        "a",
        RuntimeStatus.SUSPENDED,
        version="2",
        reason="no such code",
        parent=parent.to_json(),
        custom_status="1",
    )
    status = await hub.client.read_status("a")
    assert (status.version, status.reason, status.parent_instance_id) == ("2", "no such code", "p")
    assert (status.input, status.custom_status, status.history) == ('"in"', "1", None)


async def test_a_parent_that_can_not_be_read_hides_no_status(hub: Any) -> None:
    """The column is a text that any tool may have written."""
    await hub.write("a", parent="{")
    assert (await hub.client.read_status("a")).parent_instance_id is None


async def test_a_history_is_that_of_the_running_execution_in_order(hub: Any) -> None:
    """With payloads from blobs, and without what an earlier life left."""
    await hub.write("a", RuntimeStatus.COMPLETED, facts=[])
    at = hub.environment.now()
    await hub.write("a", facts=call_and_answer(at, LARGE), input_=LARGE)
    history = await hub.client.read_history("a")
    assert [type(fact) for fact in history] == [
        OrchestratorStarted,
        ExecutionStarted,
        TaskScheduled,
        TaskCompleted,
        OrchestratorCompleted,
    ]
    assert history[1].input == history[3].result == LARGE


async def test_a_status_shows_of_its_history_what_was_asked_for(hub: Any) -> None:
    """Neither inputs nor results come unasked."""
    await hub.write("a", facts=call_and_answer(hub.environment.now()))

    async def shown(**flags: bool) -> list[str | None]:
        status = await hub.client.read_status("a", show_history=True, **flags)
        _, started, scheduled, completed, _ = status.history
        return [status.input, started.input, scheduled.input, completed.result]

    assert await shown() == ['"in"', '"in"', '"to"', None]
    assert await shown(show_history_output=True) == ['"in"', '"in"', '"to"', '"out"']
    assert await shown(show_input=False) == [None, None, None, None]


async def test_a_pending_instance_has_no_history_yet(hub: Any) -> None:
    """Not even that of the life before."""
    await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.client.start("hello", instance_id="a")
    status = await hub.client.read_status("a", show_history=True)
    assert (status.runtime_status, status.history) == (RuntimeStatus.PENDING, None)
    assert await hub.client.read_history("a") == ()


async def test_a_payload_of_a_history_that_is_gone_is_told(hub: Any) -> None:
    """Somebody deleted a blob from outside: that is no empty history."""
    await hub.write("a", facts=call_and_answer(hub.environment.now(), LARGE))
    hub.store.blobs.clear()
    with pytest.raises(PayloadLostError, match="instance 'a'"):
        await hub.client.read_history("a")


async def test_a_list_goes_through_all_pages(hub: Any) -> None:
    """In the order of ids, whatever the size of the pages."""
    ids = [f"i{n}" for n in range(7)]
    for instance_id in reversed(ids):
        await hub.write(instance_id)
    assert [one.instance_id async for one in hub.client.list_instances()] == ids
    page = await hub.client.list_page(top=3)
    following = await hub.client.list_page(top=3, token=page.token)
    assert [s.instance_id for s in (*page.statuses, *following.statuses)] == ids[:6]
    with pytest.raises(InvalidTokenError):
        await hub.client.list_page(token="nonsense")


async def test_a_list_can_be_narrowed(hub: Any) -> None:
    """By status, creation and the beginning of ids, together."""
    await hub.write("a1", RuntimeStatus.COMPLETED)
    await hub.write("a2", RuntimeStatus.FAILED, after_s=10)
    await hub.write("b3", RuntimeStatus.FAILED, after_s=20)
    at = hub.environment.now()

    async def found(**wanted: Any) -> list[str]:
        instances = hub.client.list_instances(InstanceFilter(**wanted))
        return [one.instance_id async for one in instances]

    failed = frozenset({RuntimeStatus.FAILED})
    assert await found(statuses=failed) == ["a2", "b3"]
    assert await found(statuses=failed, id_prefix="a") == ["a2"]
    assert await found(created_from=at + timedelta(seconds=1)) == ["a2", "b3"]
    assert await found(created_to=at + timedelta(seconds=10)) == ["a1", "a2"]


async def test_a_list_shows_outputs_and_on_request_inputs_however_large(hub: Any) -> None:
    """Of instances that wait, run and have ended."""
    await hub.write("a", input_=LARGE)
    await hub.write("b", RuntimeStatus.COMPLETED, output=LARGE)
    await hub.client.start("hello", instance_id="c", input_=7)
    page = await hub.client.list_page(show_input=True)
    assert [status.input for status in page.statuses] == [LARGE, '"in"', "7"]
    assert [status.output for status in page.statuses] == [None, LARGE, None]
    page = await hub.client.list_page()
    assert [status.input for status in page.statuses] == [None, None, None]


async def test_a_list_shows_no_input_of_another_life(hub: Any) -> None:
    """A row that is behind does not get what was said to the next life."""
    await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.write("a", input_='"next"', is_shown=False)
    (status,) = (await hub.client.list_page(show_input=True)).statuses
    assert (status.runtime_status, status.input) == (RuntimeStatus.COMPLETED, None)


async def test_a_row_that_can_not_be_read_hides_no_other(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another tool's row is left out with a warning."""
    await hub.store.write_summary(InstanceId("odd"), {"RuntimeStatus": "Dreaming"}, etag=None)
    await hub.write("z")
    assert [one.instance_id async for one in hub.client.list_instances()] == ["z"]
    assert "odd" in caplog.text


async def test_events_of_a_history_keep_what_they_brought(hub: Any) -> None:
    """External events are facts like others."""
    at = hub.environment.now()
    await hub.write("a", facts=[EventRaised(timestamp=at, name="Go", input="1", is_quoted=True)])
    event = (await hub.client.read_history("a"))[2]
    assert event == EventRaised(timestamp=at, name="Go", input="1", is_quoted=True)
