"""The routes of one instance: `instances/{id}` and what lies below it."""

import json
import re
from collections.abc import Mapping

from durable.management.exchange import Request, Response
from durable.management.parameters import InvalidRequestError, read_json
from durable.management.payloads import (
    ACCEPTED,
    JSON_HEADERS,
    purged_response,
    status_payload,
)
from durable.management.served import ServedHub
from durable.management.starts import answer_start
from durable.model.errors import InstanceNotFoundError
from durable.model.ids import parse_instance_id
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus

POLLING_S = 5


async def read_status(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Tell where an instance stands: 202 with where to look again until it has ended."""
    instance_id = parse_instance_id(values["id"])
    status = await hub.client.read_status(
        instance_id,
        show_input=request.flag("showInput", default=True),
        show_history=request.flag("showHistory", default=False),
        show_history_output=request.flag("showHistoryOutput", default=False),
    )
    if status is None:
        raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
    return status_response(status, request)


def status_response(status: OrchestrationStatus, request: Request) -> Response:
    """Make the answer that tells a status."""
    headers, code = dict(JSON_HEADERS), 200
    if not status.runtime_status.is_terminal:
        code = 202
        headers |= {"Location": request.url, "Retry-After": str(POLLING_S)}
    elif status.runtime_status is RuntimeStatus.FAILED and request.flag(
        "returnInternalServerErrorOnFailure", default=False
    ):
        code = 500
    return Response(status=code, headers=headers, body=json.dumps(status_payload(status)))


async def raise_event(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Send an external event with the JSON of the body."""
    instance_id = parse_instance_id(values["id"])
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequestError("Only application/json request content is supported.")
    # Routers leave an encoded slash as it is; in a name it can only have meant a slash.
    name = re.sub("%2[Ff]", "/", values["name"])
    await hub.client.raise_event(instance_id, name, read_json(request.body))
    return ACCEPTED


async def terminate(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """End an instance and its children."""
    await hub.client.terminate(parse_instance_id(values["id"]), request.query_value("reason"))
    return ACCEPTED


async def suspend(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Suspend an instance; one that is suspended already stays so, which is no error."""
    await hub.client.suspend(parse_instance_id(values["id"]), request.query_value("reason"))
    return ACCEPTED


async def resume(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Resume an instance; one that runs already runs on, which is no error."""
    await hub.client.resume(parse_instance_id(values["id"]), request.query_value("reason"))
    return ACCEPTED


async def rewind(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Let a failed instance go on."""
    await hub.client.rewind(parse_instance_id(values["id"]), request.query_value("reason"))
    return ACCEPTED


async def restart(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Start an instance's orchestrator with its input again, by default under a new id."""
    with_new_id = request.flag("restartWithNewInstanceId", default=True)
    started = await hub.client.restart(parse_instance_id(values["id"]), with_new_id=with_new_id)
    return await answer_start(hub, request, started)


async def purge(hub: ServedHub, _request: Request, values: Mapping[str, str]) -> Response:
    """Delete an ended instance."""
    instance_id = parse_instance_id(values["id"])
    if not await hub.client.purge(instance_id):
        raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
    return purged_response(1)
