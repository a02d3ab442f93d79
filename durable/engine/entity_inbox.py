"""Admit, for entities: what each message is to one.

Rule 1. A numbered message is accepted in its turn, whatever state or lock the entity has: when it
        is served is another matter. One that says nothing that an entity understands just has its
        turn.
Rule 2. A client's signal is known by its id, and a timer by the place of the signal that it is for.
"""

from durable.engine.verdicts import Standing, StreamJudge, Verdict
from durable.model.envelopes import ENTITY_REQUESTS
from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
    TimerFired,
)
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.streams import read_lock_set, read_places


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
        is_sound = _is_sound(message.event)
        return (Verdict.NEW if is_sound else Verdict.COUNTED), message

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


def _is_sound(event: HistoryEvent) -> bool:
    """Whether it can be served and answered; what it says is read again when it is."""
    try:
        match event:
            case EntityOperationCalled():
                Parent.from_json(event.parent_instance or "")
            case EntityLockRequested():
                Parent.from_json(event.parent_instance or "")
                count = len(read_lock_set(event.lock_set))
                return count == len(read_places(event.numbers)) and event.position < count
            case EntityOperationSignaled() | EntityUnlockSent():
                pass
            case _:
                return False
    except MalformedMessageError:
        return False
    return True
