"""ManagementApi: answers requests to the management tree of one task hub.

Rule 1. The key is checked before anything else is looked at, in constant time; without it not even
        the existence of a route can be learnt.
Rule 2. Every answer is a value. A caller's fault is 4xx with a sentence; storage that is away is
        503 with `Retry-After`; only a fault of our own is 500, and it is logged with its trace.
"""

import hmac
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from durable.client.durable_client import DurableClient
from durable.management.exchange import Request, Response
from durable.management.payloads import JSON_HEADERS, error_response, status_payload
from durable.management.routes import Match, Operation, match
from durable.model.errors import (
    DurableError,
    ForeignInstanceError,
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotFoundError,
    InvalidInstanceIdError,
    InvalidPayloadError,
)
from durable.model.ids import parse_instance_id
from durable.model.status import RuntimeStatus
from durable.storage.port import StorageFault

logger = logging.getLogger("durable")

# The host itself takes 100 MB; an event of this size is a mistake that is better told at once.
BODY_BYTES_MAX = 32 * 1024 * 1024
POLLING_S = 5
RETRY_S = 5

STATUS_OF: Mapping[type[DurableError], int] = {
    InvalidInstanceIdError: 400,
    InvalidPayloadError: 400,
    InstanceNotFoundError: 404,
    InstanceExistsError: 409,
    ForeignInstanceError: 409,
    InstanceEndedError: 410,
}


class ManagementApi:
    """The management tree of one task hub, guarded by its key."""

    def __init__(self, client: DurableClient, *, task_hub: str, key: str) -> None:
        """Answer with what this client sees."""
        self._client = client
        self._task_hub = task_hub
        self._key = key.encode()

    async def answer(self, request: Request) -> Response:
        """Answer a request; raises nothing."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = match(request.method, request.path)
        if found is None:
            return Response(status=404)
        try:
            return await self._perform(found, request)
        except DurableError as error:
            status = STATUS_OF.get(type(error), 500)
            if status >= 500:
                logger.exception("%s %s", request.method, request.path)
            return error_response(status, str(error), error=error)
        except StorageFault as fault:
            logger.warning("%s %s: storage is away: %s", request.method, request.path, fault)
            return storage_is_away()
        except Exception as error:
            logger.exception("%s %s", request.method, request.path)
            return error_response(500, "The request could not be answered.", error=error)

    def _refusal(self, request: Request) -> Response | None:
        shown = request.query_value("code") or request.header("x-functions-key") or ""
        if not hmac.compare_digest(shown.encode(errors="replace"), self._key):
            return error_response(
                401,
                "The management API needs the task hub's key, as '?code=' or in the header "
                "'x-functions-key'; the links that a client makes carry it.",
            )
        wanted = request.query_value("taskHub")
        if wanted and wanted.lower() != self._task_hub.lower():
            return error_response(
                400, f"This app serves the task hub '{self._task_hub}', not '{wanted}'."
            )
        if len(request.body) > BODY_BYTES_MAX:
            return error_response(
                413,
                f"The body has {len(request.body)} bytes; at most {BODY_BYTES_MAX} are taken. "
                "Put large data in a blob and send its name.",
            )
        return None

    async def _perform(self, found: Match, request: Request) -> Response:
        if found.route.operation is Operation.NOT_YET:
            return error_response(
                501, f"{found.route.what} is not there yet; it comes with a later version."
            )
        instance_id = parse_instance_id(found.values["id"])
        if found.route.operation is Operation.READ_STATUS:
            return await self._read_status(instance_id, request)
        if found.route.operation is Operation.RAISE_EVENT:
            return await self._raise_event(instance_id, found.values["name"], request)
        await self._client.terminate(instance_id, request.query_value("reason"))
        return Response(status=202)

    async def _read_status(self, instance_id: str, request: Request) -> Response:
        if request.flag("showHistory", default=False):
            return error_response(
                501, "showHistory is not there yet; it comes with a later version. Leave it out."
            )
        show_input = request.flag("showInput", default=True)
        status = await self._client.read_status(instance_id, show_input=show_input)
        if status is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        headers, code = dict(JSON_HEADERS), 200
        if not status.runtime_status.is_terminal:
            code = 202
            headers |= {"Location": request.url, "Retry-After": str(POLLING_S)}
        elif status.runtime_status is RuntimeStatus.FAILED and request.flag(
            "returnInternalServerErrorOnFailure", default=False
        ):
            code = 500
        return Response(status=code, headers=headers, body=json.dumps(status_payload(status)))

    async def _raise_event(self, instance_id: str, name: str, request: Request) -> Response:
        kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return error_response(400, "Only application/json request content is supported.")
        try:
            data = parse_json(request.body)
        except ValueError as error:
            return error_response(400, f"The body is not JSON: {error}", error=error)
        # Routers leave an encoded slash as it is; in a name it can only have meant a slash.
        await self._client.raise_event(instance_id, re.sub("%2[Ff]", "/", name), data)
        return Response(status=202)


def parse_json(body: bytes) -> Any:
    """Read a JSON body, an empty one as `None`, or raise `ValueError` with a reason."""
    text = body.decode("utf-8-sig")  # its errors are ValueErrors
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def storage_is_away() -> Response:
    """Tell the caller to come back: nothing is lost, storage can't be reached."""
    return error_response(
        503, "Storage can't be reached at the moment; try again.", retry_after_s=RETRY_S
    )
