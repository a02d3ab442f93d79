"""Expressions: what they are worth. Total, and without effect (paper 4.3, Eval-App)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from durable.testing.programs.syntax import (
    MODULUS,
    Constant,
    Expression,
    Row,
    Sum,
    Value,
    Variable,
    weight_of,
)

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def evaluate(
    expression: Expression, variables: Mapping[str, Value], time: datetime | None = None
) -> Value:
    """Give the value of an expression; `Clock` is the `time` of the episode, `None` without one."""
    match expression:
        case Constant():
            return expression.value
        case Variable():
            return variables.get(expression.name)
        case Sum():
            weights = (weight_of(evaluate(term, variables, time)) for term in expression.terms)
            return sum(weights) % MODULUS
        case Row():
            return tuple(evaluate(item, variables, time) for item in expression.items)
        case _:
            # Whole milliseconds by whole numbers: a float would lose one here and there.
            return None if time is None else (time - UNIX_EPOCH) // MILLISECOND
