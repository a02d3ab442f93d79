"""Activities: a value in, a value or an error out (paper 4.3, Act-Done).

The paper's Act-Timeout (any busy activity may fail) is left out: it would put a failure into every
outcome. An activity of a program fails when it says so.
"""

from dataclasses import dataclass

from durable.testing.programs.syntax import Program, Value, weight_of
from durable.testing.specification.expressions import evaluate
from durable.testing.specification.names import activity_named


@dataclass(frozen=True, slots=True)
class ActivityOutcome:
    """What an activity came to: its value, or the message of its error."""

    value: Value = None
    message: str | None = None


def run_activity(program: Program, name: str, argument: Value) -> ActivityOutcome:
    """Run an activity once; `UnknownNameError` if the program has none of this name."""
    activity = activity_named(program, name)
    variables = {"input": argument}
    if activity.fails_if is not None and weight_of(evaluate(activity.fails_if, variables)) % 2:
        return ActivityOutcome(message=activity.error)
    return ActivityOutcome(value=evaluate(activity.result, variables))
