"""Admit, for entities: what each message is to one.

Rule 1. A numbered message is accepted in its turn, whatever state or lock the entity has: when it
        is served is another matter. One that says nothing that an entity understands just has its
        turn.
Rule 2. A client's signal is known by its id, and a timer by the place of the signal that it is for.
"""

from durable.engine.verdicts import Standing, StreamJudge, Verdict
from durable.model.entity_ids import EntityId, instance_id_of
from durable.model.envelopes import ENTITY_REQUESTS
from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    TimerFired,
)
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.streams import Origin, life_of, read_lock_set, read_places


class EntityJudge(StreamJudge):
    """Judges by what an entity has accepted so far."""

    def __init__(self, standing: Standing) -> None:
        """Begin with nothing taken."""
        super().__init__(standing)
        record = standing.record
        is_there = record is not None and not record.is_absent
        self._record = record if is_there else None
        self._taken: set[int | str] = set()

    def _judge_sent(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        return (Verdict.NEW if is_sound(message) else Verdict.COUNTED), message

    def _judge_body(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        if isinstance(message.event, TimerFired):
            return self._judge_timer(message, message.event.timer_id), message
        if not isinstance(message.event, ENTITY_REQUESTS):
            return Verdict.DROPPED, message
        identity = message.message_id or ""
        if identity in self._taken or identity in self.standing.remembered.message_ids:
            return Verdict.KNOWN, message
        self._taken.add(identity)
        return Verdict.NEW, message

    def _judge_timer(self, message: TaskMessage, place: int) -> Verdict:
        record = self._record
        if record is None or record.entity is None or message.execution_id != record.execution_id:
            return Verdict.DROPPED
        if place >= record.entity.next_place:
            return Verdict.UNKNOWN_TASK  # of a signal that this state has not heard of
        if place in self._taken or place not in record.entity.scheduled:
            return Verdict.KNOWN
        self._taken.add(place)
        return Verdict.NEW


def is_sound(message: TaskMessage) -> bool:
    """Whether it can be served and answered; what it says is read again when it is."""
    try:
        match message.event:
            case EntityOperationCalled():
                waits = Parent.from_json(message.event.parent_instance or "")
                return bool(waits.instance_id and waits.execution_id)
            case EntityLockRequested():
                return _is_sound_request(message, message.event)
            case EntityOperationSignaled() | EntityUnlockSent():
                return True
    except (MalformedMessageError, ValueError):
        pass
    return False


def _is_sound_request(message: TaskMessage, request: EntityLockRequested) -> bool:
    """Whether a request for a lock is in its owner's stream, and this entity is next in its set."""
    waits = Parent.from_json(request.parent_instance or "")
    if message.origin != Origin(waits.instance_id, life_of(waits.execution_id)):
        return False
    entities, numbers = read_lock_set(request.lock_set), read_places(request.numbers)
    for each in entities:
        instance_id_of(EntityId.get_entity_id(each))
    is_here = dict(enumerate(entities)).get(request.position) == message.instance_id
    return is_here and len(entities) == len(numbers) and min(numbers) > 0
