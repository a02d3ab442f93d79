"""Entities: one operation at a time, and the queues in front of it.

A request stays in the queue of its origin (one life of an orchestration, or an entity) until it
is taken; so "the oldest of its origin" is the head of a queue, and no order is kept between
origins. Locks and releases travel in the same queues (ours, decisions 8 and 9). What has no order
at all, a caller's signal or one that is for later, is an origin of its own each.
"""

from dataclasses import dataclass
from typing import TypeAlias

from durable.testing.programs.syntax import (
    Entity,
    SetState,
    SignalEntity,
    StartDetached,
    Value,
    weight_of,
)
from durable.testing.specification.effects import SignalSent, StartSent
from durable.testing.specification.expressions import evaluate
from durable.testing.specification.names import UnknownNameError, operation_named

Origin: TypeAlias = tuple[str, int]
"""(instance id, its life), or (`@` and the entity's name, 0), or (`ALONE`, a number)."""

ALONE = ""
"""What is sent alone, in no order with anything, has an origin of this name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The task that waits for a reply; the execution that has it is alive."""

    instance_id: str
    task_id: int


@dataclass(frozen=True, slots=True)
class Request:
    """Run this operation; a signal has no caller, nor has a call whose caller is gone."""

    operation: str
    argument: Value
    caller: Caller | None = None

    @property
    def is_signal(self) -> bool:
        """Whether nobody waits for a reply."""
        return self.caller is None


@dataclass(frozen=True, slots=True)
class LockRequest:
    """Lock this entity, together with all others of the section."""

    caller: Caller


@dataclass(frozen=True, slots=True)
class Release:
    """The section of this origin is left."""


Queued: TypeAlias = Request | LockRequest | Release
Queue: TypeAlias = tuple[Queued, ...]


@dataclass(frozen=True, slots=True)
class EntityState:
    """An entity between two operations: its state, its queues by origin, and who holds it."""

    state: Value
    queues: tuple[tuple[Origin, Queue], ...] = ()
    holder: Origin | None = None


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """What an operation came to. If there is a message it failed, and changed nothing."""

    state: Value
    reply: Value = None
    message: str | None = None
    sent: tuple[SignalSent | StartSent, ...] = ()


def run_operation(entity: Entity, state: Value, request: Request) -> OperationOutcome:
    """Run an operation to its end (paper 4.4, Ent-Get, Ent-Set, Ent-EndCall).

    Ours, decision 6: a failed operation leaves the state as it was and sends nothing; the paper
    keeps both. `UnknownNameError` if the entity has no such operation.
    """
    operation = operation_named(entity, request.operation)
    variables: dict[str, Value] = {"state": state, "input": request.argument}
    sent: list[SignalSent | StartSent] = []
    for statement in operation.body:
        if isinstance(statement, SetState):
            variables["state"] = evaluate(statement.value, variables)
        else:
            sent.append(_sent(statement, evaluate(statement.argument, variables)))
    if operation.fails_if is not None and weight_of(evaluate(operation.fails_if, variables)) % 2:
        return OperationOutcome(state=state, message=operation.error)
    return OperationOutcome(
        state=variables["state"],
        reply=evaluate(operation.reply, variables),
        sent=tuple(sent),
    )


def _sent(statement: SignalEntity | StartDetached, argument: Value) -> SignalSent | StartSent:
    if isinstance(statement, SignalEntity):
        return SignalSent(statement.entity, statement.operation, argument)
    if statement.instance_id is None:
        raise UnknownNameError(f"What an entity starts as '{statement.name}' has no id.")
    return StartSent(statement.name, argument, statement.instance_id)
