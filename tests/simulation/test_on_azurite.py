"""The same programs on Azurite as in memory: what is proved of the one holds of the other.

A sample, in real time: every second program written by hand, and a few that were drawn. So timers
are short, but for far ones, which here never fire; and the hub comes to rest before callers go on
to what they do at a later time of the script.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.model.errors import (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)
from durable.testing.oracles.outcomes import Standing
from durable.testing.programs.code import registry_of
from durable.testing.programs.handwritten import COMING, CONFLUENT, HANDWRITTEN
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.strategies import confluent_programs
from durable.testing.programs.syntax import (
    RANDOM_CONFLUENT,
    Block,
    CallActivity,
    CallerAction,
    Clock,
    If,
    Program,
    Purge,
    RaiseEvent,
    Repeat,
    Resume,
    Retry,
    SetTimer,
    Start,
    Suspend,
    Terminate,
    Try,
)
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.specification.outcomes import one_outcome, outcomes
from durable.testing.world.schedule import Schedule
from tests.simulation.azurite_hub import azurite_hub
from tests.simulation.observables import Observables, look

TIMER_S_MAX = 1
# What is as late as this lies in the table of far timers, where no rest is disturbed by it.
FAR_S = 3600
PACE_S = 600
RANDOM_PROGRAMS = 6
DRAWN = 120
NODES = range(20, 120)
REAL_S_MAX = 6
HUBS_AT_ONCE = 8
REFUSALS = (
    InstanceExistsError,
    InstanceNotFoundError,
    InstanceEndedError,
    InstanceNotEndedError,
)

# What is first is chance in these, and it shows: only what may come out is known.
BY_CHANCE = (
    "race, then its loser",
    "terminated with an event beside it",
    "two parents, one child id",
    "child against a start by a caller",
    "terminated while a child's start is under way",
    "resumed for nothing",
    "retries in a fan-out",
)

# A far timer fires in these, or one must be slower than something else; or something is done to
# what no longer runs when the hub has come to rest before.
TOO_LONG = (
    "timer race, won by the timer",
    "far timers due at once",
    "cancelled timer, waited for",
    "retry beaten by a timer",
    "retry until an id is free",
    "terminated, what it detached is not",
    "suspended while activities run",
    "suspended twice, resumed twice",
    "parent suspended while its child ends",
    "purged while alive",
    "receiver purged and born again",
    "child purged, then called again",
    "started for much later",
    "child whose id is to start later",
    "purged between two messages of a stream",
    "detached onto a purged id",
)
# What is terminated here waits for a timer of this length, which so is a far one.
WAITED_FOR_S = 30

Seen = dict[str, Observables]


def sampled(program: Program) -> Program:
    """Make timers short, and the times of the script so far apart that the hub rests in between."""
    ends = any(isinstance(action, Terminate) for action in program.script)
    shorter = cast("Program", _with_short_timers(program, WAITED_FOR_S if ends else FAR_S))
    script: list[CallerAction] = []
    times = 0
    for before, action in pairwise((None, *shorter.script)):
        assert action is not None
        times += before is not None and _rests_between(before, action)
        script.append(replace(action, at_s=PACE_S * times))
    return replace(shorter, script=tuple(script))


def _rests_between(before: CallerAction, action: CallerAction) -> bool:
    """At another time; and where the order in which two events come would show in the history."""
    match before, action:
        case RaiseEvent(), RaiseEvent() if before.name == action.name:
            in_order = before.instance_id == action.instance_id and before.data != action.data
        case _:
            in_order = False
    return in_order or before.at_s != action.at_s


def _with_short_timers(tree: Any, far_s: int) -> Any:
    match tree:
        case SetTimer(after_s):
            return SetTimer(FAR_S if after_s >= far_s else min(after_s, TIMER_S_MAX))
        case tuple():
            return tuple(_with_short_timers(each, far_s) for each in tree)
        case _ if is_dataclass(tree) and not isinstance(tree, type):
            parts = {f.name: _with_short_timers(getattr(tree, f.name), far_s) for f in fields(tree)}
            changed = replace(tree, **parts)
            match changed:
                case Retry():
                    return replace(changed, first_s=TIMER_S_MAX, coefficient=1)
                case Start():
                    return replace(changed, delay_s=min(changed.delay_s, TIMER_S_MAX))
                case _:
                    return changed
        case _:
            return tree


def drawn() -> list[Program]:
    """Draw random programs with one outcome: always the same, neither trivial nor slow."""
    found: dict[Any, Program] = {}

    @seed(1)
    @settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(confluent_programs())
    def each(program: Program) -> None:
        nodes = list(nodes_of(program.orchestrations))
        calls = any(isinstance(node, CallActivity) for node in nodes)
        slowest = max(_seconds_of(each.body) for each in program.orchestrations)
        if len(nodes) in NODES and calls and slowest <= REAL_S_MAX:
            found[program.orchestrations] = sampled(program)

    each()
    # Those in which callers do most.
    return sorted(found.values(), key=lambda each: -len(each.script))[:RANDOM_PROGRAMS]


def _seconds_of(block: Block) -> int:
    """Say how long timers can hold up a block at most, when all are short."""
    seconds = 0
    for statement in block:
        match statement:
            case Repeat(times, body):
                seconds += times * _seconds_of(body)
            case Try(body, _, handler):
                seconds += _seconds_of(body) + _seconds_of(handler)
            case If(_, then, otherwise):
                seconds += max(_seconds_of(then), _seconds_of(otherwise))
            case _:
                # Timers of one statement run side by side; the service counts whole seconds.
                seconds += 2 * any(isinstance(node, SetTimer) for node in nodes_of(statement))
    return seconds


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
        assert _has_far_timers(program) or not await hub.store.parked_timers(before="9")
        return await look(hub.store)


def _has_far_timers(program: Program) -> bool:
    timers = [node for node in nodes_of(program) if isinstance(node, SetTimer)]
    return any(timer.after_s >= FAR_S for timer in timers)


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


async def all_on_azurite(connection: str, programs: Sequence[Program]) -> list[Seen]:
    """Run several side by side."""
    environment = SystemEnvironment()
    at_once = asyncio.Semaphore(HUBS_AT_ONCE)

    async def each(program: Program) -> Seen:
        async with at_once:
            return await on_azurite(connection, program, environment)

    return await asyncio.gather(*(each(program) for program in programs))


def specified(program: Program) -> set[tuple[Standing, ...]]:
    """List what the specification allows."""
    if program.name in (*CONFLUENT, RANDOM_CONFLUENT):
        return {one_outcome(program, lambda _: 0).instances}
    return {outcome.instances for outcome in outcomes(program)}


def compare(connection: str, programs: Sequence[Program]) -> str:
    """Run and compare; gives the figures."""
    of_memory = [in_memory(program) for program in programs]
    of_azurite = asyncio.run(all_on_azurite(connection, programs))
    facts = 0
    for program, theirs, ours in zip(programs, of_memory, of_azurite, strict=True):
        standings = tuple(each.standing for each in ours.values())
        assert standings in specified(program), f"{program.name}: {standings}"
        if program.name in BY_CHANCE:
            continue
        assert ours.keys() == theirs.keys(), program.name
        for name, each in ours.items():
            differences = each.differences(theirs[name])
            assert not differences, f"{program}\n'{name}' on Azurite and in memory: {differences}"
            facts += each.facts
    instances = sum(len(seen) for seen in of_azurite)
    return f"{len(programs)} programs, {instances} instances, {facts} facts compared"


def _is_comparable(program: Program) -> bool:
    looks_at_the_clock = any(isinstance(node, Clock) for node in nodes_of(program))
    return program.name not in TOO_LONG and not looks_at_the_clock


Note = Callable[[str, object], None]


@pytest.mark.parametrize("kind", ["single instances", "families and lives"])
def test_programs_by_hand_are_the_same_on_azurite(
    kind: str, azurite_connection: str, record_property: Note
) -> None:
    """Statuses, outputs, histories and lists are those of the memory store; no queue holds more."""
    written = HANDWRITTEN if kind == "single instances" else COMING
    programs = [sampled(program) for program in written if _is_comparable(program)]
    figures = compare(azurite_connection, programs[::2])
    record_property("figure", f"the same on Azurite as in memory, by hand, {kind}: {figures}")


def test_random_programs_are_the_same_on_azurite(
    azurite_connection: str, record_property: Note
) -> None:
    """The same for programs that Hypothesis drew."""
    programs = drawn()
    assert len(programs) == RANDOM_PROGRAMS
    figures = compare(azurite_connection, programs)
    record_property("figure", f"the same on Azurite as in memory, at random: {figures}")
