"""The programs themselves: those written by hand, and those drawn at random."""

from collections import Counter

import pytest
from hypothesis import find, given, settings

from durable.testing.programs.bodies import LARGE_CHARS
from durable.testing.programs.code import registry_of
from durable.testing.programs.direct import run_directly
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.features import features
from durable.testing.programs.handwritten import (
    COMING,
    CONFLUENT,
    HANDWRITTEN,
    NAMED,
    SECTION_PROGRAMS,
)
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.strategies import confluent_programs, programs
from durable.testing.programs.syntax import (
    Clock,
    Constant,
    Orchestration,
    Program,
    RaiseEvent,
    Start,
    Terminate,
)
from tests.testing.programs.on_the_engine import PlainHub

WRITTEN = (*HANDWRITTEN, *COMING, *SECTION_PROGRAMS)
PROFILE = settings(max_examples=100, derandomize=True, deadline=None, database=None)

# What random programs must reach; each in at least this share of them.
REACHED = {
    "AllOf": 0.3,
    "AnyOf": 0.3,
    "Made": 0.2,
    "RaiseEvent": 0.2,
    "Repeat": 0.1,
    "SetTimer": 0.3,
    "Terminate": 0.05,
    "Try": 0.1,
    "failing activity": 0.2,
    "fan-out": 0.1,
    "nested tasks": 0.1,
    "race": 0.2,
    "second start": 0.05,
    "several instances": 0.2,
}

FAMILIES_REACH = {
    "CallOrchestration": 0.3,
    "ContinueAsNew": 0.2,
    "Purge": 0.05,
    "Retry": 0.3,
    "SendEvent": 0.1,
    "StartDetached": 0.1,
    "Suspend": 0.03,
    "Terminate": 0.1,
    "called by name": 0.1,
    "retry in a group": 0.1,
}


def test_the_programs_written_by_hand_have_names_of_their_own() -> None:
    """There are at least 14, each is found by its name, and most have one outcome."""
    assert len(NAMED) == len(WRITTEN) >= 14
    assert NAMED.keys() > CONFLUENT
    assert len(CONFLUENT) > len(WRITTEN) / 2


@pytest.mark.parametrize("program", WRITTEN, ids=lambda program: program.name)
def test_each_program_written_by_hand_comes_to_rest_with_nobody_waiting(program: Program) -> None:
    """None of them waits for ever: every instance ends."""
    assert registry_of(program).orchestrators
    assert all(result.status != "Running" for result in run_directly(program))


def test_the_scripts_are_in_the_order_of_their_times() -> None:
    """The language asks for it of every program."""
    for program in WRITTEN:
        times = [action.at_s for action in program.script]
        assert times == sorted(times), program.name


async def test_the_outcomes_of_a_racing_program_are_several() -> None:
    """A race between two activities is won by either, as the messages arrive."""
    program = NAMED["race, then its loser"]
    assert len({await PlainHub(program, seed=seed).run() for seed in range(8)}) == 2


async def test_large_values_leave_the_history() -> None:
    """The program with large values really has some that no row takes."""
    hub = PlainHub(NAMED["large values"])
    await hub.run()
    assert max(len(text) for text in hub.store.blobs.values()) > LARGE_CHARS


@PROFILE
@given(program=confluent_programs())
def test_programs_of_one_outcome_hold_nothing_that_depends_on_time(program: Program) -> None:
    """No clock, no terminate, no second start, and one value for each name of an event."""
    nodes = list(nodes_of(program))
    assert not any(isinstance(node, Clock | Terminate) for node in nodes)
    starts = [node.instance_id for node in nodes if isinstance(node, Start)]
    assert len(starts) == len(set(starts))
    events = [node for node in nodes if isinstance(node, RaiseEvent)]
    data = {(event.instance_id, event.name, event.data) for event in events}
    assert len(data) == len({(event.instance_id, event.name) for event in events})


def test_random_programs_reach_all_constructs() -> None:
    """All can run as code, and each construct of interest is in a fair share of them."""
    counted: Counter[str] = Counter()
    drawn = 0

    @PROFILE
    @given(program=programs())
    def draw(program: Program) -> None:
        nonlocal drawn
        drawn += 1
        registry_of(program)
        times = [action.at_s for action in program.script]
        assert times == sorted(times)
        counted.update(features(program))

    draw()
    scarce = {
        name: counted[name] for name, share in REACHED.items() if counted[name] < share * drawn
    }
    assert not scarce, f"of {drawn}: {scarce}"


def test_random_families_reach_all_constructs() -> None:
    """The same for programs of several instances."""
    counted: Counter[str] = Counter()
    drawn = 0

    @PROFILE
    @given(program=family_programs())
    def draw(program: Program) -> None:
        nonlocal drawn
        drawn += 1
        registry_of(program)
        times = [action.at_s for action in program.script]
        assert times == sorted(times)
        counted.update(features(program))

    draw()
    scarce = {
        name: counted[name]
        for name, share in FAMILIES_REACH.items()
        if counted[name] < share * drawn
    }
    assert not scarce, f"of {drawn}: {scarce}"


def test_what_fails_shrinks_to_something_small() -> None:
    """The smallest program that raises is one instance of a body with hardly anything else."""

    def fails(program: Program) -> bool:
        return "Raise" in features(program)

    smallest = find(programs(), fails, settings=PROFILE)
    assert len(smallest.orchestrations) == 1
    assert len(smallest.script) == 1
    assert len(list(nodes_of(smallest.orchestrations[0].body[:-1]))) <= 4


def test_features_name_what_is_there() -> None:
    """The class of each node, and in words what they come to."""
    assert {"fan-out", "AllOf"} <= features(NAMED["fan-out of 8"])
    assert "second start" in features(NAMED["started again with the same input"])
    assert {"several instances"} <= features(NAMED["two instances"])
    assert "large value" in features(NAMED["large values"])
    assert features(Program("empty", (), ())) == frozenset()
    assert [*nodes_of((Orchestration("o", ()), Constant((1, 2))))] == [
        Orchestration("o", ()),
        Constant((1, 2)),
    ]
