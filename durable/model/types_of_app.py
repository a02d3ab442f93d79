"""TypesOfApp: what an app's annotations and registrations say about its values.

The mind decodes by it and knows no registry; the registry offers it. Every answer may be "not
known": the value is then plain JSON.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from durable.model.converters import Converter


class TypesOfApp(Protocol):
    """Types by the name of a function, and error classes by the name of an error."""

    @property
    def converter(self) -> Converter | None:
        """The app's converter; `None` is the usual one."""

    def result_type(self, name: str) -> Any:
        """Return what the activity or orchestrator of this name returns; `None` is not known."""

    def input_type(self, name: str) -> Any:
        """Return what the activity or orchestrator of this name takes; `None` is not known."""

    def operation_type(self, entity: str, operation: str) -> Any:
        """Return what an operation of the entity of this name returns; `None` is not known."""

    def error_class(
        self, error_type: str, base_types: Sequence[str] = ()
    ) -> type[BaseException] | None:
        """Return the class registered under this name, or under the nearest of its bases."""


class NoTypes:
    """An app that says nothing."""

    @property
    def converter(self) -> Converter | None:
        """The usual one."""
        return None

    def result_type(self, name: str) -> Any:
        """Know none."""
        del name

    def input_type(self, name: str) -> Any:
        """Know none."""
        del name

    def operation_type(self, entity: str, operation: str) -> Any:
        """Know none."""
        del entity, operation

    def error_class(
        self, error_type: str, base_types: Sequence[str] = ()
    ) -> type[BaseException] | None:
        """Know none."""
        del error_type, base_types
        return None
