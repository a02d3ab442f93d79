"""What the committed rows ask to be sent. The history is the outbox.

A pure function of the rows, so that a sender which died, and whoever takes over from it, send the
same messages with the same identities: task ids, life ids, and places in a stream.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    RewindSent,
    StartRefused,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TerminationSent,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.model.parents import Parent, life_of_child
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin, life_of, next_execution, places_of
from durable.storage.answers import answer_of_entity, answer_to_parent, refusal
from durable.storage.entity_outbox import lock_to_hand_on, to_entity
from durable.storage.port import TIMERS, WORK_ITEMS

CONTROL = "control"
REPLIES = EntityOperationCompleted | EntityOperationFailed | EntityLockGranted
TO_ENTITIES = (
    EntityOperationCalled | EntityOperationSignaled | EntityLockRequested | EntityUnlockSent
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message, its queue, and when it shall show: at a time, or after a delay.

    The queue `CONTROL` stands for the control queue of the receiver's partition.
    """

    queue: str
    message: TaskMessage
    due_at: datetime | None = None
    delay_s: float = 0.0

    @property
    def to_itself(self) -> bool:
        """Work and timers: of use only while the execution that asked for them waits."""
        return self.queue in {WORK_ITEMS, TIMERS}


def sends(event: HistoryEvent) -> bool:
    """Say whether the fact asks for a message."""
    if isinstance(event, ExecutionCompleted):
        is_over = event.orchestration_status is not RuntimeStatus.CONTINUED_AS_NEW
        return event.parent_instance is not None or not is_over
    if isinstance(event, REPLIES):
        return event.parent_instance is not None  # else it is the answer that came of it
    return isinstance(
        event,
        TaskScheduled
        | TimerCreated
        | SubOrchestrationInstanceCreated
        | TerminationSent
        | RewindSent
        | EventSent
        | StartRefused
        | TO_ENTITIES,
    )


def leaves(event: HistoryEvent) -> bool:
    """Say whether the message goes to another instance.

    Then it must have its payloads itself: what it names belongs to its receiver (rule I).
    """
    return sends(event) and not isinstance(event, TaskScheduled | TimerCreated)


def outbox(
    instance_id: InstanceId, rows: Iterable[HistoryRow], *, again: bool = False
) -> Iterator[Outgoing]:
    """List what the rows ask to be sent. Rows whose message `leaves` have their payloads here."""
    for row in rows:
        if sends(row.event):
            for outgoing in _all_outgoing(instance_id, row):
                yield replace(outgoing, message=replace(outgoing.message, again=again))


def _all_outgoing(instance_id: InstanceId, row: HistoryRow) -> Iterator[Outgoing]:
    """List the messages of a row: mostly one, but a release has one for each entity of the set."""
    match row.event:
        case EntityLockRequested(position=position) if position > 0:
            yield Outgoing(queue=CONTROL, message=lock_to_hand_on(row.event))
        case EntityLockRequested():
            first, number = next(iter(places_of(row.event, row.number).items()))
            yield Outgoing(queue=CONTROL, message=_streamed(instance_id, row, first, number))
        case EntityUnlockSent():
            for receiver, number in places_of(row.event, row.number).items():
                message = _streamed(instance_id, row, receiver, number)
                yield Outgoing(queue=CONTROL, message=message)
        case _:
            yield _outgoing(instance_id, row)


def _outgoing(instance_id: InstanceId, row: HistoryRow) -> Outgoing:
    match row.event:
        case TaskScheduled():
            message = TaskMessage(
                instance_id=instance_id,
                execution_id=row.execution_id,
                event=row.event,
                blobs=row.blobs,
            )
            return Outgoing(queue=WORK_ITEMS, message=message)
        case TimerCreated(fire_at=fire_at, event_id=timer_id):
            fired = TimerFired(timestamp=fire_at, timer_id=timer_id, fire_at=fire_at)
            message = TaskMessage(
                instance_id=instance_id, execution_id=row.execution_id, event=fired
            )
            return Outgoing(queue=TIMERS, message=message, due_at=fire_at)
        case ExecutionCompleted(orchestration_status=RuntimeStatus.CONTINUED_AS_NEW):
            message = _wake(instance_id, row)
        case ExecutionCompleted():
            message = answer_to_parent(row.event)
        case StartRefused():
            message = refusal(instance_id, row.event)
        case EntityOperationCompleted() | EntityOperationFailed() | EntityLockGranted():
            message = answer_of_entity(row.event)
        case _:
            [(receiver, number)] = places_of(row.event, row.number).items()
            message = _streamed(instance_id, row, receiver, number)
    return Outgoing(queue=CONTROL, message=message)


def _wake(instance_id: InstanceId, row: HistoryRow) -> TaskMessage:
    """Begin the execution that follows; its record has the input."""
    started = ExecutionStarted(timestamp=row.event.timestamp, name="")
    following = next_execution(row.execution_id)
    return TaskMessage(instance_id=instance_id, execution_id=following, event=started)


def _streamed(
    instance_id: InstanceId, row: HistoryRow, receiver: InstanceId, number: int
) -> TaskMessage:
    """What goes to another instance in the stream from this life to it."""
    origin = Origin(instance_id, life_of(row.execution_id))
    event, execution_id = _body(instance_id, row)
    return TaskMessage(
        instance_id=receiver,
        execution_id=execution_id,
        event=event,
        origin=origin,
        number=number,
    )


def _body(instance_id: InstanceId, row: HistoryRow) -> tuple[HistoryEvent, ExecutionId | None]:
    """What the receiver gets, and the life of it that is meant."""
    fact = row.event
    match fact:
        case SubOrchestrationInstanceCreated():
            parent = Parent(
                instance_id=instance_id,
                execution_id=row.execution_id,
                task_id=fact.event_id,
                name=fact.name,
            )
            started = ExecutionStarted(
                timestamp=fact.timestamp,
                name=fact.name,
                version=fact.version,
                input=fact.input,
                parent_instance=None if fact.is_detached else parent.to_json(),
            )
            return started, life_of_child(row.execution_id, fact.event_id)
        case TerminationSent():
            ended = ExecutionTerminated(timestamp=fact.timestamp, input=fact.input)
            return ended, ExecutionId(fact.life_id)
        case RewindSent():
            asking = Parent(
                instance_id=instance_id,
                execution_id=row.execution_id,
                task_id=fact.task_scheduled_id,
                name="",
                run=fact.run,
            )
            rewound = ExecutionRewound(
                timestamp=fact.timestamp,
                parent_instance=asking.to_json(),
                name=fact.name,
                version=fact.version,
                input=fact.input,
            )
            return rewound, ExecutionId(fact.life_id)
        case EventSent():
            raised = EventRaised(timestamp=fact.timestamp, name=fact.name, input=fact.input)
            return raised, None
        case (
            EntityOperationCalled()
            | EntityOperationSignaled()
            | EntityLockRequested()
            | EntityUnlockSent()
        ):
            return to_entity(instance_id, row.execution_id, fact), None
        case _:
            raise AssertionError(f"{type(fact).__name__} asks for no message")
