"""Submit a run to a machine-learning service, follow it, and use its result.

The service is `AML_URL`: any that answers as aml_stand_in.py does. The credentials and the SDK of
the real one would go into the three activities; the orchestrator would not change.
"""

import json
import os
import urllib.request
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

REQUEST_S = 30


@app.orchestration_trigger(context_name="context")
def train_and_publish(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Train, wait for the end of the training, publish the model."""
    training = context.get_input()
    run_id = yield context.call_activity("submit_run", training["experiment"])
    while True:
        run = yield context.call_activity("read_run", run_id)
        context.set_custom_status({"run": run_id, "status": run["status"]})
        if run["status"] == "Failed":
            raise RuntimeError(f"Run {run_id} failed: {run['error']}")
        if run["status"] == "Completed":
            break
        pause = timedelta(seconds=training["pollSeconds"])
        yield context.create_timer(context.current_utc_datetime + pause)
    return (yield context.call_activity("publish_model", run["model"]))


@app.activity_trigger(input_name="experiment")
def submit_run(experiment: str) -> str:
    """Submit a run; tells its id."""
    return str(_call("POST", "/runs", {"experiment": experiment})["id"])


@app.activity_trigger(input_name="run_id")
def read_run(run_id: str) -> dict[str, Any]:
    """Ask how a run is getting on."""
    return _call("GET", f"/runs/{run_id}")


@app.activity_trigger(input_name="model")
def publish_model(model: str) -> str:
    """Publish a model; tells where."""
    return str(_call("POST", "/endpoints", {"model": model})["url"])


def _call(method: str, path: str, body: object = None) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["AML_URL"] + path, content, method=method)
    with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:
        result: dict[str, Any] = json.load(answer)
        return result


@app.route(route="trainings", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_training(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start a training."""
    instance_id = await client.start_new("train_and_publish", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)
