"""A counter as an entity: a small state under a name, and operations that run one after another.

However many orchestrations and clients add to one counter at once, no addition is lost: nobody
reads, adds and writes back; each sends what is to be added.
"""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity_trigger(context_name="context")
def Counter(context: df.DurableEntityContext) -> None:  # noqa: N802  (an entity's name is a noun)
    """Serve one operation: `add` a number, `reset`, or `get`. The result is the new value."""
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            value += context.get_input()
        case "reset":
            value = 0
        case "get":
            pass
        case unknown:
            # Who called gets the error; the state stays as it was.
            raise ValueError(f"A counter has no operation '{unknown}'.")
    context.set_state(value)
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def add_all(context: df.DurableOrchestrationContext) -> Generator[Any, Any, int]:
    """Add some numbers to a counter, and return what it says then."""
    order = context.get_input()
    counter = df.EntityId("Counter", order["counter"])
    for number in order["numbers"]:
        # A signal is sent and not waited for.
        context.signal_entity(counter, "add", number)
    # A call waits for its answer. It is served after the signals: they were sent before it.
    return (yield context.call_entity(counter, "get"))


@app.route(route="counters/{key}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_adding(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to add the numbers in the body."""
    order = {"counter": req.route_params["key"], "numbers": req.get_json()}
    instance_id = await client.start_new("add_all", client_input=order)
    return client.create_check_status_response(req, instance_id)


@app.route(route="counters/{key}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read_counter(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Tell what a counter says. A read runs no code of the entity, and waits for nobody."""
    state = await client.read_entity_state(df.EntityId("Counter", req.route_params["key"]))
    if not state.entity_exists:
        return func.HttpResponse("There is no such counter.", status_code=404)
    return func.HttpResponse(str(state.entity_state))


@app.route(route="counters/{key}", methods=["DELETE"])
@app.durable_client_input(client_name="client")
async def reset_counter(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Set a counter to 0, soon. A client can signal; only an orchestration can call."""
    await client.signal_entity(df.EntityId("Counter", req.route_params["key"]), "reset")
    return func.HttpResponse(status_code=202)
