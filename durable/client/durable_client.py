"""DurableClient: what a program outside of orchestrations can do with instances."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from durable.client import reading, starting, waiting
from durable.client.entity_client import EntityClient
from durable.client.listing import list_page
from durable.client.purging import purge_by
from durable.client.reading import Shown
from durable.client.replacing import start_in_place
from durable.client.requests import Request, ask_alive, ask_rewind
from durable.model.codec import NOTHING
from durable.model.converters import Converter
from durable.model.entity_ids import is_entity_id
from durable.model.environment import Environment
from durable.model.errors import InstanceNotFoundError
from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
)
from durable.model.ids import InstanceId, parse_instance_id
from durable.model.naming import checked_name, checked_reason, checked_version
from durable.model.queries import (
    EVERY_INSTANCE,
    InstanceFilter,
    OrchestrationStatus,
    Purged,
    ReplaceableStates,
    StatusPage,
)
from durable.model.values import encode_value
from durable.storage.port import TaskHubStore
from durable.storage.purging import purge

PAGE_ROWS = 100
POLL_S = 1.0
PURGE_BUDGET_S = 60.0


class DurableClient(EntityClient):
    """A caller of one task hub. Every call may be repeated; none loses what it answered for.

    (But a signal that is sent again after an unknown outcome is another one.) Any call raises a
    `StorageFault` where storage stays away.
    """

    def __init__(
        self,
        store: TaskHubStore,
        environment: Environment,
        *,
        converter: Converter | None = None,
        default_version: str | None = None,
        replaceable: ReplaceableStates = ReplaceableStates.NON_RUNNING,
    ) -> None:
        """Call through this store.

        `converter` writes inputs and events; `default_version` is that of starts which name none;
        `replaceable` says which instances a start replaces unless it says so itself.
        """
        super().__init__(store, environment, converter=converter)
        self._default_version = default_version
        self._replaceable = replaceable

    async def start(
        self,
        name: str,
        *,
        instance_id: str | None = None,
        input_: Any = None,
        version: str | None = None,
        start_at: datetime | None = None,
        replaceable: ReplaceableStates | None = None,
    ) -> InstanceId:
        """Start an orchestration and return its id; a finished instance of that id is replaced.

        `start_at` is when it may begin, in UTC where it has no zone; until then it is pending. With
        `ReplaceableStates.ANY` a live instance is terminated first, and waited for (30 seconds).
        Raises `InstanceExistsError` where one is alive, `InvalidInstanceIdError`,
        `InvalidPayloadError`, or `StorageFault`: then it may or may not have been started, and
        starting again with the same id finds out.
        """
        chosen = parse_instance_id(
            instance_id if instance_id is not None else self._environment.new_id()
        )
        orchestrator = checked_name(name, "an orchestrator")
        of_version = checked_version(version if version is not None else self._default_version)
        text = self._encode(input_, f"input of orchestrator '{orchestrator}'")
        is_new_id = instance_id is None

        async def begin() -> None:
            await starting.start(
                self._store,
                self._environment,
                chosen,
                name=orchestrator,
                input_=text,
                version=of_version,
                start_at=_in_utc(start_at),
                is_new_id=is_new_id,
            )

        if (replaceable or self._replaceable) is ReplaceableStates.ANY and not is_new_id:
            await start_in_place(self._store, self._environment, chosen, begin)
        else:
            await begin()
        return chosen

    async def restart(self, instance_id: str, *, with_new_id: bool = True) -> InstanceId:
        """Start the same orchestrator with the same input; return the id.

        Raises `InstanceNotFoundError`, or, without a new id, `InstanceExistsError` where the
        instance is alive.
        """
        status = None if is_entity_id(instance_id) else await self.read_status(instance_id)
        if status is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        chosen = InstanceId(self._environment.new_id() if with_new_id else instance_id)
        await starting.start(
            self._store,
            self._environment,
            chosen,
            name=status.name,
            input_=status.input if status.input is not None else NOTHING,
            version=status.version,
            is_new_id=with_new_id,
        )
        return chosen

    async def read_status(
        self,
        instance_id: str,
        *,
        show_input: bool = True,
        show_history: bool = False,
        show_history_output: bool = False,
    ) -> OrchestrationStatus | None:
        """Read where the instance stands: its record, never the projection.

        The history comes without results unless `show_history_output`, and without inputs unless
        `show_input`. Raises `PayloadLostError` if a payload that it names is gone.
        """
        shown = Shown(input=show_input, history=show_history, results=show_history_output)
        return await reading.read_status(self._store, InstanceId(instance_id), shown)

    async def read_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Read the facts of the current execution, payloads and all.

        Raises `InstanceNotFoundError` or `PayloadLostError`.
        """
        history = await reading.read_history(self._store, InstanceId(instance_id))
        if history is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        return history

    async def list_page(
        self,
        wanted: InstanceFilter = EVERY_INSTANCE,
        *,
        top: int = PAGE_ROWS,
        token: str | None = None,
        show_input: bool = False,
    ) -> StatusPage:
        """Read one page of a list, in the order of ids; `token` is that of the page before.

        A list may be a little behind. Inputs cost two more reads each. Raises `InvalidTokenError`.
        """
        return await list_page(self._store, wanted, top=top, token=token, show_input=show_input)

    async def list_instances(
        self, wanted: InstanceFilter = EVERY_INSTANCE, *, show_input: bool = False
    ) -> AsyncIterator[OrchestrationStatus]:
        """Go through a list, page by page: `async for status in client.list_instances(...)`."""
        token: str | None = None
        while True:
            page = await self.list_page(wanted, token=token, show_input=show_input)
            for status in page.statuses:
                yield status
            token = page.token
            if token is None:
                return

    async def raise_event(
        self, instance_id: str, name: str, data: Any = None, *, is_quoted: bool = False
    ) -> None:
        """Send an external event to a live instance.

        `is_quoted`: a generator that waits for it gets the data as JSON text, as with the client of
        azure-functions-durable 1.7. Raises `InstanceNotFoundError` or `InstanceEndedError`.
        """
        event = checked_name(name, "an event")
        text = self._encode(data, f"data of event '{event}'")
        await self._ask(
            instance_id,
            lambda now: EventRaised(timestamp=now, name=event, input=text, is_quoted=is_quoted),
        )

    async def terminate(
        self, instance_id: str, reason: str | None = None, *, recursive: bool = True
    ) -> None:
        """Ask for the end of a live instance, and of its children; `reason` becomes its output.

        Raises `InstanceNotFoundError` or `InstanceEndedError`.
        """
        text = self._encode(reason, "reason") if reason is not None else None
        await self._ask(
            instance_id,
            lambda now: ExecutionTerminated(timestamp=now, input=text, is_recursive=recursive),
        )

    async def suspend(self, instance_id: str, reason: str | None = None) -> None:
        """Ask that nothing runs until `resume`; what arrives meanwhile is kept.

        To suspend what is suspended is no error: an earlier request may still be on its way.
        Raises `InstanceNotFoundError` or `InstanceEndedError`.
        """
        told = checked_reason(reason)
        await self._ask(instance_id, lambda now: ExecutionSuspended(timestamp=now, reason=told))

    async def resume(self, instance_id: str, reason: str | None = None) -> None:
        """Ask a suspended instance to go on, one that is parked too. Errors: as for `suspend`."""
        told = checked_reason(reason)
        await self._ask(instance_id, lambda now: ExecutionResumed(timestamp=now, reason=told))

    async def rewind(self, instance_id: str, reason: str | None = None) -> None:
        """Ask a failed instance to go on as if its last step had not happened.

        Raises `InstanceNotFoundError`, `InstanceEndedError` where it ended otherwise, or
        `InstanceNotEndedError`.
        """
        await ask_rewind(self._store, self._environment, instance_id, checked_reason(reason))

    async def purge(self, instance_id: str) -> bool:
        """Delete an ended instance and all that it left; `False` if there is none.

        An entity never ends: one that has no state and nothing to serve is deleted. Raises
        `InstanceNotEndedError` where an orchestration is alive, or `EntityInUseError`.
        """
        return await purge(self._store, self._environment, InstanceId(instance_id))

    async def purge_by(
        self,
        wanted: InstanceFilter,
        *,
        token: str | None = None,
        budget_s: float = PURGE_BUDGET_S,
    ) -> Purged:
        """Delete the ended instances that are meant, until all are gone or the time is over.

        With the token that comes back it goes on. Raises `InvalidTokenError`.
        """
        return await purge_by(
            self._store, self._environment, wanted, budget_s=budget_s, token=token
        )

    async def wait_for_start(
        self, instance_id: str, *, timeout_s: float, poll_s: float = POLL_S
    ) -> OrchestrationStatus:
        """Wait until the code has begun to run, and tell where the instance stands then.

        Raises `InstanceNotFoundError`, or `TimeoutError` with nothing changed.
        """
        return await self._wait(instance_id, waiting.has_started, "begun", timeout_s, poll_s)

    async def wait_for_completion(
        self, instance_id: str, *, timeout_s: float, poll_s: float = POLL_S
    ) -> OrchestrationStatus:
        """Wait until the instance has ended, in whichever way, and tell how.

        Raises `InstanceNotFoundError`, or `TimeoutError` with nothing changed.
        """
        return await self._wait(instance_id, waiting.has_ended, "ended", timeout_s, poll_s)

    async def _wait(
        self,
        instance_id: str,
        is_there: waiting.Condition,
        what: str,
        timeout_s: float,
        poll_s: float,
    ) -> OrchestrationStatus:
        known = InstanceId(instance_id)
        is_over = await waiting.wait_until(
            self._store, self._environment, known, is_there, timeout_s=timeout_s, poll_s=poll_s
        )
        status = await self.read_status(instance_id)
        if status is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        if not is_over:
            raise TimeoutError(
                f"Instance '{instance_id}' has not {what} within {timeout_s:g} seconds; it is "
                f"{status.runtime_status.value}."
            )
        return status

    async def _ask(self, instance_id: str, request: Request) -> None:
        await ask_alive(self._store, self._environment, instance_id, request)

    def _encode(self, value: Any, what: str) -> str:
        return encode_value(value, what=what, converter=self._converter)


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
