"""DurableOrchestrationClient: what a function with `durable_client_input` gets.

Names, defaults, results and error texts are those of azure-functions-durable 1.7; what it lacks is
added as keyword-only parameters and as methods of other names. Quirks kept: an event's data reaches
a waiter that names no type as JSON text (Q2), and the status has the input unless it is refused
with `show_input=False` (Q6). docs/compatibility.md has the rest.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func

from durable.functions.client_answers import (
    filled_in,
    final_response,
    id_text,
    in_words,
    instance_filter,
)
from durable.functions.client_binding import DurableOrchestrationBindings, OpenHub, Starter
from durable.functions.entity_client import EntityClient
from durable.functions.errors import NotServedError, OrchestratorNotFoundError
from durable.functions.management_http import to_http_response
from durable.functions.purge_result import PurgeHistoryResult
from durable.functions.status import DurableOrchestrationStatus, OrchestrationRuntimeStatus
from durable.management.payloads import check_status_response, status_payload
from durable.model.errors import InstanceNotFoundError, InvalidInstanceIdError
from durable.model.ids import parse_instance_id
from durable.model.queries import ReplaceableStates

Statuses = Sequence[OrchestrationRuntimeStatus]


class DurableOrchestrationClient(EntityClient):
    """Starts, watches and steers the orchestrations of a task hub, and speaks to its entities."""

    def __init__(self, context: str, function_invocation_id: str | None = None) -> None:
        """Take what the durable client binding gave: a text, of which `Starter` knows more.

        Raises `ValueError` for another text.
        """
        self._orchestration_bindings = DurableOrchestrationBindings.from_json(context)
        self._starter = context if isinstance(context, Starter) else None
        self._function_invocation_id = function_invocation_id

    @property
    def task_hub_name(self) -> str:
        """The name of the task hub."""
        return self._orchestration_bindings.task_hub_name

    # ---------------------------------------------------------------------------------- starting

    async def start_new(
        self,
        orchestration_function_name: str,
        instance_id: str | None = None,
        client_input: Any | None = None,
        version: str | None = None,
        *,
        start_at: datetime | None = None,
        replaceable: ReplaceableStates | None = None,
    ) -> str:
        """Start an orchestration and return its instance id.

        `start_at` is when it may begin (UTC where it has no zone). `replaceable` says which
        instance of that id may be replaced; host.json's `overridableExistingInstanceStates` where
        it is left out. Raises `OrchestratorNotFoundError`, `InstanceExistsError` where an instance
        of that id may not be replaced, `InvalidInstanceIdError` or `InvalidPayloadError`.
        """
        hub = self._hub
        if hub.orchestrators is not None and orchestration_function_name not in hub.orchestrators:
            raise OrchestratorNotFoundError(orchestration_function_name, hub.orchestrators)
        return await hub.client.start(
            orchestration_function_name,
            instance_id=id_text(instance_id),
            input_=client_input,
            version=version,
            start_at=start_at,
            replaceable=replaceable,
        )

    async def restart(self, instance_id: str, restart_with_new_instance_id: bool = True) -> str:  # noqa: FBT001, FBT002
        """Start the orchestration again with its first input; returns the new run's instance id."""
        try:
            return await self._hub.client.restart(
                id_text(instance_id), with_new_id=restart_with_new_instance_id
            )
        except InstanceNotFoundError:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.") from None

    # ---------------------------------------------------------------------------------- watching

    async def get_status(
        self,
        instance_id: str,
        show_history: bool = False,  # noqa: FBT001, FBT002  (1.7's)
        show_history_output: bool = False,  # noqa: FBT001, FBT002
        show_input: bool | None = None,  # noqa: FBT001
    ) -> DurableOrchestrationStatus:
        """Tell where an instance stands; what is returned is falsy if there is no such instance.

        The input is left out only where `show_input` is `False`: 1.7 always gave it (Q6).
        """
        try:
            status = await self._hub.client.read_status(
                parse_instance_id(id_text(instance_id)),
                show_input=show_input is not False,
                show_history=show_history,
                show_history_output=show_history_output,
            )
        except InvalidInstanceIdError:
            return DurableOrchestrationStatus()  # no such instance can exist
        if status is None:
            return DurableOrchestrationStatus()
        return DurableOrchestrationStatus.from_json(status_payload(status))

    async def get_status_all(self) -> list[DurableOrchestrationStatus]:
        """List all instances, however many (1.7 gave the first hundred)."""
        return await self.get_status_by()

    async def get_status_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: Statuses | None = None,
        instance_id_prefix: str | None = None,
    ) -> list[DurableOrchestrationStatus]:
        """List the instances that fit, however many (1.7 gave the first hundred)."""
        found = self.iterate_status_by(
            created_time_from, created_time_to, runtime_status, instance_id_prefix
        )
        return [status async for status in found]

    async def iterate_status_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: Statuses | None = None,
        instance_id_prefix: str | None = None,
        *,
        show_input: bool = True,
    ) -> AsyncIterator[DurableOrchestrationStatus]:
        """List the instances that fit one by one, reading page after page as they are asked for."""
        wanted = instance_filter(
            created_time_from, created_time_to, runtime_status, instance_id_prefix
        )
        async for status in self._hub.client.list_instances(wanted, show_input=show_input):
            yield DurableOrchestrationStatus.from_json(status_payload(status))

    async def wait_for_completion_or_create_check_status_response(
        self,
        request: func.HttpRequest,
        instance_id: str,
        timeout_in_milliseconds: int = 10000,
        retry_interval_in_milliseconds: int = 1000,
    ) -> func.HttpResponse:
        """Answer with the output if the instance ends in time, else as a start is answered.

        200 with the output, or with the status where it was terminated; 500 with the status where
        it failed. Raises `ValueError` if the interval is longer than the timeout.
        """
        if retry_interval_in_milliseconds > timeout_in_milliseconds:
            raise ValueError(
                f"Total timeout {timeout_in_milliseconds} (ms) should be bigger than "
                f"retry timeout {retry_interval_in_milliseconds} (ms)"
            )
        environment = self._hub.environment
        deadline = environment.now() + timedelta(milliseconds=timeout_in_milliseconds)
        while True:
            status = await self.get_status(instance_id)
            response = final_response(status)
            if response is not None:
                return response
            left_s = (deadline - environment.now()).total_seconds()
            if left_s <= 0:
                return self.create_check_status_response(request, instance_id)
            await environment.wait(min(left_s, retry_interval_in_milliseconds / 1000))

    # ---------------------------------------------------------------------------------- steering

    async def raise_event(
        self,
        instance_id: str,
        event_name: str,
        event_data: Any = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Send an external event; a waiter that names no type gets the data as JSON text (Q2)."""
        if event_name == "":
            raise ValueError("event_name must be a non-empty string.")
        hub = await self._hub_named(task_hub_name, connection_name)
        with in_words(
            missing=f"No instance with ID {instance_id} found.",
            ended=f"Instance with ID {instance_id} is gone: either completed or failed",
        ):
            await hub.client.raise_event(
                id_text(instance_id), event_name, event_data, is_quoted=True
            )

    async def terminate(self, instance_id: str, reason: str, *, recursive: bool = True) -> None:
        """End an instance; `reason` becomes its output. One that has ended is left alone.

        `recursive`: the children that it waits for are ended too.
        """
        with in_words(missing=f"No instance with ID '{instance_id}' found.", ended=None):
            await self._hub.client.terminate(id_text(instance_id), reason, recursive=recursive)

    async def suspend(self, instance_id: str, reason: str) -> None:
        """Let an instance stand still until it is resumed. One that has ended is left alone."""
        with in_words(missing=f"No instance with ID '{instance_id}' found.", ended=None):
            await self._hub.client.suspend(id_text(instance_id), reason)

    async def resume(self, instance_id: str, reason: str) -> None:
        """Let a suspended instance go on. One that has ended is left alone."""
        with in_words(missing=f"No instance with ID '{instance_id}' found.", ended=None):
            await self._hub.client.resume(id_text(instance_id), reason)

    async def rewind(
        self,
        instance_id: str,
        reason: str,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> None:
        """Let a failed instance do again what failed."""
        hub = await self._hub_named(task_hub_name, connection_name)
        with in_words(
            missing=f"No instance with ID {instance_id} found.",
            ended="The rewind operation is only supported on failed orchestration instances.",
        ):
            await hub.client.rewind(id_text(instance_id), reason)

    async def purge_instance_history(self, instance_id: str) -> PurgeHistoryResult:
        """Delete what is kept of an ended instance; tells of 0 where there is no such instance."""
        try:
            is_deleted = await self._hub.client.purge(parse_instance_id(id_text(instance_id)))
        except InvalidInstanceIdError:
            is_deleted = False  # no such instance can exist
        return PurgeHistoryResult(int(is_deleted))

    async def purge_instance_history_by(
        self,
        created_time_from: datetime | None = None,
        created_time_to: datetime | None = None,
        runtime_status: Statuses | None = None,
    ) -> PurgeHistoryResult:
        """Delete what is kept of the ended instances that fit, however long that takes.

        What an invocation that is cut off has not deleted, the next call deletes.
        """
        if created_time_from is None:
            raise ValueError("created_time_from is required when purging instance history")
        wanted = instance_filter(created_time_from, created_time_to, runtime_status, None)
        purged = await self._hub.client.purge_by(wanted)
        deleted = purged.deleted
        while not purged.is_complete:
            purged = await self._hub.client.purge_by(wanted, token=purged.token)
            deleted += purged.deleted
        return PurgeHistoryResult(deleted)

    # ------------------------------------------------------------------------------------- links

    def create_check_status_response(
        self, request: func.HttpRequest | None, instance_id: str
    ) -> func.HttpResponse:
        """Answer 202 with the links that watch and steer the instance."""
        links = self.get_client_response_links(request, instance_id)
        return to_http_response(check_status_response(links))

    def create_http_management_payload(
        self, request: func.HttpRequest | str | None, instance_id: str | None = None
    ) -> dict[str, str]:
        """Make the links that watch and steer the instance: `(instance_id)`, as 1.7 has it.

        `(request, instance_id)`, as version 2 has it, gives them the request's origin.
        """
        if instance_id is None:
            return self.get_client_response_links(None, str(request))
        assert not isinstance(request, str)
        return self.get_client_response_links(request, instance_id)

    def get_client_response_links(
        self, request: func.HttpRequest | None, instance_id: str
    ) -> dict[str, str]:
        """Make the links, beginning as the address that the request came to does."""
        instance_id = id_text(instance_id)
        url = urlsplit(request.url) if request is not None and request.url else None
        origin = f"{url.scheme}://{url.netloc}" if url and url.scheme and url.netloc else None
        if self._starter is not None:
            base = self._starter.hub.link_base
            return base.links(origin or self._starter.origin, instance_id)
        return filled_in(self._orchestration_bindings.management_urls, origin, instance_id)

    # ----------------------------------------------------------------------------------- the hub

    @property
    def _hub(self) -> OpenHub:
        if self._starter is None:
            raise NotServedError(
                "This client was made from a text that is not the value of a durable client "
                "binding of this app: it can make links, and reach no task hub."
            )
        return self._starter.hub

    async def _hub_named(self, task_hub: str | None, connection_name: str | None) -> OpenHub:
        if self._starter is None or not (task_hub or connection_name):
            return self._hub
        return await self._starter.reach(task_hub, connection_name)
