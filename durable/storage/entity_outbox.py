"""What goes to entities: operations and locks with their asker, and locks handed on.

The request for a lock is one message that goes from entity to entity (rule G1). Whoever hands it on
sends it in the stream of the orchestration that wants the lock, under the number that this has kept
free for it; so it comes in its turn among all else that the orchestration sends there.
"""

from dataclasses import replace

from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.streams import Origin, life_of, read_lock_set, read_places


def to_entity(
    instance_id: InstanceId,
    execution_id: ExecutionId,
    fact: EntityOperationCalled | EntityOperationSignaled | EntityLockRequested | EntityUnlockSent,
) -> HistoryEvent:
    """Say to the entity what the fact asks for, and who waits for an answer."""
    if isinstance(fact, EntityOperationCalled | EntityLockRequested):
        waits = Parent(
            instance_id=instance_id,
            execution_id=execution_id,
            task_id=fact.event_id,
            name="",
            run=fact.run if isinstance(fact, EntityOperationCalled) else None,
        )
        return replace(fact, parent_instance=waits.to_json())
    return fact


def lock_to_hand_on(request: EntityLockRequested) -> TaskMessage:
    """Make the request to the entity of its position, in the stream of who wants the lock."""
    waits = Parent.from_json(request.parent_instance or "")
    entities, numbers = read_lock_set(request.lock_set), read_places(request.numbers)
    if not 0 <= request.position < len(entities) == len(numbers):
        raise MalformedMessageError(f"No position of a lock: {request.position}")
    return TaskMessage(
        instance_id=entities[request.position],
        event=request,
        origin=Origin(waits.instance_id, life_of(waits.execution_id)),
        number=numbers[request.position],
    )
