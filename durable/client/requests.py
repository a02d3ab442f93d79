"""Requests: what a client asks of an instance that is there.

Rule E4: a request carries the generation that its client saw, and an id of its own. So it reaches
that life or none, and a second copy of it is known.
"""

from collections.abc import Callable
from datetime import datetime

from durable.client.reading import read_record
from durable.model.entity_ids import is_entity_id
from durable.model.environment import Environment
from durable.model.errors import (
    InstanceEndedError,
    InstanceNotEndedError,
    InstanceNotFoundError,
    InstanceNotRewindableError,
)
from durable.model.history import ExecutionRewound, HistoryEvent
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.sections import failed_about_sections
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.port import TaskHubStore
from durable.storage.sending import send

Request = Callable[[datetime], HistoryEvent]
"""Makes the event of a request at a time."""


async def ask_alive(
    store: TaskHubStore, environment: Environment, instance_id: str, request: Request
) -> None:
    """Ask something of a live instance.

    Raises `InstanceNotFoundError`, `InstanceEndedError` or a `StorageFault`; after an outcome that
    is unknown the request may have been made, and may be made again.
    """
    known = InstanceId(instance_id)
    record = await known_record(store, known)
    if record.status.is_terminal:
        raise InstanceEndedError(
            f"Instance with ID '{instance_id}' is gone: it is {record.status.value}."
        )
    await _send(store, environment, known, record, request(environment.now()))


async def ask_rewind(
    store: TaskHubStore, environment: Environment, instance_id: str, reason: str | None
) -> None:
    """Ask a failed instance to go on.

    It names the episode that failed, so that it can't undo a later failure that nobody has seen.
    Raises `InstanceNotFoundError`, `InstanceEndedError` where the instance ended otherwise,
    `InstanceNotEndedError` where it has not ended, `InstanceNotRewindableError` where the
    episode asked for locks or gave some back, or a `StorageFault`.
    """
    known = InstanceId(instance_id)
    record = await known_record(store, known)
    if record.status is not RuntimeStatus.FAILED:
        kind = InstanceEndedError if record.status.is_terminal else InstanceNotEndedError
        raise kind(
            "The rewind operation is only supported on failed orchestration instances; "
            f"'{instance_id}' is {record.status.value}."
        )
    snapshot = await partition.load(store, known)
    if failed_about_sections(snapshot.rows, record.execution_id):
        raise InstanceNotRewindableError(
            f"The step in which instance '{instance_id}' failed has asked for locks of entities or "
            "given some back, which can't be undone: a critical section ended with it. Start it "
            "anew."
        )
    rewound = ExecutionRewound(
        timestamp=environment.now(), reason=reason, voided_episode=record.episode
    )
    await _send(store, environment, known, record, rewound)


async def known_record(store: TaskHubStore, instance_id: InstanceId) -> InstanceRecord:
    """Read the record, or raise `InstanceNotFoundError`; entities understand no request."""
    if is_entity_id(instance_id):
        raise InstanceNotFoundError(
            f"'{instance_id}' is the ID of an entity, not of an orchestration. Send it a signal."
        )
    record = await read_record(store, instance_id)
    if record is None:
        raise InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
    return record


async def _send(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    record: InstanceRecord,
    event: HistoryEvent,
) -> None:
    message = TaskMessage(
        instance_id=instance_id,
        event=event,
        generation=record.generation,
        message_id=environment.new_id(),
    )
    await send(store, environment, Outgoing(queue=CONTROL, message=message))
