"""The same programs on Azurite as in memory: what is proved of the one holds of the other.

A sample, in real time: every third program written by hand, those that between them show what holds
of entities and sections, and a few that were drawn.

Compared, instance by instance: its standing, generation and summary; what it asked for, in order;
how each task was answered; what came from outside; and of an entity, what it has served of each
sender. Left out are times, ids, and the values of answers by an entity that several speak to, as
whose turn it took first shows in them; instead, what it served, in the order in which it did, is
held against what senders and locks promise.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.model.entity_ids import is_entity_id
from durable.model.errors import (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)
from durable.testing.oracles.specified import stored_state
from durable.testing.programs.code import registry_of
from durable.testing.programs.entity_code import entity_id_of
from durable.testing.programs.handwritten import CONFLUENT
from durable.testing.programs.syntax import (
    RANDOM_CONFLUENT,
    CallerAction,
    Program,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    Suspend,
    Terminate,
    entity_instance_id,
)
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.specification.outcomes import Outcome, one_outcome, outcomes
from durable.testing.world.schedule import Schedule
from tests.simulation.azurite_entities import faults_of, without_chance
from tests.simulation.azurite_hub import azurite_hub
from tests.simulation.azurite_programs import (
    BY_CHANCE,
    RANDOM_PROGRAMS,
    drawn,
    entities_and_sections,
    families_and_lives,
    has_far_timers,
    single_instances,
)
from tests.simulation.observables import Observables, look

HUBS_AT_ONCE = 8
REFUSALS = (
    InstanceExistsError,
    InstanceNotFoundError,
    InstanceEndedError,
    InstanceNotEndedError,
)

Seen = dict[str, Observables]


def in_memory(program: Program) -> Seen:
    """Run in the world, under all oracles."""
    store = run(Experiment(program, Schedule(1))).view._store
    return asyncio.run(look(store))


async def on_azurite(connection: str, program: Program, environment: SystemEnvironment) -> Seen:
    """Run on a hub of its own, between two hosts."""
    async with azurite_hub(connection, registry_of(program), environment) as hub:
        for _, actions in groupby(program.script, key=lambda action: action.at_s):
            for action in actions:
                with contextlib.suppress(*REFUSALS):
                    await _act(hub.client, action)
            await hub.come_to_rest()
        assert not await hub.other_queues()
        assert has_far_timers(program) or not await hub.store.parked_timers(before="9")
        return await look(hub.store)


async def _act(client: DurableClient, action: CallerAction) -> None:
    instance_id = action.instance_id
    match action:
        case Start(_, orchestration, argument, _, delay_s):
            later = datetime.now(UTC) + timedelta(seconds=delay_s) if delay_s else None
            await client.start(
                orchestration, instance_id=instance_id, input_=argument, start_at=later
            )
        case RaiseEvent(_, name, data):
            await client.raise_event(instance_id, name, data)
        case Terminate(_, reason):
            await client.terminate(instance_id, reason, recursive=action.is_recursive)
        case Suspend():
            await client.suspend(instance_id)
        case Resume():
            await client.resume(instance_id)
        case Purge():
            await client.purge(instance_id)
        case Signal(entity, operation, argument, _, after_s):
            due = datetime.now(UTC) + timedelta(seconds=after_s) if after_s else None
            await client.signal_entity(
                entity_id_of(entity), operation, argument, scheduled_time=due
            )


async def all_on_azurite(connection: str, programs: Sequence[Program]) -> list[Seen]:
    """Run several side by side."""
    environment = SystemEnvironment()
    at_once = asyncio.Semaphore(HUBS_AT_ONCE)

    async def each(program: Program) -> Seen:
        async with at_once:
            return await on_azurite(connection, program, environment)

    return await asyncio.gather(*(each(program) for program in programs))


def specified(program: Program) -> frozenset[Outcome]:
    """List what the specification allows."""
    if program.name in (*CONFLUENT, RANDOM_CONFLUENT):
        return frozenset({one_outcome(program, lambda _: 0)})
    return outcomes(program)


def outcome_of(program: Program, seen: Seen) -> Outcome:
    """Say what it came to, in the words of the specification."""
    states = []
    for entity in sorted(program.entities, key=lambda each: each.name):
        found = seen.get(entity_instance_id(entity.name))
        states.append((entity.name, stored_state(entity, found.state if found else None)))
    standings = [each.standing for name, each in seen.items() if not is_entity_id(name)]
    return Outcome(tuple(standings), tuple(states))


def compare(connection: str, programs: Sequence[Program]) -> str:
    """Run and compare; gives the figures."""
    of_memory = [in_memory(program) for program in programs]
    of_azurite = asyncio.run(all_on_azurite(connection, programs))
    facts = 0
    for program, theirs, ours in zip(programs, of_memory, of_azurite, strict=True):
        outcome = outcome_of(program, ours)
        assert outcome in specified(program), f"{program.name}: {outcome}"
        assert not faults_of(program, ours), program.name
        if program.name not in BY_CHANCE:
            facts += compare_facts(program, without_chance(theirs), without_chance(ours))
    instances = sum(len(seen) for seen in of_azurite)
    return f"{len(programs)} programs, {instances} instances, {facts} facts compared"


def compare_facts(program: Program, theirs: Seen, ours: Seen) -> int:
    """Compare one program's instances; gives the number of facts that histories had."""
    assert ours.keys() == theirs.keys(), program.name
    for name, each in ours.items():
        differences = each.differences(theirs[name])
        assert not differences, f"{program}\n'{name}' on Azurite and in memory: {differences}"
    return sum(each.facts for each in ours.values())


Note = Callable[[str, object], None]


@pytest.mark.parametrize("written", [single_instances, families_and_lives, entities_and_sections])
def test_programs_by_hand_are_the_same_on_azurite(
    written: Callable[[], list[Program]], azurite_connection: str, record_property: Note
) -> None:
    """Statuses, outputs, histories and lists are those of the memory store; no queue holds more."""
    figures = compare(azurite_connection, written())
    kind = written.__name__.replace("_", " ")
    record_property("figure", f"the same on Azurite as in memory, by hand, {kind}: {figures}")


def test_random_programs_are_the_same_on_azurite(
    azurite_connection: str, record_property: Note
) -> None:
    """The same for programs that Hypothesis drew."""
    programs = drawn()
    assert len(programs) == RANDOM_PROGRAMS
    figures = compare(azurite_connection, programs)
    record_property("figure", f"the same on Azurite as in memory, at random: {figures}")
