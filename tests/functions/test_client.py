"""DurableOrchestrationClient: 1.7's names, values and error texts."""

import json
from typing import Any
from uuid import UUID

import azure.functions as func
import pytest

import durable.functions as df
from durable.storage.memory import MemoryStore


@pytest.fixture
def host(app: df.DFApp, host_of: Any) -> Any:
    """Play the host for the app."""
    return host_of(app)


@pytest.fixture
async def client(host: Any) -> df.DurableOrchestrationClient:
    """Get the app's client."""
    given: df.DurableOrchestrationClient = await host.app._compose().client()
    return given


async def test_an_orchestration_is_started_and_its_status_read(host: Any, client: Any) -> None:
    """The status has 1.7's members, and the input even where it was not asked for (Q6)."""
    instance_id = await client.start_new("echoing", client_input={"a": [1, None]})
    pending = await client.get_status(instance_id)
    assert pending
    assert pending.runtime_status is df.OrchestrationRuntimeStatus.Pending
    await host.run()
    status = await client.get_status(instance_id)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed
    assert (status.name, status.instance_id) == ("echoing", instance_id)
    assert status.input_ == status.output == {"a": [1, None]}
    assert status.custom_status is None
    assert status.history is None
    assert status.created_time <= status.last_updated_time
    assert status.to_json()["runtimeStatus"] == "Completed"


@pytest.mark.parametrize("instance_id", ["nobody", "@entity@a", "a/b", "x" * 300, ""])
async def test_a_missing_instance_has_a_falsy_status(client: Any, instance_id: str) -> None:
    """Neither None nor an error, as in 1.7."""
    status = await client.get_status(instance_id)
    assert isinstance(status, df.DurableOrchestrationStatus)
    assert not status
    assert status.runtime_status is None


async def test_an_unknown_orchestrator_is_refused_with_the_known_ones(client: Any) -> None:
    """Nothing is stored, and the text is the extension's."""
    with pytest.raises(df.OrchestratorNotFoundError) as refused:
        await client.start_new("Nothing", "a")
    assert str(refused.value) == (
        "The function 'Nothing' doesn't exist, is disabled, or is not an orchestrator function. "
        "Additional info: The following are the known orchestrator functions: "
        "'echoing', 'waiting'."
    )
    assert not await client.get_status("a")


async def test_a_function_is_found_by_its_name_in_any_case(app: df.DFApp, host_of: Any) -> None:
    """As in the extension: for clients, over HTTP, for orchestrators. A status has it as asked."""

    @app.orchestration_trigger(context_name="context")
    def calling(context: df.DurableOrchestrationContext) -> Any:
        first = yield context.call_activity("Echo", 1)
        return [first, (yield context.call_sub_orchestrator("Echoing", 2))]

    host = host_of(app)
    client = await app._compose().client()
    await client.start_new("ECHOING", "a", 1)
    await client.start_new("Calling", "b")
    response = await host.request(
        "durable_management", path="orchestrators/ECHOING/c", params={"code": "memory-key"}
    )
    assert response.status_code == 202
    await host.run()
    assert (await client.get_status("a")).name == "ECHOING"
    assert (await client.get_status("b")).output == [1, 2]
    assert (await client.get_status("c")).output is None


async def test_an_instance_id_may_be_a_uuid_or_a_number(host: Any, client: Any) -> None:
    """1.7 puts what it gets into an address."""
    order = UUID(int=7)
    assert await client.start_new("waiting", order) == str(order)
    assert await client.start_new("echoing", 7, "seven") == "7"
    await host.run()
    await client.raise_event(order, "Go", 1)
    await host.run()
    assert (await client.get_status(order)).output == "1"
    assert (await client.get_status(7)).output == "seven"
    assert client.create_http_management_payload(order)["id"] == str(order)
    assert (await client.purge_instance_history(7)).instances_deleted == 1
    assert await client.restart(order, restart_with_new_instance_id=False) == str(order)
    for act in (client.suspend, client.resume, client.terminate):
        await act(order, "why")


async def test_a_live_instance_is_not_replaced_and_a_finished_one_is(
    host: Any, client: Any
) -> None:
    """A duplicate start is refused with the instance's id."""
    await client.start_new("waiting", "a")
    await host.run()
    with pytest.raises(df.InstanceExistsError, match="'a'"):
        await client.start_new("waiting", "a")
    await client.terminate("a", "enough")
    await host.run()
    assert await client.start_new("echoing", "a", 5) == "a"
    await host.run()
    assert (await client.get_status("a")).output == 5


@pytest.mark.parametrize("data", [{"a": 1}, "text", None, 5])
async def test_an_events_data_reaches_the_waiter_as_json_text(
    host: Any, client: Any, data: object
) -> None:
    """1.7's quirk Q2, which orchestrators written for it rely on."""
    await client.start_new("waiting", "a")
    await host.run()
    await client.raise_event("a", "Go", data)
    await host.run()
    assert (await client.get_status("a")).output == json.dumps(data)


async def test_events_that_can_not_be_raised_say_why(host: Any, client: Any) -> None:
    """No name, no instance, an ended one, data without a JSON form: 1.7's texts."""
    with pytest.raises(ValueError, match="non-empty"):
        await client.raise_event("a", "")
    with pytest.raises(df.InstanceNotFoundError, match=r"No instance with ID nobody found\."):
        await client.raise_event("nobody", "Go")
    await client.start_new("echoing", "ended")
    await host.run()
    with pytest.raises(df.InstanceEndedError, match="is gone: either completed or failed"):
        await client.raise_event("ended", "Go")
    with pytest.raises(df.InvalidPayloadError, match="'Go'"):
        await client.raise_event("ended", "Go", object())


async def test_terminating_what_has_ended_is_silent_and_what_never_was_is_an_error(
    host: Any, client: Any
) -> None:
    """Both as in 1.7."""
    await client.start_new("echoing", "ended")
    await host.run()
    await client.terminate("ended", "late")
    with pytest.raises(df.InstanceNotFoundError, match=r"No instance with ID 'nobody' found\."):
        await client.terminate("nobody", "early")


def test_a_status_can_be_made_from_json() -> None:
    """Users' tests do, with the members of the HTTP payload."""
    status = df.DurableOrchestrationStatus.from_json(
        {
            "name": "n",
            "instanceId": "i",
            "createdTime": "2020-01-01T05:00:00Z",
            "lastUpdatedTime": "2020-01-01T05:00:00Z",
            "runtimeStatus": "Failed",
            "historyEvents": [],
        }
    )
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Failed
    assert str(status.runtime_status) == "OrchestrationRuntimeStatus.Failed"
    assert vars(status)["historyEvents"] == []
    assert status.to_json()["createdTime"] == "2020-01-01T05:00:00.000000Z"


async def test_the_check_status_response_is_202_with_links_of_the_requests_origin(
    client: Any,
) -> None:
    """Links begin as the request's address does, else as the app's own."""
    request = func.HttpRequest("POST", "https://front.example:8443/api/x?y=z", body=b"")
    response = client.create_check_status_response(request, "a b")
    links = json.loads(response.get_body())
    assert response.status_code == 202
    assert response.mimetype == "application/json"
    assert response.headers["Retry-After"] == "10"
    assert response.headers["Location"] == links["statusQueryGetUri"]
    assert links["statusQueryGetUri"] == (
        "https://front.example:8443/api/durabletask/instances/a%20b"
        "?taskHub=Tests&connection=AzureWebJobsStorage&code=memory-key"
    )
    own = client.create_http_management_payload("a b")
    assert own["statusQueryGetUri"].startswith("http://localhost:7071/api/durabletask/")
    assert set(own) == set(links)
    assert len(own) == 9


async def test_the_links_lead_to_the_management_function(host: Any, client: Any) -> None:
    """The function behind the links takes their key and answers for the instance."""
    await client.start_new("echoing", "it's", 3)
    await host.run()
    answer = await host.request(
        "durable_management",
        method="GET",
        path="instances/it's",
        params={"code": "memory-key", "taskHub": "Tests"},
    )
    assert answer.status_code == 200
    assert answer.headers.get("Content-Type", answer.mimetype) == "application/json"
    assert json.loads(answer.get_body())["output"] == 3
    refused = await host.request("durable_management", method="GET", path="instances/it's")
    assert refused.status_code == 401


async def test_a_client_of_another_hub_does_not_ask_this_app_for_functions(
    app: df.DFApp, host_of: Any
) -> None:
    """`task_hub` and `connection_name` of the decorator choose the hub, `%SETTING%` included."""
    opened: list[tuple[str, str]] = []

    class Noting(host_of):  # type: ignore[misc]
        def _open(self, settings: Any, **named: Any) -> MemoryStore:
            opened.append((named["task_hub"], named["connection_name"]))
            return MemoryStore(now=lambda: pytest.fail("not asked"), task_hub=named["task_hub"])

    Noting(app)
    client = await app._compose().client("Other", "Elsewhere")
    assert client.task_hub_name == "Other"
    assert opened == [("TestHubName", "AzureWebJobsStorage"), ("Other", "Elsewhere")]
    assert client._hub.orchestrators is None


async def test_a_malformed_message_is_buried_not_raised(host: Any) -> None:
    """The queue functions never fail for what is in a message."""
    for name in ("durable_control_00", "durable_workitems", "durable_timers"):
        assert await host.functions[name](msg=func.QueueMessage(body=b"\xff{")) is None
    assert len(host.store.buried) == 3
