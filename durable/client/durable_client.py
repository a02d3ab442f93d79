"""DurableClient: what a program outside of orchestrations can do with instances."""

from typing import Any

from durable.client.starting import start
from durable.model.codec import decode_row
from durable.model.environment import Environment
from durable.model.errors import InstanceEndedError, InstanceNotFoundError, PayloadLostError
from durable.model.history import EventRaised, ExecutionStarted, ExecutionTerminated, HistoryEvent
from durable.model.ids import InstanceId, parse_instance_id
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.partitions import partition_of
from durable.model.records import decode_record
from durable.model.status import OrchestrationStatus, RuntimeStatus
from durable.model.values import encode_value
from durable.storage.payloads import fetch_payloads, fetch_record, fit_message
from durable.storage.port import (
    BlobMissing,
    ETag,
    StorageFault,
    TaskHubStore,
    Versioned,
    control_queue,
)

ATTEMPTS_MAX = 5
BACKOFF_S_FIRST = 0.1


class DurableClient:
    """A caller of one task hub. Every call may be repeated; none loses what it answered for."""

    def __init__(self, store: TaskHubStore, environment: Environment) -> None:
        """Call through this store."""
        self._store = store
        self._environment = environment

    async def start(
        self,
        name: str,
        *,
        instance_id: str | None = None,
        input_: Any = None,
        version: str | None = None,
    ) -> InstanceId:
        """Start an orchestration and return its id; a finished instance of that id is replaced.

        Raises `InstanceExistsError` where one is alive, `InvalidInstanceIdError`,
        `InvalidPayloadError`, or `StorageFault`: then it may or may not have been started, and
        starting again with the same id finds out.
        """
        chosen = parse_instance_id(
            instance_id if instance_id is not None else self._environment.new_id()
        )
        text = encode_value(input_, what=f"input of orchestrator '{name}'")
        await start(
            self._store,
            self._environment,
            chosen,
            name=name,
            input_=text,
            version=version,
            is_new_id=instance_id is None,
        )
        return chosen

    async def read_status(
        self, instance_id: str, *, show_input: bool = True
    ) -> OrchestrationStatus | None:
        """Read where the instance stands: its record, never the projection.

        Raises `PayloadLostError` if a payload that it names is gone.
        """
        known = InstanceId(instance_id)
        seen: ETag | None = None
        while True:
            sentinel = await self._store.read_sentinel(known)
            record = _record_of(known, sentinel)
            if sentinel is None or record is None:
                return None
            try:
                return await self._status_of(known, record, show_input=show_input)
            except BlobMissing as missing:
                # It may have started anew in between (rule I): only an unchanged one is a loss.
                if sentinel.etag == seen:
                    raise PayloadLostError(
                        f"A payload of instance '{instance_id}' is gone: blob {missing}."
                    ) from missing
                seen = sentinel.etag

    async def _status_of(
        self, instance_id: InstanceId, record: InstanceRecord, *, show_input: bool
    ) -> OrchestrationStatus:
        record = await fetch_record(self._store, record)
        text = record.input
        if show_input and record.status is not RuntimeStatus.PENDING:
            text = await self._read_input(instance_id, record)
        return OrchestrationStatus(
            instance_id=instance_id,
            name=record.name,
            runtime_status=record.status,
            created_at=record.created_at,
            updated_at=record.updated_at,
            input=text if show_input else None,
            output=record.output,
            custom_status=record.custom_status,
            reason=record.reason,
        )

    async def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Send an external event to a live instance.

        Raises `InstanceNotFoundError` or `InstanceEndedError`.
        """
        text = encode_value(data, what=f"data of event '{name}'")
        record = await self._read_alive(instance_id)
        now = self._environment.now()
        await self._send(record, instance_id, EventRaised(timestamp=now, name=name, input=text))

    async def terminate(self, instance_id: str, reason: str | None = None) -> None:
        """Ask for the end of a live instance; `reason` becomes its output.

        Raises `InstanceNotFoundError` or `InstanceEndedError`.
        """
        record = await self._read_alive(instance_id)
        text = encode_value(reason, what="reason") if reason is not None else None
        now = self._environment.now()
        await self._send(record, instance_id, ExecutionTerminated(timestamp=now, input=text))

    async def _send(self, record: InstanceRecord, instance_id: str, event: HistoryEvent) -> None:
        """Put a message for the life that was seen; its id makes a second copy harmless."""
        message = TaskMessage(
            instance_id=InstanceId(instance_id),
            event=event,
            generation=record.generation,
            message_id=self._environment.new_id(),
        )
        queue = control_queue(partition_of(message.instance_id, self._store.partition_count))
        delay_s = BACKOFF_S_FIRST
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await self._store.put(
                    queue, await fit_message(self._store, self._environment, message)
                )
            except StorageFault:
                if attempt == ATTEMPTS_MAX:
                    raise
                await self._environment.wait(delay_s)
                delay_s *= 2
            else:
                return

    async def _read_alive(self, instance_id: str) -> InstanceRecord:
        record = await self._read_record(InstanceId(instance_id))
        if record is None:
            raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        if record.status.is_terminal:
            raise InstanceEndedError(
                f"Instance with ID '{instance_id}' is gone: it is {record.status.value}."
            )
        return record

    async def _read_record(self, instance_id: InstanceId) -> InstanceRecord | None:
        return _record_of(instance_id, await self._store.read_sentinel(instance_id))

    async def _read_input(self, instance_id: InstanceId, record: InstanceRecord) -> str | None:
        """The start stands second in its episode, behind OrchestratorStarted."""
        columns = await self._store.read_row(instance_id, record.base + 1)
        if columns is None:
            return None
        row = decode_row(record.base + 1, columns)
        event = await fetch_payloads(self._store, row.event, row.blobs)
        return event.input if isinstance(event, ExecutionStarted) else None


def _record_of(instance_id: InstanceId, sentinel: Versioned | None) -> InstanceRecord | None:
    """Read a sentinel; a stub counts as absent."""
    if sentinel is None:
        return None
    record = decode_record(instance_id, sentinel.columns)
    return None if record.is_stub else record
