"""Entity: the handle that stands for a user's entity in a function app.

A handle is what `Entity.create` returns and what the decorators put into the builder. The user's
function or class is found at `.entity_function`, as in azure-functions-durable 1.7.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import azure.functions as func

from durable.engine.entity_context import DurableEntityContext
from durable.functions.entity_message import answer
from durable.functions.errors import BindingRefusedError

# Where unit tests written for azure-functions-durable look for the user's function.
ENTITY_FUNCTION = "entity_function"


class InternalEntityException(Exception):  # noqa: N818  (1.7's name)
    """1.7's error of its own entity code. Nothing raises it here."""


class Entity:
    """The user's entity function; `create` makes what a classic app calls `main`."""

    def __init__(self, entity_func: Callable[..., Any]) -> None:
        """Take the user's function (1.7's name of the parameter)."""
        self.fn = entity_func

    def handle(self, context: DurableEntityContext, batch: Sequence[Mapping[str, Any]]) -> str:
        """Run operations on the spot and answer in JSON: for unit tests.

        Context and batch are those that `DurableEntityContext.from_json` makes of a message.
        """
        return answer(self.fn, context, batch)

    @classmethod
    def create(cls, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Make the handle of an entity: `main = df.Entity.create(entity_function)`."""
        return entity_handle_of(fn)


class EntityStateResponse:
    """What `read_entity_state` answers."""

    def __init__(self, entity_exists: bool, entity_state: Any = None) -> None:  # noqa: FBT001
        """Say whether there is such an entity, and its state."""
        self._entity_exists = entity_exists
        self._entity_state = entity_state

    @property
    def entity_exists(self) -> bool:
        """Whether there is such an entity."""
        return self._entity_exists

    @property
    def entity_state(self) -> Any:
        """Its state; `None` where there is no such entity."""
        return self._entity_state


def entity_handle_of(entity: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the user's function or class, or take the handle that it is already.

    Called with a context it calls the function, with nothing it makes one of the class. A message
    of the extension's, which a unit test may have, is answered with JSON.
    """
    if hasattr(entity, "client_function"):
        raise BindingRefusedError(
            f"The entity '{entity.__name__}' has a durable client. An entity signals others and "
            "starts orchestrations through its context."
        )
    fn = getattr(entity, ENTITY_FUNCTION, entity)
    # What a class has in its `__dict__` are its members, and none of a function's.
    updated = () if isinstance(fn, type) else functools.WRAPPER_UPDATES

    @functools.wraps(fn, updated=updated)
    def handle(*args: Any, **named: Any) -> Any:
        message = _message_in(*args)
        if message is None:
            return fn(*args, **named)
        return Entity(fn).handle(*DurableEntityContext.from_json(message))

    vars(handle)[ENTITY_FUNCTION] = fn
    return handle


def _message_in(*args: Any) -> str | None:
    """Find the extension's message, which comes alone, as text or in a `.body`."""
    if len(args) != 1:
        return None
    body = args[0].body if isinstance(args[0], func.EntityContext) else args[0]
    return body.decode() if isinstance(body, bytes) else body if isinstance(body, str) else None
