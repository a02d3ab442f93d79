"""The client's other methods: lists, purges, suspending, rewinding, restarting, waiting."""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.client_binding import Starter

Status = df.OrchestrationRuntimeStatus


@pytest.fixture
def host(app: df.DFApp, host_of: Any) -> Any:
    """Play the host for the app, which can fail once too."""
    app.activity_trigger(input_name="value", activity="fail_once")(_FailOnce())

    @app.orchestration_trigger(context_name="context")
    def failing(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity("fail_once"))

    return host_of(app)


class _FailOnce:
    """An activity that fails at its first call."""

    __name__ = "fail_once"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, value: object) -> str:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("once")
        return "well"


@pytest.fixture
async def client(host: Any) -> df.DurableOrchestrationClient:
    """Get the app's client."""
    given: df.DurableOrchestrationClient = await host.app._compose().client()
    return given


async def completed(host: Any, client: Any, *instance_ids: str) -> None:
    """Run these to their ends."""
    for instance_id in instance_ids:
        await client.start_new("echoing", instance_id, {"of": instance_id})
    await host.run()


async def test_all_instances_are_listed_however_many(host: Any, client: Any) -> None:
    """1.7 gave the first hundred."""
    ids = [f"i{n:03}" for n in range(105)]
    for instance_id in ids:
        await client.start_new("waiting", instance_id)
    listed = await client.get_status_all()
    assert sorted(status.instance_id for status in listed) == ids
    assert {status.runtime_status for status in listed} == {Status.Pending}


async def test_a_list_takes_the_filters_of_1_7(host: Any, client: Any) -> None:
    """Status, prefix and time of creation; times without a zone are UTC."""
    await completed(host, client, "done-1", "done-2")
    await client.start_new("waiting", "waits")
    await host.run()

    async def ids(**wanted: Any) -> set[str]:
        return {status.instance_id for status in await client.get_status_by(**wanted)}

    assert await ids(runtime_status=[Status.Completed]) == {"done-1", "done-2"}
    assert await ids(runtime_status=[Status.Running, Status.Pending]) == {"waits"}
    assert await ids(instance_id_prefix="done-1") == {"done-1"}
    assert len(await ids(created_time_from=datetime(2020, 1, 1))) == 3  # noqa: DTZ001
    assert await ids(created_time_to=datetime(2020, 1, 1, tzinfo=UTC)) == set()
    [first] = await client.get_status_by(instance_id_prefix="done-1")
    assert first.input_ == first.output == {"of": "done-1"}


async def test_a_list_can_be_read_as_it_is_needed(host: Any, client: Any) -> None:
    """One status after the other, page by page, without inputs if they are not asked for."""
    await completed(host, client, "a", "b")
    seen = [status async for status in client.iterate_status_by(show_input=False)]
    assert sorted(status.instance_id for status in seen) == ["a", "b"]
    assert {status.input_ for status in seen} == {None}


async def test_the_history_is_found_under_both_names(host: Any, client: Any) -> None:
    """1.7 put it where nobody looks (quirk Q5); results only where they are asked for."""
    await completed(host, client, "a")
    plain = await client.get_status("a")
    assert plain.history is None
    shown = await client.get_status("a", show_history=True)
    assert [event["EventType"] for event in shown.history] == [
        "ExecutionStarted",
        "TaskCompleted",
        "ExecutionCompleted",
    ]
    assert shown.historyEvents == shown.history
    assert "Result" not in shown.history[1]
    full = await client.get_status("a", show_history=True, show_history_output=True)
    assert full.history[1]["Result"] == {"of": "a"}


async def test_the_input_is_left_out_only_where_that_is_said(host: Any, client: Any) -> None:
    """`show_input=False` is honoured; saying nothing gives it, as in 1.7 (quirk Q6)."""
    await completed(host, client, "a")
    assert (await client.get_status("a")).input_ == {"of": "a"}
    assert (await client.get_status("a", show_input=True)).input_ == {"of": "a"}
    assert (await client.get_status("a", show_input=False)).input_ is None


async def test_a_purge_tells_how_many_were_deleted(host: Any, client: Any) -> None:
    """An instance that is not there is zero, not an error."""
    await completed(host, client, "a", "b", "c")
    await client.start_new("waiting", "alive")
    await host.run()
    assert (await client.purge_instance_history("a")).instances_deleted == 1
    assert (await client.purge_instance_history("a")).instances_deleted == 0
    assert (await client.purge_instance_history("@no@id")).instances_deleted == 0
    assert not await client.get_status("a")
    with pytest.raises(df.InstanceNotEndedError):
        await client.purge_instance_history("alive")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    purged = await client.purge_instance_history_by(long_ago, None, [Status.Completed])
    assert purged.instances_deleted == 2
    assert [status.instance_id for status in await client.get_status_all()] == ["alive"]


async def test_a_purge_of_many_needs_a_time_to_begin_with(client: Any) -> None:
    """1.7's text."""
    with pytest.raises(ValueError, match="created_time_from is required when purging"):
        await client.purge_instance_history_by(runtime_status=[Status.Completed])


async def test_a_suspended_instance_goes_on_when_it_is_resumed(host: Any, client: Any) -> None:
    """What reaches it meanwhile is kept."""
    await client.start_new("waiting", "a")
    await host.run()
    await client.suspend("a", "let me look")
    await host.run()
    assert (await client.get_status("a")).runtime_status is Status.Suspended
    await client.raise_event("a", "Go", 1)
    await host.run()
    assert (await client.get_status("a")).runtime_status is Status.Suspended
    await client.resume("a", "go on")
    await host.run()
    assert (await client.get_status("a")).output == "1"


async def test_a_failed_instance_can_be_rewound(host: Any, client: Any) -> None:
    """Its failed activity runs again."""
    await client.start_new("failing", "a")
    await host.run()
    assert (await client.get_status("a")).runtime_status is Status.Failed
    await client.rewind("a", "the cause is gone")
    await host.run()
    status = await client.get_status("a")
    assert (status.runtime_status, status.output) == (Status.Completed, "well")
    with pytest.raises(df.InstanceEndedError, match="only supported on failed orchestration"):
        await client.rewind("a", "again")


async def test_a_restart_begins_anew_with_the_same_input(host: Any, client: Any) -> None:
    """Under a new id, or under its own."""
    await completed(host, client, "a")
    new_id = await client.restart("a")
    assert new_id != "a"
    assert await client.restart("a", restart_with_new_instance_id=False) == "a"
    await host.run()
    for instance_id in ("a", new_id):
        assert (await client.get_status(instance_id)).output == {"of": "a"}


CALLS: list[Callable[[Any, str], Awaitable[Any]]] = [
    lambda client, instance_id: client.terminate(instance_id, "r"),
    lambda client, instance_id: client.suspend(instance_id, "r"),
    lambda client, instance_id: client.resume(instance_id, "r"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_what_has_ended_is_left_alone_and_what_never_was_is_named(
    host: Any, client: Any, call: Any
) -> None:
    """1.7's answers to terminate, suspend and resume."""
    await completed(host, client, "ended")
    await call(client, "ended")
    with pytest.raises(df.InstanceNotFoundError, match=r"No instance with ID 'nobody' found\."):
        await call(client, "nobody")


async def test_rewind_and_restart_of_what_never_was_are_errors(client: Any) -> None:
    """1.7's texts, quotes and all."""
    with pytest.raises(df.InstanceNotFoundError, match=r"No instance with ID nobody found\."):
        await client.rewind("nobody", "r")
    with pytest.raises(df.InstanceNotFoundError, match=r"No instance with ID 'nobody' found\."):
        await client.restart("nobody")


async def test_a_start_for_later_waits_for_its_time(host: Any, client: Any) -> None:
    """It is pending until then, and can be terminated."""
    await client.start_new("echoing", "a", 1, start_at=datetime.now(UTC) + timedelta(days=9))
    await host.run()
    assert (await client.get_status("a")).runtime_status is Status.Pending


class HandTime:
    """An environment whose waiting is over at once; `meanwhile` happens then."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Begin at some time."""
        self.time = datetime(2030, 1, 1, tzinfo=UTC)
        self.waits_s: list[float] = []
        self._meanwhile = meanwhile

    def now(self) -> datetime:
        """Tell the time."""
        return self.time

    async def wait(self, delay_s: float) -> None:
        """Let it pass."""
        self.waits_s.append(delay_s)
        self.time += timedelta(seconds=delay_s)
        await self._meanwhile()


def patient(client: Any, time: HandTime) -> df.DurableOrchestrationClient:
    """Give a client this time to wait in."""
    starter = client._starter
    hub = dataclasses.replace(starter.hub, environment=time)
    return df.DurableOrchestrationClient(Starter.of(hub, starter.reach, origin=starter.origin))


REQUEST = func.HttpRequest("POST", "http://localhost:7071/api/x", body=b"")


async def test_a_waiting_answer_is_the_output_as_soon_as_it_is_there(
    host: Any, client: Any
) -> None:
    """200 with the output: text as it is, anything else as JSON."""
    for output in ("text", {"a": 1}):
        instance_id = await client.start_new("echoing", client_input=output)
        time = HandTime(host.run)
        response = await patient(client, time).wait_for_completion_or_create_check_status_response(
            REQUEST, instance_id
        )
        assert (response.status_code, response.mimetype) == (200, "application/json")
        body = response.get_body().decode()
        assert body == (output if isinstance(output, str) else json.dumps(output))
        assert time.waits_s == [1.0]


async def test_a_waiting_answer_becomes_that_of_a_start_when_its_time_is_over(
    host: Any, client: Any
) -> None:
    """202 with the links, after the whole timeout."""
    await client.start_new("waiting", "a")
    time = HandTime(host.run)
    response = await patient(client, time).wait_for_completion_or_create_check_status_response(
        REQUEST, "a", 2500, 1000
    )
    assert response.status_code == 202
    assert json.loads(response.get_body())["id"] == "a"
    assert time.waits_s == [1.0, 1.0, 0.5]
    with pytest.raises(ValueError, match=r"Total timeout 1 \(ms\) should be bigger than retry"):
        await client.wait_for_completion_or_create_check_status_response(REQUEST, "a", 1, 2)


async def test_a_waiting_answer_tells_of_other_ends_too(host: Any, client: Any) -> None:
    """200 with the status of what was terminated, 500 with that of what failed."""
    await client.start_new("failing", "failed")
    await client.start_new("waiting", "ended")
    await host.run()
    await client.terminate("ended", "enough")
    await host.run()
    wait = client.wait_for_completion_or_create_check_status_response
    failed, ended = await wait(REQUEST, "failed"), await wait(REQUEST, "ended")
    assert failed.status_code == 500
    assert json.loads(failed.get_body())["runtimeStatus"] == "Failed"
    assert ended.status_code == 200
    assert json.loads(ended.get_body())["output"] == "enough"
