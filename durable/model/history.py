"""HistoryEvent: one frozen class per fact, under DTFx's names.

An orchestration's history is a sequence of these. Facts never change. `event_id` is the id of the
task that a fact scheduled (-1 for others); an answer names that task in `task_scheduled_id` or
`timer_id`. Payloads (`input`, `result`) are JSON text.
"""

from dataclasses import dataclass
from datetime import datetime

from durable.model.failures import FailureDetails
from durable.model.status import RuntimeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """A fact, and when it was noted."""

    timestamp: datetime
    event_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorStarted(HistoryEvent):
    """An episode begins; its timestamp is what the orchestrator sees as the current time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorCompleted(HistoryEvent):
    """The episode ends: the orchestrator waits again, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted(HistoryEvent):
    """The orchestrator is called with this input.

    `parent_instance` is what `model.parents` prints; `scheduled_start_time` is when it may begin.
    """

    name: str
    version: str | None = None
    input: str | None = None
    generation: int = 0
    orchestration_instance: str | None = None
    parent_instance: str | None = None
    scheduled_start_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCompleted(HistoryEvent):
    """The execution has ended, in whichever way `orchestration_status` says.

    Where it continued as new, `result` is the input of the execution that follows. A child names
    its parent here too, for the row alone must tell whom to answer.
    """

    orchestration_status: RuntimeStatus
    result: str | None = None
    failure_details: FailureDetails | None = None
    parent_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionTerminated(HistoryEvent):
    """Somebody outside asked for the end; `input` is the reason, as JSON text.

    `is_recursive`: the children that have not answered are to end too.
    """

    input: str | None = None
    is_recursive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSuspended(HistoryEvent):
    """Nothing runs until the instance is resumed or terminated; what arrives is kept, in order.

    `is_parked`: the engine stopped it, for want of the right code. An `ExecutionResumed` that the
    same episode records came to nothing.
    """

    reason: str | None = None
    is_parked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResumed(HistoryEvent):
    """The instance goes on with what has arrived since it was suspended."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRewound(HistoryEvent):
    """A failed instance goes on: what its last episode did counts as not done.

    `voided_episode` is that episode: its rows are no longer replayed. A rewound parent asks its
    child so; its message also says how to start the child (`name`, `version`, `input`), should it
    be gone, or never have been started.
    """

    reason: str | None = None
    voided_episode: int = -1
    parent_instance: str | None = None
    name: str | None = None
    version: str | None = None
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScheduled(HistoryEvent):
    """The orchestrator called an activity.

    `attempt` counts from 1 where a retry policy calls it. `timeout_ms` ends a call that takes
    longer. `run` counts from 1 the times that a rewind had it called anew; only the answer to the
    last run counts.
    """

    name: str
    input: str | None = None
    attempt: int | None = None
    timeout_ms: int | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(HistoryEvent):
    """The activity returned."""

    task_scheduled_id: int
    result: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(HistoryEvent):
    """The activity raised, or could not be run."""

    task_scheduled_id: int
    reason: str
    details: str
    failure_details: FailureDetails | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceCreated(HistoryEvent):
    """The orchestrator started another orchestration.

    A child answers; one that is detached does not, and is nobody's child.
    """

    name: str
    instance_id: str
    input: str | None = None
    version: str | None = None
    is_detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceCompleted(HistoryEvent):
    """The child returned. `run` is that of the task, as for an activity."""

    task_scheduled_id: int
    result: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceFailed(HistoryEvent):
    """The child failed, was terminated, or could not be started."""

    task_scheduled_id: int
    reason: str
    details: str
    failure_details: FailureDetails | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefused(HistoryEvent):
    """Another instance wanted to start this one as its child, but it is alive."""

    name: str
    parent_instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminationSent(HistoryEvent):
    """A terminated parent ends this life of its child."""

    instance_id: str
    life_id: str
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindSent(HistoryEvent):
    """A rewound parent asks this life of its child to answer (again), rewound if it failed.

    `name`, `version` and `input` start it anew where that life is no more.
    """

    instance_id: str
    life_id: str
    task_scheduled_id: int
    run: int
    name: str = ""
    version: str | None = None
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSent(HistoryEvent):
    """The orchestrator raised an external event to another instance."""

    instance_id: str
    name: str
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCreated(HistoryEvent):
    """The orchestrator set a timer. `run`: a rewind set it again, as for an activity."""

    fire_at: datetime
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(HistoryEvent):
    """The timer is due. Never noted before `fire_at`."""

    timer_id: int
    fire_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRaised(HistoryEvent):
    """An external event arrived.

    `is_quoted`: a client in the manner of azure-functions-durable 1.7 sent it; a generator that
    waits for it gets the data as JSON text (quirk Q2).
    """

    name: str
    input: str | None = None
    is_quoted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityOperationCalled(HistoryEvent):
    """The orchestrator called an operation of an entity.

    The message to the entity says in `parent_instance` who waits for the answer. `run`: a rewind
    calls it anew, as for an activity.
    """

    instance_id: str
    operation: str
    input: str | None = None
    parent_instance: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityOperationSignaled(HistoryEvent):
    """An orchestration, an entity or a client sent an operation to an entity; nobody waits for it.

    It is served at `scheduled_time`, where it has one, and not earlier.
    """

    instance_id: str
    operation: str
    input: str | None = None
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLockRequested(HistoryEvent):
    """The orchestrator wants to enter a critical section.

    `lock_set`: JSON array of the entities' instance ids, in the order of locking. `numbers`: JSON
    array with the place of the request in the stream to each of them. The request is one message
    that goes from entity to entity; `position` is which one it is for. `parent_instance` waits.
    """

    lock_set: str
    numbers: str | None = None
    position: int = 0
    parent_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityUnlockSent(HistoryEvent):
    """The critical section was left: every entity of the set is told, whether it was locked or not.

    `critical_section_id` is the task id of the request.
    """

    lock_set: str
    critical_section_id: int
    numbers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityOperationCompleted(HistoryEvent):
    """The operation returned. In the entity's own history `parent_instance` says who is told."""

    task_scheduled_id: int
    result: str | None = None
    parent_instance: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityOperationFailed(HistoryEvent):
    """The operation raised, or could not be run; it has changed nothing."""

    task_scheduled_id: int
    reason: str
    details: str
    failure_details: FailureDetails | None = None
    parent_instance: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLockGranted(HistoryEvent):
    """The last entity of the set is locked: the critical section is entered."""

    task_scheduled_id: int
    parent_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLockBroken(HistoryEvent):
    """An operator takes the lock of this epoch from whoever holds it; another lock stays."""

    epoch: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityBatchCompleted(HistoryEvent):
    """What one commit of an entity has served, in order; `model.entities` prints it."""

    operations: str


Answer = (
    TaskCompleted
    | TaskFailed
    | TimerFired
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | EntityOperationCompleted
    | EntityOperationFailed
    | EntityLockGranted
)
Scheduling = (
    TaskScheduled
    | TimerCreated
    | SubOrchestrationInstanceCreated
    | EventSent
    | EntityOperationCalled
    | EntityOperationSignaled
    | EntityLockRequested
    | EntityUnlockSent
)


def answered_task_id(event: HistoryEvent) -> int | None:
    """Say which task this fact answers, if it is an answer."""
    if isinstance(
        event,
        TaskCompleted
        | TaskFailed
        | SubOrchestrationInstanceCompleted
        | SubOrchestrationInstanceFailed
        | EntityOperationCompleted
        | EntityOperationFailed
        | EntityLockGranted,
    ):
        return event.task_scheduled_id
    if isinstance(event, TimerFired):
        return event.timer_id
    return None
