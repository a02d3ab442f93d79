"""Outcomes: what it came to in the end is one of the things that the specification allows.

For a program with one outcome this is equality; for a small one membership in the set of all; for
the rest the refinement of the commits has to do. An instance whose caller did not learn of its
start and called again may have had one life more than the script says: then nothing is compared.
"""

import functools
from collections import Counter

from durable.model.entity_ids import is_entity_id
from durable.model.history import SubOrchestrationInstanceCreated
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.owed import has_default_id
from durable.testing.oracles.specified import stored_state, value_of
from durable.testing.oracles.violation import Violation
from durable.testing.programs.handwritten import CONFLUENT
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import (
    RANDOM_CONFLUENT,
    Clock,
    Program,
    Start,
    Value,
    entity_instance_id,
)
from durable.testing.specification.outcomes import Outcome, TooManyStates, one_outcome, outcomes

# A program that is known to have one outcome needs no exploration; the others are let go early, for
# many small programs find more than few large ones.
STATES_MAX = 250
FAILED = "Orchestrator function '{}' failed: "

Standing = tuple[str, str, Value, Value]


@functools.lru_cache(maxsize=2_000)
def allowed(program: Program) -> frozenset[Outcome] | None:
    """List all outcomes; `None` where there are too many states, or they depend on the time."""
    if any(isinstance(node, Clock) for node in nodes_of(program)):
        return None
    try:
        if program.name in (*CONFLUENT, RANDOM_CONFLUENT):
            return frozenset({one_outcome(program, lambda _: 0)})
        return outcomes(program, states_max=STATES_MAX)
    except TooManyStates:
        return None


def check_outcome(program: Program, view: HubView) -> bool:
    """Raise `Violation` unless the outcome is allowed; say whether it could be compared."""
    possible = allowed(program)
    if possible is None or _lived_too_often(program, view):
        return False
    found = Outcome(tuple(standings_of(view)), tuple(entities_of(program, view)))
    if found not in possible:
        raise Violation("outcome", f"it came to {found}; allowed are {[*possible]}")
    return True


def entities_of(program: Program, view: HubView) -> list[tuple[str, Value]]:
    """Say what state each entity of the program has; what was never set is the initial one."""
    found = []
    for entity in program.entities:
        text = view.state_of(InstanceId(entity_instance_id(entity.name)))
        found.append((entity.name, stored_state(entity, text)))
    return sorted(found, key=lambda each: each[0])


def standings_of(view: HubView) -> list[Standing]:
    """Say where each instance stands, as the specification's outcomes do."""
    names = names_of(view)
    return sorted(
        (
            _standing(names.get(instance_id, instance_id), instance_id, view)
            for instance_id, instance in view.instances.items()
            if instance.record is not None
            and not instance.record.is_absent
            and not is_entity_id(instance_id)
        ),
        key=lambda standing: standing[0],
    )


def names_of(view: HubView) -> dict[InstanceId, str]:
    """Tell how the specification calls what the engine gave an id (decision 1, paragraph 7).

    That is by the name of who started it, and a count over all lives of that.
    """
    names: dict[InstanceId, str] = {}
    pending = [instance_id for instance_id in view.instances if ":" not in instance_id]
    while pending:
        starter = pending.pop()
        started = [row for row in view.instances[starter].rows.values() if has_default_id(row)]
        for number, row in enumerate(started):
            assert isinstance(row.event, SubOrchestrationInstanceCreated)
            child = InstanceId(row.event.instance_id)
            names[child] = f"{names.get(starter, starter)}:{number}"
            pending.append(child)
    return names


def _standing(name: str, instance_id: InstanceId, view: HubView) -> Standing:
    record = view.instances[instance_id].record
    assert record is not None
    output = value_of(view.output_of(instance_id))
    if record.status is RuntimeStatus.FAILED and isinstance(output, str):
        output = output.removeprefix(FAILED.format(record.name))
    return (name, record.status.value, output, value_of(record.custom_status))


def _lived_too_often(program: Program, view: HubView) -> bool:
    """A caller's start may begin two lives where it did not learn of the first; others' may not."""
    asked = Counter(act.instance_id for act in program.script if isinstance(act, Start))
    for starter in view.instances.values():
        for row in starter.rows.values():
            if isinstance(row.event, SubOrchestrationInstanceCreated):
                asked[row.event.instance_id] += 1
    return any(
        instance.record is not None
        and not is_entity_id(instance_id)
        and instance.record.generation > asked[instance_id]
        for instance_id, instance in view.instances.items()
    )
