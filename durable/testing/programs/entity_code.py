"""A program's entities as code: as functions and as classes, which mean the same.

How a program's entity lies in a store, for whoever compares the two: its id is `entity_id_of`, and
its state is read by `state_of`. A function entity keeps the value itself, a class entity an object
with the one attribute `value`. An entity without a state has the initial one; so `None` is not a
state that a program may set.
"""

from collections.abc import Callable
from typing import Any, Protocol

from durable.model.entity_ids import EntityId
from durable.testing.programs.callers import ENTITY_KEY
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.expressions import evaluate, is_odd, value_of_json
from durable.testing.programs.syntax import (
    Entity,
    Operation,
    SetState,
    SignalEntity,
    StartDetached,
    Value,
)


class Sends(Protocol):
    """What an operation may do beside its state."""

    def signal_entity(self, entity_id: Any, operation: str, input_: Any = None) -> None:
        """Send an operation to an entity."""
        ...

    def start_new_orchestration(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> str:
        """Start an instance that owes no answer."""
        ...


class EntityContext(Sends, Protocol):
    """What a function entity asks of its context: a part of `DurableEntityContext`."""

    @property
    def operation_name(self) -> str:
        """The operation."""
        ...

    def get_input(self) -> Any:
        """Return the input."""
        ...

    def get_state(self, initializer: Callable[[], Any] | None = None) -> Any:
        """Return the state."""
        ...

    def set_state(self, state: Any) -> None:
        """Keep a state."""
        ...

    def set_result(self, result: Any) -> None:
        """Say what the caller gets."""
        ...


def entity_id_of(name: str) -> EntityId:
    """Give the id of a program's entity: there is one of each name."""
    return EntityId(name, ENTITY_KEY)


def state_of(entity: Entity, stored: Any) -> Value:
    """Read what a store has for an entity, as JSON; `None` where it has nothing."""
    if stored is None:
        return entity.initial
    return value_of_json(stored["value"] if isinstance(stored, dict) else stored)


def function_of(entity: Entity) -> Callable[[Any], None]:
    """Make the function of an entity."""
    operations = {operation.name: operation for operation in entity.operations}

    def run(context: EntityContext) -> None:
        reply = _perform(
            operations[context.operation_name],
            state_of(entity, context.get_state(lambda: entity.initial)),
            value_of_json(context.get_input()),
            sends=context,
            keep=context.set_state,
        )
        context.set_result(reply)

    return run


def class_of(entity: Entity) -> type[Any]:
    """Make the class of an entity: a method for each operation."""

    def begin(self: Any) -> None:
        self.value = entity.initial

    methods = {operation.name: _method(operation) for operation in entity.operations}
    return type(entity.name, (), {"__init__": begin, **methods})


def _method(operation: Operation) -> Callable[..., Value]:
    def run(self: Any, input_: Any = None, *, context: Any) -> Value:
        def keep(value: Value) -> None:
            self.value = value

        state, argument = value_of_json(self.value), value_of_json(input_)
        return _perform(operation, state, argument, sends=context, keep=keep)

    run.__name__ = operation.name
    return run


def _perform(
    operation: Operation,
    state: Value,
    argument: Value,
    *,
    sends: Sends,
    keep: Callable[[Value], None],
) -> Value:
    variables: dict[str, Value] = {"state": state, "input": argument}
    for statement in operation.body:
        match statement:
            case SetState(value):
                variables["state"] = evaluate(value, variables)
                keep(variables["state"])
            case SignalEntity(entity, name, sent):
                sends.signal_entity(entity_id_of(entity), name, evaluate(sent, variables))
            case StartDetached(name, sent, instance_id):
                started_with = evaluate(sent, variables)
                sends.start_new_orchestration(name, started_with, instance_id=instance_id)
    if operation.fails_if is not None and is_odd(evaluate(operation.fails_if, variables)):
        raise ProgramError(operation.error)
    return evaluate(operation.reply, variables)
