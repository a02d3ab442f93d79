"""The state of one execution: immutable, hashable, and with its continuation laid open.

The continuation is a stack of frames. Each says where in its block the code stands, and its block
is the arm of the statement where the frame below stands; so a state names no piece of the program
but the orchestrator function, and two states that mean the same are equal.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from durable.testing.programs.syntax import Value
from durable.testing.specification.inputs import EventArrived, Input
from durable.testing.specification.tasks import Ref, Task, asked_in

Status: TypeAlias = Literal[
    "Running", "Suspended", "Completed", "Failed", "Terminated", "ContinuedAsNew"
]
Arm: TypeAlias = Literal["body", "then", "otherwise", "handler"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A block that the code is in: the next statement, and the rounds left of a `Repeat`."""

    at: int
    arm: Arm = "body"
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Lock:
    """The critical section that was asked for, by its task id, and not left yet."""

    task_id: int
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Orchestrating:
    """An execution of the orchestration `name` between two inputs.

    `held` is what has arrived while it is suspended, in order.
    """

    name: str
    status: Status = "Running"
    output: Value = None
    custom_status: Value = None
    unread: tuple[EventArrived, ...] = ()
    frames: tuple[Frame, ...] = ()
    variables: tuple[tuple[str, Value], ...] = ()
    made: tuple[tuple[str, Ref], ...] = ()
    tasks: tuple[Task, ...] = ()
    awaited: Ref | None = None
    lock: Lock | None = None
    scheduled: int = 0
    held: tuple[Input, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether no input can change it any more."""
        return self.status not in {"Running", "Suspended"}

    @property
    def open_tasks(self) -> tuple[int, ...]:
        """The ids that were scheduled and not answered, cancelled timers among them, in order."""
        asked = (asked_in(task) for task in self.tasks)
        return tuple(sorted(each.task_id for each in asked if each is not None))
