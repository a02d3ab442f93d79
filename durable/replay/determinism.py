"""Compare what the code asks for with what the history says, and tell a difference plainly."""

from dataclasses import dataclass

from durable.model.actions import Action, CreateTimer, ScheduleTask
from durable.model.history import Scheduling, TaskScheduled


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The code no longer does what it did: which task, what was expected, what came, and where."""

    task_id: int
    expected: str
    actual: str
    where: str

    def explain(self) -> str:
        """Tell a person what happened and what to do."""
        return (
            f"Non-deterministic orchestrator: as task {self.task_id} the history has "
            f"{self.expected}, but the code now asks for {self.actual}, at {self.where}. "
            "The code was changed while this instance was running, or it depends on something "
            "outside of its history (clock, random numbers, environment). Deploy the code that "
            "the instance was started with while it is held; once it is parked, terminate it and "
            "start it anew."
        )


class NonDeterminism(Exception):  # noqa: N818  (an outcome; it never leaves this room)
    """Carries a mismatch from where it was seen to `decide`."""

    def __init__(self, mismatch: Mismatch) -> None:
        """Carry it."""
        super().__init__(mismatch.explain())
        self.mismatch = mismatch


NOTHING = "nothing"


def matches(recorded: Scheduling, action: Action) -> bool:
    """Compare kind and name; arguments are `same_arguments`' affair."""
    if isinstance(recorded, TaskScheduled):
        return isinstance(action, ScheduleTask) and recorded.name == action.name
    return isinstance(action, CreateTimer)


def same_arguments(recorded: Scheduling, action: Action) -> bool:
    """Compare what a matching action was asked for with."""
    if isinstance(recorded, TaskScheduled):
        return isinstance(action, ScheduleTask) and recorded.input == action.input
    return isinstance(action, CreateTimer) and recorded.fire_at == action.fire_at


def describe(request: Scheduling | Action, *, with_arguments: bool = False) -> str:
    """Name a request as its author would."""
    if isinstance(request, TaskScheduled | ScheduleTask):
        arguments = f" with input {_shortened(request.input)}" if with_arguments else ""
        return f"a call of activity '{request.name}'{arguments}"
    return "a timer" + (f" for {request.fire_at.isoformat()}" if with_arguments else "")


def _shortened(text: str | None) -> str:
    return "null" if text is None else text if len(text) <= 200 else text[:200] + "..."
