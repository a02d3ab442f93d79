"""Look again and again until a job is done, or until it takes too long.

Unlike a timer trigger, a monitor belongs to one job, and its interval can change on the way: here
it doubles, up to a minute.
"""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

INTERVAL_S_MAX = 60


@app.orchestration_trigger(context_name="context")
def monitor_job(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Watch one job until its end or ours."""
    wanted = context.get_input()
    job = yield context.call_activity("start_job", wanted["jobSeconds"])
    expires_at = context.current_utc_datetime + timedelta(seconds=wanted["giveUpAfterSeconds"])
    interval_s = wanted["everySeconds"]
    looks = 0
    while context.current_utc_datetime < expires_at:
        looks += 1
        if (yield context.call_activity("is_job_done", job)):
            return "done"
        context.set_custom_status({"looks": looks, "nextInSeconds": interval_s})
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=interval_s))
        interval_s = min(2 * interval_s, INTERVAL_S_MAX)
    return "given up"


@app.activity_trigger(input_name="seconds")
def start_job(seconds: float) -> dict[str, str]:
    """Start a job that takes so long. It stands in for whatever runs elsewhere."""
    return {"readyAt": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}


@app.activity_trigger(input_name="job")
def is_job_done(job: dict[str, str]) -> bool:
    """Ask the job. An activity may read the clock; an orchestrator asks its context."""
    return datetime.now(UTC) >= datetime.fromisoformat(job["readyAt"])


@app.route(route="monitors", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_monitor(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start a monitor."""
    instance_id = await client.start_new("monitor_job", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)
