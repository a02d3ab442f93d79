"""Objects of one's own class as input, argument and result."""

from collections.abc import Generator
from typing import Any

import azure.functions as func
from temperature import Temperature

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def show_in_celsius(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Take an object, give it to an activity, and get another one back."""
    outside: Temperature = context.get_input()
    celsius: Temperature = yield context.call_activity("to_celsius", outside)
    return f"{outside.degrees:g} {outside.unit} is {celsius.degrees:g} {celsius.unit}"


@app.activity_trigger(input_name="temperature")
def to_celsius(temperature: Temperature) -> Temperature:
    """Convert a temperature."""
    if temperature.unit == "C":
        return temperature
    return Temperature((temperature.degrees - 32) * 5 / 9, "C")


@app.route(route="temperatures/{degrees}/{unit}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def convert(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start a conversion of the temperature in the route."""
    given = Temperature(float(req.route_params["degrees"]), req.route_params["unit"])
    instance_id = await client.start_new("show_in_celsius", client_input=given)
    return client.create_check_status_response(req, instance_id)
