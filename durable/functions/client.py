"""DurableOrchestrationClient: what a function with `durable_client_input` gets.

Names, defaults, results and error texts are those of azure-functions-durable 1.7, quirk Q2
included: the data of `raise_event` reaches the waiter as JSON text.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func

from durable.client.durable_client import DurableClient
from durable.functions.errors import OrchestratorNotFoundError
from durable.functions.management_http import to_http_response
from durable.functions.status import DurableOrchestrationStatus
from durable.management.payloads import LinkBase, check_status_response, status_payload
from durable.model.errors import (
    InstanceEndedError,
    InstanceNotFoundError,
    InvalidInstanceIdError,
    InvalidPayloadError,
)
from durable.model.ids import parse_instance_id

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHub:
    """A task hub that is there, from a caller's side.

    `orchestrators` are the names that may be started; `None` where another app has the functions.
    """

    client: DurableClient
    link_base: LinkBase
    orchestrators: Collection[str] | None


Reach = Callable[[str | None, str | None], Awaitable[OpenHub]]


class DurableOrchestrationClient:
    """Starts, watches and steers the orchestrations of a task hub."""

    def __init__(self, hub: OpenHub, reach: Reach, *, origin: str) -> None:
        """Call this hub; `reach` opens another one; `origin` is this app's own address."""
        self._hub = hub
        self._reach = reach
        self._origin = origin

    @property
    def task_hub_name(self) -> str:
        """The name of the task hub."""
        return self._hub.link_base.task_hub

    async def start_new(
        self,
        orchestration_function_name: str,
        instance_id: str | None = None,
        client_input: Any | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration and return its instance id.

        Raises `OrchestratorNotFoundError`, `InstanceExistsError` where an instance of that id is
        alive, `InvalidInstanceIdError` or `InvalidPayloadError`.
        """
        known = self._hub.orchestrators
        if known is not None and orchestration_function_name not in known:
            raise OrchestratorNotFoundError(orchestration_function_name, known)
        return await self._hub.client.start(
            orchestration_function_name,
            instance_id=instance_id,
            input_=client_input,
            version=version,
        )

    async def get_status(
        self,
        instance_id: str,
        show_history: bool = False,  # noqa: ARG002, FBT001, FBT002  (1.7's; comes later)
        show_history_output: bool = False,  # noqa: ARG002, FBT001, FBT002
        show_input: bool = False,  # noqa: ARG002, FBT001, FBT002  (quirk Q6: it always comes)
    ) -> DurableOrchestrationStatus:
        """Tell where an instance stands; what is returned is falsy if there is no such instance."""
        try:
            status = await self._hub.client.read_status(parse_instance_id(instance_id))
        except InvalidInstanceIdError:
            return DurableOrchestrationStatus()  # no such instance can exist
        if status is None:
            return DurableOrchestrationStatus()
        return DurableOrchestrationStatus.from_json(status_payload(status))

    async def raise_event(
        self,
        instance_id: str,
        event_name: str,
        event_data: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Send an external event; the waiter gets the data as JSON text, as in 1.7."""
        if event_name == "":
            raise ValueError("event_name must be a non-empty string.")
        try:
            text = json.dumps(event_data)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidPayloadError(
                f"The data of event '{event_name}' can't be written as JSON: {error}"
            ) from error
        hub = self._hub
        if task_hub_name or connection_name:
            hub = await self._reach(task_hub_name, connection_name)
        try:
            await hub.client.raise_event(instance_id, event_name, text)
        except InstanceNotFoundError:
            raise InstanceNotFoundError(f"No instance with ID {instance_id} found.") from None
        except InstanceEndedError:
            raise InstanceEndedError(
                f"Instance with ID {instance_id} is gone: either completed or failed"
            ) from None

    async def terminate(self, instance_id: str, reason: str) -> None:
        """End an instance; `reason` becomes its output. One that has ended is left alone."""
        try:
            await self._hub.client.terminate(instance_id, reason)
        except InstanceEndedError:
            return
        except InstanceNotFoundError:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.") from None

    def create_check_status_response(
        self, request: func.HttpRequest | None, instance_id: str
    ) -> func.HttpResponse:
        """Answer 202 with the links that watch and steer the instance."""
        links = self.get_client_response_links(request, instance_id)
        return to_http_response(check_status_response(links))

    def create_http_management_payload(self, instance_id: str) -> dict[str, str]:
        """Make the links that watch and steer the instance."""
        return self.get_client_response_links(None, instance_id)

    def get_client_response_links(
        self, request: func.HttpRequest | None, instance_id: str
    ) -> dict[str, str]:
        """Make the links, beginning as the address that the request came to does."""
        url = urlsplit(request.url) if request is not None and request.url else None
        if url is not None and url.scheme and url.netloc:
            origin = f"{url.scheme}://{url.netloc}"
        else:
            origin = self._origin
        return self._hub.link_base.links(origin, instance_id)


def own_origin(environment: Mapping[str, str]) -> str:
    """Tell where this app is reached: `WEBSITE_HOSTNAME`, over TLS unless it is this machine."""
    host = environment.get("WEBSITE_HOSTNAME") or "localhost:7071"
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return f"{'http' if name in LOOPBACK else 'https'}://{host}"
