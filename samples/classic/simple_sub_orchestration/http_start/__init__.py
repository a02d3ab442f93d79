"""Starts the parent."""

import azure.functions as func

import durable.functions as df


async def main(req: func.HttpRequest, starter: str) -> func.HttpResponse:
    """Plan a trip to the city in the route."""
    client = df.DurableOrchestrationClient(starter)
    instance_id = await client.start_new("plan_trip", client_input=req.route_params["city"])
    return client.create_check_status_response(req, instance_id)
