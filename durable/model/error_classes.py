"""Error classes: which exceptions of an app come back as themselves where a task has failed.

A failure names its class by text. The text is looked up among the classes that the app has
registered, and nowhere else: what arrives in a payload never chooses a class of a module.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

E = TypeVar("E", bound=type[BaseException])


class ErrorClasses(Mapping[str, type[BaseException]]):
    """Registered exception classes by their bare names."""

    def __init__(self) -> None:
        """Begin empty."""
        self._classes: dict[str, type[BaseException]] = {}

    def add(self, error_class: type[BaseException]) -> None:
        """Register a class, or raise `TypeError` or `ValueError` saying why it can't be one."""
        given: object = error_class
        if not isinstance(given, type) or not issubclass(given, Exception):
            raise TypeError(f"{error_class!r} is no class of exceptions.")
        name = error_class.__name__
        known = self._classes.get(name, error_class)
        # The same class once more, from a module that was loaded anew, takes the place of the old.
        if (known.__module__, known.__qualname__) != (
            error_class.__module__,
            error_class.__qualname__,
        ):
            raise ValueError(
                f"Two classes of errors are named '{name}': {known.__module__}."
                f"{known.__qualname__} and {error_class.__module__}.{error_class.__qualname__}. "
                "A failure names its class by the bare name; give one of them another."
            )
        self._classes[name] = error_class

    def __getitem__(self, name: str) -> type[BaseException]:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


DECORATED = ErrorClasses()
"""What `durable_error` has marked in this process."""


def durable_error(error_class: E) -> E:
    """Let an orchestrator catch this class where a task failed with it, or with a subclass.

    Such a task raises a `TaskFailedError` that is an instance of this class too. The class is not
    called: its attributes are those that JSON could carry (`FailureDetails.properties`).
    """
    DECORATED.add(error_class)
    return error_class
