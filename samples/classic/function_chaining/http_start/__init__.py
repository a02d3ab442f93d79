"""Starts an orchestration. `starter` is the text of the durable client binding."""

import azure.functions as func

import durable.functions as df


async def main(req: func.HttpRequest, starter: str) -> func.HttpResponse:
    """Start the orchestrator named in the route, with the JSON body as its input."""
    client = df.DurableOrchestrationClient(starter)
    instance_id = await client.start_new(
        req.route_params["functionName"], client_input=req.get_json()
    )
    return client.create_check_status_response(req, instance_id)
