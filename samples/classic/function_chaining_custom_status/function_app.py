"""A chain that says how far it is: `set_custom_status` between the steps."""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

STEPS = ("mix", "bake", "decorate")


@app.orchestration_trigger(context_name="context")
def make_cake(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Make a cake in three steps, and say before each which one it is."""
    cake = context.get_input()
    for number, step in enumerate(STEPS, start=1):
        context.set_custom_status({"step": step, "number": number, "of": len(STEPS)})
        cake = yield context.call_activity(step, cake)
    context.set_custom_status("ready")
    return cake


@app.activity_trigger(input_name="cake")
def mix(cake: str) -> str:
    """Mix the dough."""
    return f"{cake}, mixed"


@app.activity_trigger(input_name="cake")
def bake(cake: str) -> str:
    """Bake it."""
    return f"{cake}, baked"


@app.activity_trigger(input_name="cake")
def decorate(cake: str) -> str:
    """Decorate it."""
    return f"{cake}, decorated"


@app.route(route="cakes/{kind}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def order_cake(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to make a cake of this kind."""
    instance_id = await client.start_new("make_cake", client_input=req.route_params["kind"])
    return client.create_check_status_response(req, instance_id)
