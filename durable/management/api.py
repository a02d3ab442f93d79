"""ManagementApi: answers requests to the management tree of one task hub.

Rule 1. The key is checked before anything else is looked at, in constant time; without it not even
        the existence of a route can be learnt.
Rule 2. Every answer is a value. A caller's fault is 4xx with a sentence; storage that is away is
        503 with `Retry-After`; only a fault of our own is 500, and it is logged with its trace.
"""

import hmac
import logging
from collections.abc import Collection, Mapping

from durable.client.durable_client import DurableClient
from durable.management.exchange import Request, Response
from durable.management.parameters import InvalidRequestError
from durable.management.payloads import LinkBase, error_response
from durable.management.routes import match
from durable.management.served import ServedHub
from durable.model.errors import (
    DurableError,
    EntityInUseError,
    ForeignInstanceError,
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
    InstanceNotRewindableError,
    InvalidInstanceIdError,
    InvalidNameError,
    InvalidPayloadError,
    InvalidTokenError,
    LockNotHeldError,
)
from durable.storage.port import StorageFault

logger = logging.getLogger("durable")

# The host itself takes 100 MB; an event of this size is a mistake that is better told at once.
BODY_BYTES_MAX = 32 * 1024 * 1024
RETRY_S = 5
ROUTE_PREFIX = "api"
CONNECTION_NAME = "AzureWebJobsStorage"

STATUS_OF: Mapping[type[DurableError], int] = {
    InvalidInstanceIdError: 400,
    InvalidNameError: 400,
    InvalidPayloadError: 400,
    InvalidRequestError: 400,
    InvalidTokenError: 400,
    InstanceNotFoundError: 404,
    InstanceExistsError: 409,
    InstanceNotEndedError: 409,
    InstanceNotRewindableError: 409,
    EntityInUseError: 409,
    LockNotHeldError: 409,
    ForeignInstanceError: 409,
    InstanceEndedError: 410,
}


class ManagementApi:
    """The management tree of one task hub, guarded by its key."""

    def __init__(
        self,
        client: DurableClient,
        *,
        task_hub: str,
        key: str,
        route_prefix: str = ROUTE_PREFIX,
        connection_name: str = CONNECTION_NAME,
        orchestrators: Collection[str] | None = None,
        entities: Collection[str] | None = None,
    ) -> None:
        """Answer with what this client sees.

        The prefix and the connection's name are for the links of what is started here. A start of
        what is not among `orchestrators` is refused, if they are given, and so is a signal to what
        is not among `entities` (names in lower case).
        """
        self._hub = ServedHub(
            client=client,
            link_base=LinkBase(
                route_prefix=route_prefix,
                task_hub=task_hub,
                connection_name=connection_name,
                key=key,
            ),
            orchestrators=orchestrators,
            entities=entities,
        )

    async def answer(self, request: Request) -> Response:
        """Answer a request; raises nothing."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = match(request.method, request.path)
        if found is None:
            return Response(status=404)
        try:
            return await found.route.handler(self._hub, request, found.values)
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
        if not hmac.compare_digest(
            shown.encode(errors="replace"), self._hub.link_base.key.encode()
        ):
            return error_response(
                401,
                "The management API needs the task hub's key, as '?code=' or in the header "
                "'x-functions-key'; the links that a client makes carry it.",
            )
        wanted, task_hub = request.query_value("taskHub"), self._hub.link_base.task_hub
        if wanted and wanted.lower() != task_hub.lower():
            return error_response(
                400, f"This app serves the task hub '{task_hub}', not '{wanted}'."
            )
        if len(request.body) > BODY_BYTES_MAX:
            return error_response(
                413,
                f"The body has {len(request.body)} bytes; at most {BODY_BYTES_MAX} are taken. "
                "Put large data in a blob and send its name.",
            )
        return None


def storage_is_away() -> Response:
    """Tell the caller to come back: nothing is lost, storage can't be reached."""
    return error_response(
        503, "Storage can't be reached at the moment; try again.", retry_after_s=RETRY_S
    )
