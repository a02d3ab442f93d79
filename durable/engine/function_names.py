"""FunctionNames: functions by names that are the same in any case, as the Functions host has them.

An app of azure-functions-durable 1.7 may call "Hello" what is defined as "hello": the Durable
extension compares the names of functions so (FunctionName.cs).
"""

from collections.abc import Iterator, MutableMapping
from typing import TypeVar

T = TypeVar("T")


class FunctionNames(MutableMapping[str, T]):
    """A dict whose keys are found in any case, and listed as they were written first."""

    def __init__(self) -> None:
        """Start empty."""
        self._written: dict[str, str] = {}
        self._found: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if not isinstance(name, str):
            raise KeyError(name)  # whatever was passed for a name, there is no such function
        return self._found[name.lower()]

    def __setitem__(self, name: str, value: T) -> None:
        self._written.setdefault(name.lower(), name)
        self._found[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del self._found[name.lower()]
        del self._written[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._written.values())

    def __len__(self) -> int:
        return len(self._written)
