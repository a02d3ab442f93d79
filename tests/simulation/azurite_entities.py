"""What entities have served on a hub, judged by their own rows; and what of it chance decides."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import Program, SignalEntity
from tests.simulation.observables import CALLERS, Fact, Observables

Seen = Mapping[str, Observables]


def faults_of(program: Program, seen: Seen) -> list[str]:
    """Say where entities have served what they must not, by the order in which they served it."""
    # A signal for later keeps its number and waits for its time.
    is_in_order = not any(
        isinstance(node, SignalEntity) and node.after_s for node in nodes_of(program)
    )
    found = []
    for name, each in seen.items():
        if is_in_order and (disorder := _out_of_order(each.served)):
            found.append(f"'{name}' has served out of its sender's order: {disorder}")
        if between := _between(each.served):
            found.append(f"'{name}' has served others under a lock: {between}")
    return found


def _out_of_order(served: tuple[Fact, ...]) -> list[Fact]:
    """List what came behind something that its sender had sent later."""
    last: defaultdict[str, int] = defaultdict(int)
    found = []
    for fact in served:
        sender, number, *_ = fact
        if sender != CALLERS:
            if number <= last[sender]:
                found.append(fact)
            last[sender] = number
    return found


def _between(served: tuple[Fact, ...]) -> list[Fact]:
    """List what was served between a lock and its release and is not the holder's; or no release.

    A release where its sender holds nothing frees nobody.
    """
    holder: Fact | None = None
    found = []
    for fact in served:
        sender, _, what, *_ = fact
        if holder is not None and sender != holder[0]:
            found.append(fact)
        elif what == "lock":
            holder = fact
        elif what == "unlock":
            holder = None
    return found if holder is None else [*found, holder]


def without_chance(seen: Seen) -> dict[str, Observables]:
    """Leave out the values of answers that show whose turn an entity took first.

    Those are answers of entities that more than one sender has operations of. How the call ended
    stays, and the message of a failure.
    """
    contested = {name for name, each in seen.items() if len(_operators(each)) > 1}
    return {name: _without_values(each, contested) for name, each in seen.items()}


def _operators(entity: Observables) -> set[str]:
    return {sender for sender, _, what, *_ in entity.served if what == "operation"}


def _without_values(each: Observables, contested: set[str]) -> Observables:
    by_chance = {fact[1] for fact in each.scheduled if fact[0] == "call" and fact[2] in contested}
    answers = {
        task_id: answer[:1] if task_id in by_chance and answer[0] == "completed" else answer
        for task_id, answer in each.answers.items()
    }
    return replace(each, answers=answers)
