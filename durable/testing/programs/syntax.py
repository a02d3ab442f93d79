"""The language: one app, all its functions, and what its callers do, as one frozen value.

It is as small as the model needs it. Nodes are hashable and compare by value; sequences are
tuples. Its expressions are in `values`, its callers in `callers`; all of it is to be had from here.
"""

from dataclasses import dataclass
from typing import TypeAlias

from durable.testing.programs.callers import (
    CallerAction,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    Suspend,
    Terminate,
    entity_instance_id,
)
from durable.testing.programs.values import (
    MODULUS,
    Clock,
    Constant,
    Expression,
    Row,
    Sum,
    Value,
    Variable,
    weight_of,
)

__all__ = [
    "MODULUS",
    "RANDOM_CONFLUENT",
    "Activity",
    "AllOf",
    "AnyOf",
    "Await",
    "Block",
    "CallActivity",
    "CallEntity",
    "CallOrchestration",
    "CallerAction",
    "Cancel",
    "Clock",
    "Constant",
    "ContinueAsNew",
    "Entity",
    "Expression",
    "If",
    "Let",
    "Made",
    "Make",
    "Operation",
    "Orchestration",
    "Program",
    "Purge",
    "Raise",
    "RaiseEvent",
    "Repeat",
    "Resume",
    "Retry",
    "Return",
    "Row",
    "Section",
    "SendEvent",
    "SetState",
    "SetStatus",
    "SetTimer",
    "Signal",
    "SignalEntity",
    "Start",
    "StartDetached",
    "Statement",
    "Sum",
    "Suspend",
    "Task",
    "Terminate",
    "Try",
    "Value",
    "Variable",
    "WaitForEvent",
    "entity_instance_id",
    "weight_of",
]

RANDOM_CONFLUENT = "random, one outcome"  # the name of every program that was drawn to have one


# Tasks: what an orchestration can wait for.


@dataclass(frozen=True, slots=True)
class CallActivity:
    """Run an activity; the value is its result."""

    name: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wait for so many seconds, from the time of the episode that makes it; the value is `None`."""

    after_s: int


@dataclass(frozen=True, slots=True)
class WaitForEvent:
    """Wait for the next external event of this name; the value is its data."""

    name: str


@dataclass(frozen=True, slots=True)
class CallOrchestration:
    """Run another orchestration as a child; the value is its output."""

    name: str
    argument: Expression
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallEntity:
    """Run an operation of an entity; the value is what it replies."""

    entity: str
    operation: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class Retry:
    """Call again when the call fails, at most so many times in all; the value is the last call's.

    Before the second attempt it waits `first_s` seconds, before each further one `coefficient`
    times as long as before the last. The next step begins when the one before it ends.
    """

    call: CallActivity | CallOrchestration
    attempts: int
    first_s: int = 1
    coefficient: int = 1


@dataclass(frozen=True, slots=True)
class AllOf:
    """Wait for all; the value is the array of their values. Fails with the first that fails."""

    tasks: "tuple[Task, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Wait for the first; the value is (its index, its value). Without tasks the value is ().

    A task that failed wins too; its value is then ("failed", its message).
    """

    tasks: "tuple[Task, ...]"


@dataclass(frozen=True, slots=True)
class Made:
    """The task that `Make` made under this name; `AllOf(())` where there is none."""

    name: str


Task: TypeAlias = (
    CallActivity
    | SetTimer
    | WaitForEvent
    | CallOrchestration
    | CallEntity
    | Retry
    | AllOf
    | AnyOf
    | Made
)


# Statements of an orchestration.


@dataclass(frozen=True, slots=True)
class Make:
    """Make a task without waiting; it is scheduled when something that holds it is awaited."""

    name: str
    task: Task


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for a task and assign its value; a task that failed raises its message."""

    name: str
    task: Task


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the timer that `Make` made under this name, unless it is no timer or has fired."""

    name: str


@dataclass(frozen=True, slots=True)
class Let:
    """Assign a value."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set the custom status; `None` clears it."""

    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """Run `then` if the weight of the condition is odd, else `otherwise`."""

    condition: Expression
    then: "Block"
    otherwise: "Block" = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """Run the body so many times."""

    times: int
    body: "Block"


@dataclass(frozen=True, slots=True)
class Try:
    """Run the body; if it raises, assign the message to `error` and run the handler."""

    body: "Block"
    error: str
    handler: "Block"


@dataclass(frozen=True, slots=True)
class Raise:
    """Raise an error with this message. Nobody catches it: the orchestration fails with it."""

    message: str


@dataclass(frozen=True, slots=True)
class Return:
    """End with this output."""

    value: Expression


@dataclass(frozen=True, slots=True)
class ContinueAsNew:
    """End this execution and begin anew with this input."""

    argument: Expression


@dataclass(frozen=True, slots=True)
class StartDetached:
    """Start an orchestration that is nobody's child; if its id is alive nothing happens."""

    name: str
    argument: Expression
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Raise an external event to another instance; if nobody is alive there nothing happens."""

    instance_id: str
    name: str
    data: Expression


@dataclass(frozen=True, slots=True)
class SignalEntity:
    """Send an operation to an entity without waiting (orchestrations and entities).

    With `after_s` it is for so many seconds later: not served before, and in no order with what
    else its sender sends (orchestrations only).
    """

    entity: str
    operation: str
    argument: Expression
    after_s: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A critical section: lock these entities, run the body, release them however it ends."""

    entities: tuple[str, ...]
    body: "Block"


Statement: TypeAlias = (
    Make
    | Await
    | Cancel
    | Let
    | SetStatus
    | If
    | Repeat
    | Try
    | Raise
    | Return
    | ContinueAsNew
    | StartDetached
    | SendEvent
    | SignalEntity
    | Section
)
Block: TypeAlias = tuple[Statement, ...]


# Functions.


@dataclass(frozen=True, slots=True)
class Orchestration:
    """An orchestrator function. A body that ends without `Return` returns `None`."""

    name: str
    body: Block


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity function of its `input`; raises `error` if the weight of `fails_if` is odd."""

    name: str
    result: Expression
    fails_if: Expression | None = None
    error: str = "failed"


@dataclass(frozen=True, slots=True)
class SetState:
    """Set the entity's state (operations only)."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of an entity: sets, signals and starts in order, then replies or raises.

    Its variables are `state` and `input`. If the weight of `fails_if` is odd it raises `error` at
    its end. What it starts has an id.
    """

    name: str
    body: tuple[SetState | SignalEntity | StartDetached, ...]
    reply: Expression
    fails_if: Expression | None = None
    error: str = "failed"


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity; there is one of each name."""

    name: str
    initial: Value
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """An app and its callers. Caller actions are in the order of their times."""

    name: str
    orchestrations: tuple[Orchestration, ...]
    activities: tuple[Activity, ...] = ()
    entities: tuple[Entity, ...] = ()
    script: tuple[CallerAction, ...] = ()
