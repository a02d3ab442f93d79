"""A person must answer in time: an event against a timer, three times at most.

A code goes out to a phone; whoever holds the phone sends it back. The text message is a line of the
log here: put your provider's SDK into `send_code`.
"""

import logging
import secrets
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

logger = logging.getLogger(__name__)

ATTEMPTS = 3
SECONDS_TO_ANSWER = 90


@app.orchestration_trigger(context_name="context")
def verify_phone(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Send a code, and tell whether it came back: "verified", "wrong code" or "too late"."""
    request = context.get_input()
    code = yield context.call_activity("send_code", request["phone"])
    seconds = request.get("seconds", SECONDS_TO_ANSWER)
    too_late = context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
    for left in reversed(range(ATTEMPTS)):
        context.set_custom_status({"waitingFor": "CodeEntered", "attemptsLeft": left + 1})
        answer = context.wait_for_external_event("CodeEntered")
        winner = yield context.task_any([answer, too_late])
        if winner is too_late:
            return "too late"
        if answer.result == code:
            too_late.cancel()
            return "verified"
    too_late.cancel()
    return "wrong code"


@app.activity_trigger(input_name="phone")
def send_code(phone: str) -> str:
    """Send a fresh code to a phone. Only an activity may be random: its result is recorded."""
    code = f"{secrets.randbelow(10_000):04}"
    logger.info("Text message to %s: your code is %s", phone, code)
    return code


@app.route(route="verifications", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_verification(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start the verification of a phone."""
    instance_id = await client.start_new("verify_phone", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)
