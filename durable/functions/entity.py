"""Entity and DurableEntityContext: there, so that apps import and annotate; served later.

Entities come with the next version. Whoever makes one is told so, at that line.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from durable.functions.errors import BindingRefusedError, NotServedError

LATER = "Entities are not there yet; they come with the next version."


class InternalEntityException(Exception):  # noqa: N818  (1.7's name)
    """1.7's error of its own entity code. Nothing raises it here."""


class Entity:
    """An entity function; it can't be made in this version."""

    def __init__(self, entity_func: Callable[..., Any]) -> None:
        """Refuse, naming the function."""
        raise BindingRefusedError(f"The entity '{_name(entity_func)}': {LATER}")

    @classmethod
    def create(cls, fn: Callable[..., Any]) -> NoReturn:
        """Refuse, naming the function."""
        raise BindingRefusedError(f"The entity '{_name(fn)}': {LATER}")


class DurableEntityContext:
    """What an entity function gets; it can't be made in this version."""

    def __init__(self, name: str, key: str, exists: bool, state: Any) -> None:  # noqa: ARG002, FBT001
        """Refuse."""
        raise NotServedError(LATER)

    @classmethod
    def from_json(cls, json_str: str) -> NoReturn:  # noqa: ARG003  (1.7's signature)
        """Refuse."""
        raise NotServedError(LATER)


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


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", function))
