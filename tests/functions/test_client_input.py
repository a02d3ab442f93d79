"""A function with a durable client, as the Functions worker sees it and as it runs."""

from __future__ import annotations

import inspect
import threading
import typing
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

import durable.functions as df

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


async def start(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, context: Unknown
) -> func.HttpResponse:
    """Have only string annotations, one of which is for type checkers alone."""
    return func.HttpResponse(await client.start_new("echoing"))


@pytest.mark.parametrize("is_above", [True, False])
def test_the_worker_sees_the_function_without_its_client(*, is_above: bool) -> None:
    """Parameters and types are those that the host binds, in either order of the decorators."""
    app = df.DFApp()
    trigger = app.route(route="start")
    give = app.durable_client_input(client_name="client")
    built = give(trigger(start)) if is_above else trigger(give(start))
    seen = built.build().get_user_function()
    signature = inspect.signature(seen)
    assert list(signature.parameters) == ["req", "context"]
    assert signature.parameters["req"].annotation is func.HttpRequest
    assert signature.parameters["context"].annotation is inspect.Parameter.empty
    assert typing.get_type_hints(seen) == {
        "req": func.HttpRequest,
        "return": func.HttpResponse,
    }
    assert inspect.iscoroutinefunction(seen)
    assert seen.client_function is start
    assert seen.__name__ == "start"
    assert [binding.type for binding in built.build().get_bindings()] == ["httpTrigger", "http"]


def test_the_users_own_function_keeps_its_annotations() -> None:
    """Unlike 1.7, nothing of the user's is changed."""
    before = dict(start.__annotations__)
    df.DFApp().durable_client_input(client_name="client")(start)
    assert start.__annotations__ == before


async def test_an_async_function_is_awaited_with_its_client(app: df.DFApp, host_of: Any) -> None:
    """The hub is opened before the function runs."""
    app.route(route="start")(app.durable_client_input(client_name="client")(start))
    host = host_of(app)
    function = host.functions["start"]
    response = await function(req=func.HttpRequest("POST", "/", body=b""), context=None)
    [instance_id] = host.store.sentinels
    assert response.get_body().decode() == instance_id


async def test_a_sync_function_runs_in_a_thread(app: df.DFApp, host_of: Any) -> None:
    """A `def` function with a client, which 1.7 could not run, can't stop the event loop."""
    ran_in = []

    def links(req: func.HttpRequest, client: Any) -> func.HttpResponse:
        ran_in.append(threading.current_thread())
        return client.create_check_status_response(req, "a")

    app.route(route="links")(app.durable_client_input(client_name="client")(links))
    response = await host_of(app).request("links")
    assert response.status_code == 202
    assert ran_in != [threading.main_thread()]


async def test_an_activity_may_have_a_client(app: df.DFApp, host_of: Any) -> None:
    """Its one input is still its one parameter."""

    async def launch(client: df.DurableOrchestrationClient, name: str) -> str:
        return await client.start_new(name, instance_id="launched", client_input=7)

    app.activity_trigger(input_name="name")(app.durable_client_input(client_name="client")(launch))

    @app.orchestration_trigger(context_name="context")
    def launching(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity("launch", "echoing"))

    @app.route(route="go")
    @app.durable_client_input(client_name="client")
    async def go(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> Any:
        await client.start_new("launching", instance_id="launching")
        return client

    host = host_of(app)
    client = await host.request("go")
    await host.run()
    assert (await client.get_status("launching")).output == "launched"
    assert (await client.get_status("launched")).output == 7


async def test_a_function_of_a_blueprint_without_an_app_says_what_is_missing() -> None:
    """It has no task hub to talk to."""
    blueprint = df.Blueprint()
    built = blueprint.durable_client_input(client_name="client")(start)
    with pytest.raises(RuntimeError, match="register_functions"):
        await built._function._func(req=None, context=None)
