"""Function chaining: three activities, each of which takes what the one before it made."""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def make_title(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Make a title of a line of text."""
    text = context.get_input()
    tidy = yield context.call_activity(tidy_up, text)
    title = yield context.call_activity(capitalise, tidy)
    return (yield context.call_activity(add_full_stop, title))


@app.activity_trigger(input_name="text")
def tidy_up(text: str) -> str:
    """Leave one space between two words, and none around them."""
    return " ".join(text.split())


@app.activity_trigger(input_name="text")
def capitalise(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


@app.activity_trigger(input_name="text")
def add_full_stop(text: str) -> str:
    """End as a sentence does."""
    return text if text.endswith(".") else f"{text}."


@app.route(route="titles", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_title(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to make a title of the JSON string in the body."""
    instance_id = await client.start_new("make_title", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)
