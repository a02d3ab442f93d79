"""A hub followed along a path of rules: what may happen next, and what is seen then."""

from collections.abc import Iterable
from typing import Any

from durable.testing.programs.syntax import (
    Activity,
    Entity,
    Orchestration,
    Program,
    Statement,
    Variable,
)
from durable.testing.specification.hub import HubState, initial, steps
from durable.testing.specification.outcomes import outcome_of


def program(
    *functions: Orchestration,
    entities: Iterable[Entity] = (),
    script: Iterable[Any] = (),
) -> Program:
    """Make a program with the activity `a`, which returns its input, and `bad`, which fails."""
    activities = (
        Activity("a", Variable("input")),
        Activity("bad", Variable("input"), Variable("input"), "bad"),
    )
    return Program("hub", functions, activities, tuple(entities), tuple(script))


def main(*body: Statement) -> Orchestration:
    """Make the orchestration `main`."""
    return Orchestration("main", body)


def rules(app: Program, state: HubState) -> list[str]:
    """Name the rules that apply now, sorted."""
    return sorted(transition.rule for transition in steps(app, state))


def follow(app: Program, *path: str) -> HubState:
    """Take, from the beginning, the first transition of each of these rules."""
    state = initial(app)
    for rule in path:
        found = [each.state for each in steps(app, state) if each.rule == rule]
        assert found, f"{rule} does not apply; these do: {rules(app, state)}"
        state = found[0]
    return state


def seen(state: HubState, instance_id: str = "i") -> tuple[object, ...]:
    """Give (status, output, custom status) of an instance."""
    return next(each[1:] for each in outcome_of(state).instances if each[0] == instance_id)


def ids(state: HubState) -> list[str]:
    """List the instances that can be seen."""
    return [each[0] for each in outcome_of(state).instances]
