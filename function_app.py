"""A sample app: three orchestrations and the HTTP function that starts them.

    POST /api/orchestrators/HelloCities     ["Tokyo", "Seattle", "London"]     one after another
    POST /api/orchestrators/WordCount                                          all at once
    POST /api/orchestrators/Approval        60                                 a person, or a timer

The answer holds links: follow `statusQueryGetUri`, or post the event `Approval` (a JSON `true` or
`false`) to `sendEventPostUri`.
"""

import json
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

import durable.functions as df

ROOT = Path(__file__).resolve().parent
CITIES = ["Tokyo", "Seattle", "London"]
APPROVAL_TIMEOUT_S = 3600

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

Orchestration = Generator[Any, Any, Any]


# Chaining: each activity starts when the one before it has returned.


@app.orchestration_trigger(context_name="context", orchestration="HelloCities")
def hello_cities(context: df.DurableOrchestrationContext) -> Orchestration:
    """Greet each city of the input, in order."""
    greetings = []
    for city in context.get_input() or CITIES:
        greeting = yield context.call_activity("Hello", city)
        greetings.append(greeting)
    return greetings


@app.activity_trigger(input_name="city", activity="Hello")
def hello(city: str) -> str:
    """Greet a city."""
    return f"Hello {city}!"


# Fan-out and fan-in: as many activities as there are files, then one sum.


@app.orchestration_trigger(context_name="context", orchestration="WordCount")
def word_count(context: df.DurableOrchestrationContext) -> Orchestration:
    """Count the words of this repository's own prose."""
    files = yield context.call_activity("ListTextFiles")
    counts = yield context.task_all([context.call_activity("CountWords", file) for file in files])
    return {"files": len(files), "words": sum(counts), "longest": _longest(files, counts)}


@app.activity_trigger(input_name="nothing", activity="ListTextFiles")
def list_text_files(nothing: None) -> list[str]:  # noqa: ARG001  (an activity has one input)
    """List the files that may be counted, relative to the app."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


@app.activity_trigger(input_name="file", activity="CountWords")
def count_words(file: str) -> int:
    """Count the words of one file. An input is never trusted to be a path of ours."""
    if file not in list_text_files(None):
        raise ValueError(f"{file!r} is not one of this app's text files.")
    return len((ROOT / file).read_text(encoding="utf-8").split())


def _longest(files: list[str], counts: list[int]) -> str | None:
    return max(zip(counts, files, strict=True))[1] if files else None


# Human interaction: whichever comes first, a person's event or the timer.


@app.orchestration_trigger(context_name="context", orchestration="Approval")
def approval(context: df.DurableOrchestrationContext) -> Orchestration:
    """Wait for the event `Approval`, for as many seconds as the input says."""
    timeout_s = context.get_input()
    if timeout_s is None:
        timeout_s = APPROVAL_TIMEOUT_S
    context.set_custom_status("waiting for the event 'Approval'")
    decision = context.wait_for_external_event("Approval")
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=timeout_s))
    winner = yield context.task_any([decision, timer])
    if winner is timer:
        context.set_custom_status("nobody decided in time")
        return {"approved": False, "decidedBy": "timer"}
    timer.cancel()
    context.set_custom_status("decided")
    return {"approved": decision.result is True, "decidedBy": "event"}


# The door.


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_orchestration(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start an orchestration; the JSON body is its input, `?instanceId=` may name it."""
    try:
        body = req.get_body().decode()
        input_ = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError) as error:
        return _sentence(400, f"The body must be JSON, or empty: {error}")
    try:
        instance_id = await client.start_new(
            req.route_params["functionName"],
            instance_id=req.params.get("instanceId"),
            client_input=input_,
        )
    except df.OrchestratorNotFoundError as error:
        return _sentence(404, str(error))
    except df.InstanceExistsError as error:
        return _sentence(409, str(error))
    except (df.InvalidInstanceIdError, df.InvalidPayloadError) as error:
        return _sentence(400, str(error))
    except df.StorageFault as error:
        return _sentence(503, f"Storage can't be reached at the moment: {error}")
    return client.create_check_status_response(req, instance_id)


def _sentence(status: int, message: str) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps({"message": message}), status_code=status, mimetype="application/json"
    )
