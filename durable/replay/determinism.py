"""Compare what the code asks for with what the history says, and tell a difference plainly."""

from dataclasses import dataclass

from durable.model.actions import (
    Action,
    CreateSubOrchestration,
    CreateTimer,
    ScheduleTask,
    SendEvent,
)
from durable.model.history import (
    EventSent,
    HistoryEvent,
    Scheduling,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The code no longer does what it did: which task, what was expected, what came, and where.

    `event` is the history event that the code does not match, `None` where there is none;
    `version` is the version that the orchestration was started with.
    """

    task_id: int
    expected: str
    actual: str
    where: str
    event: str | None = None
    version: str | None = None

    def tell(self) -> str:
        """Tell a person what happened."""
        event = f" ({self.event})" if self.event else ""
        version = f" The instance has version '{self.version}'." if self.version else ""
        return (
            f"Non-deterministic orchestrator: as task {self.task_id} the history has "
            f"{self.expected}{event}, but the code now asks for {self.actual}, at {self.where}."
            f"{version}"
        )

    def explain(self) -> str:
        """Tell what happened, and what to do about an instance that is under way."""
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
    match recorded, action:
        case TaskScheduled(), ScheduleTask():
            return recorded.name == action.name
        case TimerCreated(), CreateTimer():
            return True
        case SubOrchestrationInstanceCreated(), CreateSubOrchestration():
            return (recorded.name, recorded.instance_id, recorded.is_detached) == (
                action.name,
                action.instance_id,
                action.is_detached,
            )
        case EventSent(), SendEvent():
            return (recorded.name, recorded.instance_id) == (action.name, action.instance_id)
    return False


def same_arguments(recorded: Scheduling, action: Action) -> bool:
    """Compare what a matching action was asked for with."""
    match recorded, action:
        case TimerCreated(), CreateTimer():
            return recorded.fire_at == action.fire_at
        case SubOrchestrationInstanceCreated(), CreateSubOrchestration():
            # Without a version it got the default of the host that asked.
            is_same_version = action.version in {None, recorded.version}
            return recorded.input == action.input and is_same_version
        case TaskScheduled(), ScheduleTask():
            return recorded.input == action.input
        case EventSent(), SendEvent():
            return recorded.input == action.input
    return False


def describe(request: Scheduling | Action, *, with_arguments: bool = False) -> str:
    """Name a request as its author would."""
    if isinstance(request, TimerCreated | CreateTimer):
        return "a timer" + (f" for {request.fire_at.isoformat()}" if with_arguments else "")
    arguments = f" with input {_shortened(request.input)}" if with_arguments else ""
    if isinstance(request, TaskScheduled | ScheduleTask):
        return f"a call of activity '{request.name}'{arguments}"
    if isinstance(request, EventSent | SendEvent):
        return f"an event '{request.name}' to instance '{request.instance_id}'{arguments}"
    kind = "start of the detached" if request.is_detached else "call of"
    version = f" and version {request.version!r}" if with_arguments and request.version else ""
    return (
        f"a {kind} orchestrator '{request.name}' as instance '{request.instance_id}'"
        f"{arguments}{version}"
    )


def _shortened(text: str | None) -> str:
    return "null" if text is None else text if len(text) <= 200 else text[:200] + "..."
