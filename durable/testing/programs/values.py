"""Values, and the expressions that compute them: the part of the language that has no effect.

Everything is total: an expression has a value for any values of its variables, so that a program
shrunk by chance still runs. `syntax` shows all of this as its own.
"""

from dataclasses import dataclass
from typing import TypeAlias, Union

Value: TypeAlias = Union[bool, int, str, "tuple[Value, ...]", None]
"""What payloads are: JSON without objects and fractions. A JSON array is a tuple."""

MODULUS = 9973


def weight_of(value: Value) -> int:
    """Weigh any value: a number is itself, a text its length, an array the sum of its items."""
    match value:
        case None:
            return 0
        case bool() | int():
            return int(value)
        case str():
            return len(value)
        case _:
            return sum(weight_of(item) for item in value)


# Expressions. Evaluating has no effect.


@dataclass(frozen=True, slots=True)
class Constant:
    """This value."""

    value: Value


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of a variable; `None` where it has none. `input` is the function's input."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of the terms' weights, modulo `MODULUS`."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Row:
    """An array of the items' values."""

    items: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of the episode, in whole milliseconds since 1970 UTC (orchestrations only)."""


Expression: TypeAlias = Constant | Variable | Sum | Row | Clock
