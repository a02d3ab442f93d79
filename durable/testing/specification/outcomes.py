"""Outcomes: all that a program can come to, or what one schedule comes to.

An outcome is what is left when nothing can happen any more; an instance that waits for ever is in
it as Running. A program that goes on for ever without coming to rest has none on that way.

Values compare as Python's do, so `True` and `1` are one; compare by `repr` where that matters.
"""

from collections.abc import Callable
from dataclasses import dataclass

from durable.testing.programs.syntax import Program, Value
from durable.testing.specification.choices import choices
from durable.testing.specification.hub import initial, take
from durable.testing.specification.hub_state import Execution, HubState
from durable.testing.specification.reduction import Facts, facts_of, first_of

TRANSITIONS_MAX = 10_000


class TooManyStates(RuntimeError):  # noqa: N818  (it is no error of the program)
    """The exploration was given up: there is more to see than was allowed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """(id, status, output, custom status) of each instance, and (name, state) of each entity.

    Both are sorted. The output of a failed instance is the message, of a terminated one the reason.
    """

    instances: tuple[tuple[str, str, Value, Value], ...]
    entities: tuple[tuple[str, Value], ...]


def outcomes(
    program: Program, states_max: int = 20_000, *, reduced: bool = True
) -> frozenset[Outcome]:
    """Give every outcome of a program, by exhaustive exploration.

    Where the reduction names a transition that may go first, only that one is followed: see
    reduction.py for why nothing is lost; `reduced=False` does without, to check that.
    `TooManyStates` if more than `states_max` are found.
    """
    facts = facts_of(program) if reduced else None
    start = _run_ahead(program, facts, initial(program))
    found: set[Outcome] = set()
    seen = {start}
    pending = [start]
    while pending:
        state = pending.pop()
        after = [take(program, state, choice) for choice in choices(program, state)]
        if not after:
            found.add(outcome_of(state))
        for each in after:
            ahead = _run_ahead(program, facts, each)
            if ahead not in seen:
                seen.add(ahead)
                pending.append(ahead)
                if len(seen) > states_max:
                    raise TooManyStates(
                        f"Program '{program.name}' has more than {states_max:,} states."
                    )
    return frozenset(found)


def one_outcome(
    program: Program, choose: Callable[[int], int], *, transitions_max: int = TRANSITIONS_MAX
) -> Outcome:
    """Give the outcome of one schedule; `choose(n)` picks one of n transitions, from 0.

    `TooManyStates` if it does not come to rest within `transitions_max` transitions.
    """
    state = initial(program)
    for _ in range(transitions_max):
        found = list(choices(program, state))
        if not found:
            return outcome_of(state)
        state = take(program, state, found[choose(len(found))])
    raise TooManyStates(f"Program '{program.name}' does not come to rest.")


def outcome_of(state: HubState) -> Outcome:
    """Tell what can be seen of a state from outside."""
    instances: list[tuple[str, str, Value, Value]] = []
    for instance_id, instance in state.instances:
        local = instance.local
        if instance.is_purged:
            continue
        if isinstance(local, Execution):
            instances.append((instance_id, "Running", None, local.custom_status))
        else:
            seen = (instance_id, local.status, local.output, local.custom_status)
            instances.append(seen)
    entities = sorted(
        ((name, entity.state) for name, entity in state.entities), key=lambda each: each[0]
    )
    return Outcome(tuple(sorted(instances, key=lambda each: each[0])), tuple(entities))


def _run_ahead(program: Program, facts: Facts | None, state: HubState) -> HubState:
    if facts is None:
        return state
    for _ in range(TRANSITIONS_MAX):
        choice = first_of(facts, state, choices(program, state))
        if choice is None:
            return state
        state = take(program, state, choice)
    raise TooManyStates(f"Program '{program.name}' does not come to rest.")
