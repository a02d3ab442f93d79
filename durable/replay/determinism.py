"""Compare what the code asks for with what the history says, and tell a difference plainly."""

from dataclasses import dataclass

from durable.model.actions import (
    Action,
    CallEntity,
    CreateSubOrchestration,
    CreateTimer,
    LockEntities,
    ScheduleTask,
    SendEvent,
    SignalEntity,
    UnlockEntities,
)
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventSent,
    HistoryEvent,
    Scheduling,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable.model.streams import read_lock_set

_WithInput = (
    TaskScheduled
    | ScheduleTask
    | SubOrchestrationInstanceCreated
    | CreateSubOrchestration
    | EventSent
    | SendEvent
    | EntityOperationCalled
    | CallEntity
    | EntityOperationSignaled
    | SignalEntity
)
_OfLocks = EntityLockRequested | LockEntities | EntityUnlockSent | UnlockEntities


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The code no longer does what it did: which task, what was expected, what came, and where.

    `event` is the history event that the code does not match, `None` where there is none;
    `version` is the version that the orchestration was started with. `error` is what the code
    failed with, where the history goes on.
    """

    task_id: int
    expected: str
    actual: str
    where: str
    event: str | None = None
    version: str | None = None
    error: str | None = None

    def tell(self) -> str:
        """Tell a person what happened."""
        event = f" ({self.event})" if self.event else ""
        version = f" The instance has version '{self.version}'." if self.version else ""
        if self.error is not None:
            return (
                f"The orchestrator fails in its replay, with {self.error}, at {self.where}. "
                f"It did not fail there before: as task {self.task_id} the history has "
                f"{self.expected}{event}.{version}"
            )
        return (
            f"Non-deterministic orchestrator: as task {self.task_id} the history has "
            f"{self.expected}{event}, but the code now asks for {self.actual}, at {self.where}."
            f"{version}"
        )

    def explain(self) -> str:
        """Tell what happened, and what to do about an instance that is under way."""
        if self.error is not None:
            return (
                f"{self.tell()} "
                "The code was changed while this instance was running: it has a fault, or no "
                "longer reads what is recorded. Deploy code that goes on there while the instance "
                "is held; once it is parked, deploy that code and resume it."
            )
        return (
            f"{self.tell()} "
            "The code was changed while this instance was running, or it depends on something "
            "outside of its history (clock, random numbers, environment). Deploy the code that "
            "the instance was started with while it is held; once it is parked, deploy that code "
            "and resume it."
        )


class NonDeterminism(Exception):  # noqa: N818  (an outcome; it never leaves this room)
    """Carries a mismatch from where it was seen to `decide`."""

    def __init__(self, mismatch: Mismatch) -> None:
        """Carry it."""
        super().__init__(mismatch.explain())
        self.mismatch = mismatch


NOTHING = "nothing"


def event_of(event: HistoryEvent) -> str:
    """Name a history event."""
    return f"{type(event).__name__} {event.event_id}"


def matches(recorded: Scheduling, action: Action) -> bool:
    """Compare kind, name and whom it is for; arguments are `same_arguments`' affair."""
    return _identity(recorded) == _identity(action)


def _identity(request: Scheduling | Action) -> tuple[str | int | bool, ...]:
    match request:
        case TaskScheduled() | ScheduleTask():
            found: tuple[str | int | bool, ...] = ("activity", request.name)
        case TimerCreated() | CreateTimer():
            found = ("timer",)
        case SubOrchestrationInstanceCreated() | CreateSubOrchestration():
            found = ("orchestrator", request.name, request.instance_id, request.is_detached)
        case EventSent() | SendEvent():
            found = ("event", request.name, request.instance_id)
        case EntityOperationCalled() | CallEntity():
            found = ("call", request.operation, request.instance_id)
        case EntityOperationSignaled() | SignalEntity():
            found = ("signal", request.operation, request.instance_id)
        case EntityLockRequested() | LockEntities():
            found = ("lock", *_entities(request))
        case EntityUnlockSent() | UnlockEntities():
            found = ("release", request.critical_section_id, *_entities(request))
    return found


def same_arguments(recorded: Scheduling, action: Action) -> bool:
    """Compare what a matching action was asked for with."""
    match recorded, action:
        case TimerCreated(), CreateTimer():
            return recorded.fire_at == action.fire_at
        case SubOrchestrationInstanceCreated(), CreateSubOrchestration():
            # Without a version it got the default of the host that asked.
            is_same_version = action.version in {None, recorded.version}
            return recorded.input == action.input and is_same_version
        case EntityOperationSignaled(), SignalEntity():
            is_same_time = recorded.scheduled_time == action.scheduled_time
            return recorded.input == action.input and is_same_time
        case (EntityLockRequested(), _) | (EntityUnlockSent(), _):
            return True  # they have none
    return getattr(recorded, "input", None) == getattr(action, "input", None)


def describe(request: Scheduling | Action, *, with_arguments: bool = False) -> str:
    """Name a request as its author would."""
    match request:
        case TimerCreated() | CreateTimer():
            told = "a timer" + (f" for {request.fire_at.isoformat()}" if with_arguments else "")
        case EntityLockRequested() | LockEntities():
            told = f"a lock of {_listed(request)}"
        case EntityUnlockSent() | UnlockEntities():
            told = f"the release of {_listed(request)}"
        case _:
            arguments = _arguments(request) if with_arguments else ""
            told = _named(request) + arguments
    return told


def _named(request: _WithInput) -> str:
    match request:
        case TaskScheduled() | ScheduleTask():
            told = f"a call of activity '{request.name}'"
        case EventSent() | SendEvent():
            told = f"an event '{request.name}' to instance '{request.instance_id}'"
        case EntityOperationCalled() | CallEntity():
            told = f"a call of '{request.operation}' of entity '{request.instance_id}'"
        case EntityOperationSignaled() | SignalEntity():
            told = f"a signal '{request.operation}' to entity '{request.instance_id}'"
        case _:
            kind = "start of the detached" if request.is_detached else "call of"
            instance = f"as instance '{request.instance_id}'"
            told = f"a {kind} orchestrator '{request.name}' {instance}"
    return told


def _arguments(request: _WithInput) -> str:
    told = f" with input {_shortened(request.input)}"
    match request:
        case EntityOperationSignaled(scheduled_time=due) | SignalEntity(scheduled_time=due) if due:
            told += f", not before {due.isoformat()}"
        case SubOrchestrationInstanceCreated() | CreateSubOrchestration() if request.version:
            told += f" and version {request.version!r}"
    return told


def _listed(request: _OfLocks) -> str:
    return ", ".join(f"'{each}'" for each in _entities(request))


def _entities(request: _OfLocks) -> tuple[str, ...]:
    found = request.lock_set
    return read_lock_set(found) if isinstance(found, str) else found


def _shortened(text: str | None) -> str:
    return "null" if text is None else text if len(text) <= 200 else text[:200] + "..."
