"""`df.DurableOrchestrationClient(starter)`: the client binding's text, and what is made from it."""

import json
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.models.DurableOrchestrationBindings import DurableOrchestrationBindings

TEXT = json.dumps(
    {
        "taskHubName": "Hub",
        "creationUrls": {"createNewInstancePostUri": "http://host/x"},
        "managementUrls": {
            "id": "INSTANCEID",
            "statusQueryGetUri": "http://host:7071/api/INSTANCEID?code=k",
            "terminatePostUri": "http://host:7071/api/INSTANCEID/terminate?reason={text}&code=k",
        },
        "rpcBaseUrl": "http://host:17071/",
        "more": 1,
    }
)


async def test_the_binding_has_the_members_that_the_extension_gives(
    app: df.DFApp, host_of: Any
) -> None:
    """A classic app may read the text itself."""
    host_of(app)
    starter = await app._compose().starter()
    given = json.loads(starter)
    assert given["taskHubName"] == "Tests"
    assert given["rpcBaseUrl"] == "http://localhost:7071/api/durabletask/"
    assert given["managementUrls"]["id"] == "INSTANCEID"
    assert given["creationUrls"]["createNewInstancePostUri"].startswith(
        "http://localhost:7071/api/durabletask/orchestrators/{functionName}[/{instanceId}]?"
    )
    assert (
        f"?{given['requiredQueryStringParameters']}"
        in (given["managementUrls"]["statusQueryGetUri"])
    )


async def test_a_client_is_made_from_what_the_binding_gave(app: df.DFApp, host_of: Any) -> None:
    """As the first line of every function of a classic app does."""
    host = host_of(app)
    client = df.DurableOrchestrationClient(await app._compose().starter())
    instance_id = await client.start_new("echoing", client_input=3)
    await host.run()
    assert (await client.get_status(instance_id)).output == 3


def test_a_text_alone_makes_links() -> None:
    """Unit tests of 1.7 make clients from text; links need no task hub."""
    client = df.DurableOrchestrationClient(TEXT, "invocation")
    assert client.task_hub_name == "Hub"
    assert client._function_invocation_id == "invocation"
    links = client.create_http_management_payload("a b")
    assert links["id"] == "a b"
    assert links["statusQueryGetUri"] == "http://host:7071/api/a%20b?code=k"
    request = func.HttpRequest("GET", "https://front.example/x", body=b"")
    response = client.create_check_status_response(request, "a")
    assert response.headers["Location"] == "https://front.example/api/a?code=k"
    assert client.create_http_management_payload(request, "a")["id"] == "a"


async def test_a_text_alone_reaches_no_hub_and_says_so() -> None:
    """It was made by hand, or belongs to the Durable extension."""
    client = df.DurableOrchestrationClient(TEXT)
    with pytest.raises(df.NotServedError, match="not the value of a durable client binding"):
        await client.start_new("anything")


def test_a_text_that_is_no_binding_is_refused() -> None:
    """At once, not at the first call."""
    with pytest.raises(ValueError, match="Expecting value"):
        df.DurableOrchestrationClient("starter")


def test_the_binding_reads_as_in_1_7() -> None:
    """Its unknown members are attributes of `client_data`."""
    read = DurableOrchestrationBindings.from_json(TEXT)
    assert (read.task_hub_name, read.rpc_base_url) == ("Hub", "http://host:17071/")
    assert read.creation_urls == {"createNewInstancePostUri": "http://host/x"}
    assert read.management_urls["id"] == "INSTANCEID"
    assert vars(read.client_data)["more"] == 1
