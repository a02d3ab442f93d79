"""The function app that is measured: the smallest activities, so that only the engine counts."""

import json
from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

Orchestration = Generator[Any, Any, Any]

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def Sequence(context: df.DurableOrchestrationContext) -> Orchestration:
    """As many activities as the input says, one after another."""
    value = 0
    for _ in range(context.get_input()):
        value = yield context.call_activity("Increment", value)
    return value


@app.orchestration_trigger(context_name="context")
def Fan(context: df.DurableOrchestrationContext) -> Orchestration:
    """As many activities as the input says, at once."""
    tasks = [context.call_activity("Increment", number) for number in range(context.get_input())]
    return sum((yield context.task_all(tasks)))


@app.activity_trigger(input_name="number")
async def Increment(number: int) -> int:
    """Add one."""
    return number + 1


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start an orchestration with the body as its input."""
    instance_id = await client.start_new(
        req.route_params["name"],
        req.params.get("instanceId"),
        json.loads(req.get_body() or b"null"),
    )
    return client.create_check_status_response(req, instance_id)
