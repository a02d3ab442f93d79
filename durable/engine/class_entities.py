"""Class entities: a plain class whose public methods are operations and whose attributes are state.

    class Counter:
        def __init__(self) -> None:
            self.value = 0

        def add(self, amount: int) -> int:
            self.value += amount
            return self.value

Rule 1. Each operation gets an object of its own, made from the state; what it leaves in it is saved
        when it ends well. An entity that has served an operation has a state, be it the default.
Rule 2. An operation that changes nothing leaves the stored text: it may be of a newer version.
Rule 3. A method may be a coroutine function. `delete` is there unless the class defines it.
Rule 4. What an operation leaves is read back before it counts: a state that can't be read would
        fail every operation after it.
"""

import functools
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from durable.engine.class_operations import DELETE, Operation, find, matching, operations_of
from durable.engine.class_states import ClassState, has_own_form
from durable.engine.entity_context import DurableEntityContext, RunningOperation, running_of


class ClassEntity:
    """A class as an entity function: called with a context, it serves the operation."""

    def __init__(self, kind: type) -> None:
        """Raise `ValueError` for a class that can't be an entity."""
        check_class(kind)
        self._kind = kind
        self._state = ClassState(kind)

    @functools.cached_property
    def operations(self) -> dict[str, Operation]:
        """The operations by name, without the `delete` that every class has."""
        return operations_of(self._kind)

    def result_type(self, operation: str) -> Any:
        """Return what an operation returns; `None` is not known."""
        found = find(self.operations, operation)
        return None if found is None else found.result_type

    def __call__(self, context: DurableEntityContext) -> Awaitable[None] | None:
        """Serve the operation of this context; of a coroutine method there is something to await.

        Raises what the method raises, and what is wrong with name, input or state.
        """
        running = running_of(context)
        operation = find(self.operations, context.operation_name)
        if operation is None:
            if matching(context.operation_name, [DELETE]) is None:
                raise LookupError(self._unknown(context))
            running.state.drop()
            return None
        return self._serve(operation, running, context)

    def _serve(
        self, operation: Operation, running: RunningOperation, context: DurableEntityContext
    ) -> Awaitable[None] | None:
        state = running.state
        stored = state.text()
        instance = self._state.read(stored, converter=running.converter, what=state.what)
        before = self._state.write(instance, converter=running.converter, what=state.what)
        # From here on only the method can make the state live: then it has set it by the context.
        state.set_text(before if stored is None else stored)
        call = operation.bound(instance, running.input, context, running.converter)
        served = _Served(self._state, instance, None if stored is None else before)
        returned = call()
        if inspect.isawaitable(returned):
            return _awaited(returned, running, served)
        _leave(returned, running, served)
        return None

    def _unknown(self, context: DurableEntityContext) -> str:
        names = sorted({*self.operations, DELETE})
        listed = ", ".join(f"'{name}'" for name in names)
        return (
            f"The entity '{context.entity_name}' has no operation '{context.operation_name}'; "
            f"it has {listed}."
        )


@dataclass(frozen=True, slots=True)
class _Served:
    """The object of one operation; `before` is its text from the stored state, if there was one."""

    form: ClassState
    instance: Any
    before: str | None


async def _awaited(returned: Awaitable[Any], running: RunningOperation, served: _Served) -> None:
    _leave(await returned, running, served)


def _leave(returned: Any, running: RunningOperation, served: _Served) -> None:
    """Take over the result, and the state if it is another (rules 2 and 4)."""
    if returned is not None:
        running.result = returned
    state = running.state
    if state.is_dropped:
        return
    if state.is_set:
        raise TypeError("The state of a class entity is its attributes; set_state is not for it.")
    converter = running.converter
    after = served.form.write(served.instance, converter=converter, what=state.what)
    if after != served.before:
        served.form.check(served.instance, after, converter=converter, what=state.what)
        state.set_text(after)


def check_class(kind: type) -> None:
    """Raise `ValueError` unless objects of a class can be made, kept, and do something."""
    name = kind.__name__
    if inspect.isabstract(kind):
        raise ValueError(f"The class {name} is abstract: no entity can be made of it.")
    try:
        inspect.signature(kind).bind()
    except TypeError as error:
        raise ValueError(
            f"The class {name} can't be made without arguments: {error}. "
            "As an entity its '__init__' gives the default state."
        ) from None
    except ValueError:
        pass  # a builtin that does not tell
    if not kind.__dictoffset__ and not has_own_form(kind):
        raise ValueError(
            f"The objects of the class {name} have no '__dict__': without one nobody can tell "
            "their attributes. Leave out '__slots__', or make it a dataclass."
        )
    beside = None if has_own_form(kind) else _keeper_beside_attributes(kind)
    if beside is not None:
        raise ValueError(
            f"The objects of the class {name} keep what is in no '__dict__', and would not be "
            f"saved: that which makes them a {beside.__name__}. Have it as an attribute."
        )
    if not operations_of(kind):
        raise ValueError(f"The class {name} has no public method, so as an entity no operation.")


def _keeper_beside_attributes(kind: type) -> type | None:
    """Find the base that keeps something beside attributes: a dict its items, slots their values.

    An operation would change it, and the next one would find it as it was.
    """
    for base in kind.__mro__:
        slots = vars(base).get("__slots__")
        if slots is None and not base.__dictoffset__:
            # Not of Python: what it keeps, if it does, only its own code knows.
            if base.__basicsize__ > object.__basicsize__:
                return base
        elif {slots} if isinstance(slots, str) else {*(slots or ())} - {"__dict__", "__weakref__"}:
            return base
    return None
