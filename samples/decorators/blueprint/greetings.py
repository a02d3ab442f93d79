"""A blueprint: an orchestrator, its activity and its HTTP function, for any app that takes them."""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

greetings = df.Blueprint()


@greetings.orchestration_trigger(context_name="context")
def greet_all(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[str]]:
    """Greet everybody in the input, in order."""
    said = []
    for name in context.get_input():
        said.append((yield context.call_activity("greet", name)))  # noqa: PERF401  (it yields)
    return said


@greetings.activity_trigger(input_name="name")
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Good morning, {name}."


@greetings.route(route="greetings", methods=["POST"])
@greetings.durable_client_input(client_name="client")
async def start_greetings(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to greet the names in the body."""
    instance_id = await client.start_new("greet_all", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)
