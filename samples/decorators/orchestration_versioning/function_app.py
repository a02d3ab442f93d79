"""Two versions of one orchestrator in one app: what runs already goes on as it began.

host.json says that new orchestrations are of version 2.0. Those of version 1.0 that were started
before the deployment still take the old branch.
"""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def sell(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Sell something. Since version 2.0 it is wrapped first, and the invoice has a version."""
    item = context.get_input()
    if context.version != "1.0":
        item = yield context.call_activity("wrap", item)
    # A child gets the version that is named, else `defaultVersion`.
    invoice = yield context.call_sub_orchestrator("invoice", item, version=context.version)
    return {"version": context.version, "item": item, "invoice": invoice}


@app.orchestration_trigger(context_name="context")
def invoice(context: df.DurableOrchestrationContext) -> str:
    """Make out an invoice. An orchestrator that waits for nothing needs no `yield`."""
    form = "by letter" if context.version == "1.0" else "by mail"
    return f"invoice for {context.get_input()}, {form}"


@app.activity_trigger(input_name="item")
def wrap(item: str) -> str:
    """Wrap an item."""
    return f"{item} in paper"


@app.route(route="sales/{item}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_sale(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start a sale, of the version in the query if one is there."""
    instance_id = await client.start_new(
        "sell", client_input=req.route_params["item"], version=req.params.get("version")
    )
    return client.create_check_status_response(req, instance_id)
