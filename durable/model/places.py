"""Places in a JSON value that is being read: the path so far, the depth, and how to go on."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from durable.model.annotations import spelt
from durable.model.custom_objects import revive
from durable.model.errors import InvalidPayloadError
from durable.model.writing import DEPTH_MAX

SHOWN_CHARS_MAX = 40


class Misfit(InvalidPayloadError):  # noqa: N818  (a finding; users see what it becomes)
    """A value that is not what its annotation says. `path` leads to it: `.items[3].price`."""

    def __init__(self, path: str, reason: str) -> None:
        """Keep both for whoever knows what the whole value is called."""
        super().__init__(f"value{path} {reason}")
        self.path = path
        self.reason = reason


class GivenUp(Misfit):
    """A value on which no more work is spent; other members of a union are not tried either."""


class Effort:
    """How many more reads one value may cost.

    Unions within unions are tried one by one, so a payload could ask for work without end.
    """

    def __init__(self, reads: int) -> None:
        """Allow so many."""
        self._left = reads

    def spend(self, path: str) -> None:
        """Count one, or raise `GivenUp`."""
        self._left -= 1
        if self._left < 0:
            raise GivenUp(path, "takes too many attempts to fit into unions of its type")


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where in the value we are, and by which rules we read.

    `strict`: no payload names a class. `revives`: there may be envelopes to open.
    """

    reader: "Reader"
    effort: Effort
    strict: bool = False
    revives: bool = False
    path: str = ""
    depth: int = 0

    def read(self, value: Any, expected: Any) -> Any:
        """Make of the value at this place what is expected, or raise `InvalidPayloadError`."""
        self.effort.spend(self.path)
        return self.reader(value, expected, self)

    def member(self, name: str) -> "Place":
        """Go to a member of an object."""
        step = f".{name}" if name.isidentifier() else f"[{shown(name)}]"
        return self._at(step)

    def item(self, index: int) -> "Place":
        """Go to an item of a list."""
        return self._at(f"[{index}]")

    def _at(self, step: str) -> "Place":
        if self.depth == DEPTH_MAX:
            raise GivenUp(self.path, f"is nested deeper than {DEPTH_MAX}")
        return dataclasses.replace(self, path=self.path + step, depth=self.depth + 1)

    def misfit(self, expected: Any, value: Any, why: str = "") -> Misfit:
        """Say what should be here, and what is."""
        reason = f"should be {spelt(expected)}, but is {shown(value)}"
        return Misfit(self.path, f"{reason} ({why})" if why else reason)


def shown(value: Any) -> str:
    """Name a JSON value without spreading what it holds."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value) if isinstance(value, str | int | float | None) else repr(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"


Reader = Callable[[Any, Any, Place], Any]


def revive_all(value: Any, place: Place) -> Any:
    """Revive every envelope in a JSON value, the innermost first."""
    if isinstance(value, dict):
        return revive(
            {name: revive_all(member, place.member(name)) for name, member in value.items()}
        )
    if isinstance(value, list):
        return [revive_all(item, place.item(index)) for index, item in enumerate(value)]
    return value
