"""Signals to entities, and the breaking of locks: what a client sends to an entity.

An entity is there as soon as it is spoken to, so nothing need be read first. Each message has an id
of its own: a second copy of it is known.
"""

from datetime import datetime

from durable.model.codec import decode_time
from durable.model.entity_ids import EntityId, instance_id_of
from durable.model.environment import Environment
from durable.model.history import EntityLockBroken, EntityOperationSignaled, HistoryEvent
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.port import TaskHubStore
from durable.storage.sending import send


async def send_signal(
    store: TaskHubStore,
    environment: Environment,
    entity_id: EntityId,
    operation: str,
    input_: str | None,
    *,
    scheduled_time: datetime | None,
) -> None:
    """Send an operation, or raise a `StorageFault`.

    One that is for later goes at once too: the entity keeps it until its time.
    """
    instance_id = instance_id_of(entity_id)
    signaled = EntityOperationSignaled(
        timestamp=environment.now(),
        instance_id=instance_id,
        operation=operation,
        input=input_,
        scheduled_time=None if scheduled_time is None else decode_time(scheduled_time),
    )
    await _send(store, environment, instance_id, signaled)


async def send_break(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    *,
    epoch: int,
    reason: str | None,
) -> None:
    """Ask an entity to let go of the lock of this epoch, and of no other."""
    broken = EntityLockBroken(timestamp=environment.now(), epoch=epoch, reason=reason)
    await _send(store, environment, instance_id, broken)


async def _send(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, event: HistoryEvent
) -> None:
    message = TaskMessage(instance_id=instance_id, event=event, message_id=environment.new_id())
    await send(store, environment, Outgoing(queue=CONTROL, message=message))
