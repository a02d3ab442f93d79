"""The route that starts, and how a start is answered: at once, or when the instance has ended."""

import json
from collections.abc import Mapping

from durable.management.exchange import Request, Response
from durable.management.parameters import (
    InvalidRequestError,
    read_json,
    read_seconds,
)
from durable.management.payloads import JSON_HEADERS, check_status_response, status_payload
from durable.management.served import ServedHub
from durable.model.ids import parse_instance_id
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus

WAIT_S_MAX = 200.0
"""Below the 230 seconds after which the platform cuts a request off."""


async def start(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Start an orchestrator with the JSON of the body as its input."""
    name = values["name"]
    if hub.orchestrators is not None and name not in hub.orchestrators:
        known = ", ".join(f"'{one}'" for one in sorted(hub.orchestrators))
        raise InvalidRequestError(
            f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator "
            "function. Additional info: "
            + (
                f"The following are the known orchestrator functions: {known}."
                if known
                else "No orchestrator functions are currently registered!"
            )
        )
    wanted_id = parse_instance_id(values["id"]) if "id" in values else None
    started = await hub.client.start(
        name,
        instance_id=wanted_id,
        input_=read_json(request.body),
        version=request.query_value("version") or None,
    )
    return await answer_start(hub, request, started)


async def answer_start(hub: ServedHub, request: Request, instance_id: str) -> Response:
    """Answer 202 with the links; where `timeout` and `pollingInterval` are given, wait first."""
    timeout_s = read_seconds(request, "timeout")
    poll_s = read_seconds(request, "pollingInterval")
    if timeout_s is not None and poll_s is not None:
        try:
            status = await hub.client.wait_for_completion(
                instance_id, timeout_s=min(timeout_s, WAIT_S_MAX), poll_s=poll_s
            )
        except TimeoutError:
            pass
        else:
            return _ended(status, request)
    return check_status_response(hub.links(request, instance_id))


def _ended(status: OrchestrationStatus, request: Request) -> Response:
    if status.runtime_status is RuntimeStatus.COMPLETED:
        return Response(status=200, headers=JSON_HEADERS, body=status.output or "null")
    is_failure = status.runtime_status is RuntimeStatus.FAILED and request.flag(
        "returnInternalServerErrorOnFailure", default=False
    )
    body = json.dumps(status_payload(status))
    return Response(status=500 if is_failure else 200, headers=JSON_HEADERS, body=body)
