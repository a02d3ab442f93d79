"""Evaluate expressions in Python values: what a user's own code would compute."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from durable.testing.programs.syntax import (
    MODULUS,
    Clock,
    Constant,
    Expression,
    Row,
    Sum,
    Value,
    Variable,
    weight_of,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def evaluate(
    expression: Expression, variables: Mapping[str, Value], *, now: datetime | None = None
) -> Value:
    """Compute a value. `now` is the time of the episode; an activity has none."""
    match expression:
        case Constant(value):
            return value
        case Variable(name):
            return variables.get(name)
        case Sum(terms):
            weights = (weight_of(evaluate(term, variables, now=now)) for term in terms)
            return sum(weights) % MODULUS
        case Row(items):
            return tuple(evaluate(item, variables, now=now) for item in items)
        case Clock():
            if now is None:
                raise ValueError("Only an orchestration has a clock.")
            return (now - EPOCH) // MILLISECOND


def is_odd(value: Value) -> bool:
    """Tell whether a condition holds."""
    return weight_of(value) % 2 == 1


def value_of_json(json: Any) -> Value:
    """Turn lists, which is how JSON arrays come, into tuples."""
    if isinstance(json, list | tuple):
        return tuple(value_of_json(item) for item in json)
    plain: bool | int | str | None = json
    return plain
