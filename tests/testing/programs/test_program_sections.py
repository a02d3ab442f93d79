"""Programs of entities and critical sections: by themselves, directly, and on the engine."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.testing.programs.accounts import ACCOUNTS, BALANCE, get, program_of, signal
from durable.testing.programs.code import STYLES, Style, registry_of
from durable.testing.programs.confluent_sections import confluent_sections
from durable.testing.programs.direct import DirectEnd, DirectResult, end_directly
from durable.testing.programs.features import features
from durable.testing.programs.handwritten import CONFLUENT, NAMED, SECTION_PROGRAMS
from durable.testing.programs.lock_strategies import programs_with_sections
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    Program,
    Return,
    Row,
    Section,
    SetTimer,
    Signal,
    Start,
    Statement,
    Terminate,
    Value,
    Variable,
)
from durable.testing.specification.outcomes import Outcome, TooManyStates, outcomes
from tests.testing.programs.on_the_engine import PlainHub, named_in

PROFILE = settings(max_examples=50, derandomize=True, deadline=None, database=None)
STATES_MAX = 100
V = Variable("v")
RACING = [program for program in SECTION_PROGRAMS if program.name not in CONFLUENT]

# What random programs must reach; each in at least this share of them.
REACHED = {
    "AllOf": 0.1,
    "AnyOf": 0.1,
    "CallOrchestration": 0.1,
    "ContinueAsNew": 0.03,
    "Raise": 0.1,
    "Section": 0.7,
    "SetTimer": 0.1,
    "Signal": 0.2,
    "Suspend": 0.1,
    "Terminate": 0.2,
    "second start": 0.05,
    "several instances": 0.9,
}


async def end_on_the_engine(program: Program, seed: int, style: Style) -> DirectEnd:
    """Run it to rest: the instances that have names, and all entities."""
    hub = PlainHub(program, seed=seed, style=style)
    return DirectEnd(await hub.run(), await hub.entities())


def seen_in(program: Program, outcome: Outcome) -> DirectEnd:
    """Tell of an outcome what can be told of the engine."""
    instances = tuple(DirectResult(*each) for each in outcome.instances)  # type: ignore[arg-type]
    return DirectEnd(named_in(program, instances), outcome.entities)


def ends_of(*body: Statement, others: tuple[object, ...] = ()) -> dict[str, Value]:
    """Run `main` with this body directly; give the values of all instances."""
    program = program_of("p", body, *others)  # type: ignore[arg-type]
    return {each.instance_id: each.value for each in end_directly(program).instances}


def test_there_are_at_least_ten_programs_of_sections() -> None:
    """Each is found by its name, and most have one outcome."""
    assert len(SECTION_PROGRAMS) >= 10
    assert len(RACING) < len(SECTION_PROGRAMS) / 2
    assert all(NAMED[program.name] is program for program in SECTION_PROGRAMS)


def test_the_direct_run_serves_the_section_and_then_the_others() -> None:
    """Who signals meanwhile waits behind the lock, whenever that was asked for (H2)."""
    look = Await("v", AllOf((get("alice"), get("bob"))))
    section = Section(("alice", "bob"), (Await("_", SetTimer(60)), look))
    ends = ends_of(section, Return(V), others=(Signal("bob", "add", 1, 30),))
    assert ends == {"a": (BALANCE, BALANCE)}


def test_the_direct_run_releases_behind_the_calls_of_the_section() -> None:
    """So does a terminate: nobody is left waiting (H5)."""
    program = program_of(
        "p",
        (Section(("bob",), (Await("_", SetTimer(60)),)),),
        Start("b", "locks bob", 7, 1),
        Terminate("a", "enough", 5),
    )
    assert [each.status for each in end_directly(program).instances] == ["Terminated", "Completed"]


def test_the_direct_run_serves_a_signal_for_later_at_its_time() -> None:
    """Not before, and not in the order of its sender."""
    body = (
        signal("alice", 5, after_s=60),
        Await("v", get("alice")),
        Await("_", SetTimer(59)),
        Await("w", get("alice")),
        Await("_", SetTimer(2)),
        Await("x", get("alice")),
        Return(Row((V, Variable("w"), Variable("x")))),
    )
    assert ends_of(*body) == {"a": (BALANCE, BALANCE, BALANCE + 5)}


def test_money_is_conserved_by_who_only_moves_it() -> None:
    """The audit sees one sum, and so does who looks at the end."""
    end = end_directly(NAMED["a transfer between two accounts, and an audit"])
    assert {each.value for each in end.instances} == {"moved", len(ACCOUNTS) * BALANCE}
    assert sum(state for _, state in end.entities if isinstance(state, int)) == 3 * BALANCE


@pytest.mark.parametrize("program", RACING, ids=lambda program: program.name)
async def test_the_engine_comes_to_what_is_specified_where_sections_race(program: Program) -> None:
    """Whatever the order of messages: instances, entities and their states are allowed."""
    allowed = {seen_in(program, each) for each in outcomes(program)}
    for seed in range(6):
        assert await end_on_the_engine(program, seed, STYLES[seed % 2]) in allowed


@PROFILE
@given(program=confluent_sections(), seed=st.integers(0, 9), style=st.sampled_from(STYLES))
async def test_the_engine_comes_to_the_same_for_random_sections_of_one_outcome(
    program: Program, seed: int, style: Style
) -> None:
    """Recording, locks taken one by one and releases by message do not show (Lemma 6.7)."""
    expected = end_directly(program)
    assert await end_on_the_engine(program, seed, style) == DirectEnd(
        named_in(program, expected.instances), expected.entities
    )


@PROFILE
@given(program=programs_with_sections(), seed=st.integers(0, 9), style=st.sampled_from(STYLES))
async def test_the_engine_comes_to_what_is_specified_for_random_sections(
    program: Program, seed: int, style: Style
) -> None:
    """Whoever is terminated, raises, breaks rules or does not wait: the end is allowed."""
    try:
        specified = outcomes(program, STATES_MAX)
    except TooManyStates:
        return
    found = await end_on_the_engine(program, seed, style)
    assert found in {seen_in(program, each) for each in specified}


def test_random_sections_reach_all_constructs() -> None:
    """All can run as code, and each construct of interest is in a fair share of them."""
    counted: Counter[str] = Counter()
    drawn = 0

    @PROFILE
    @given(program=programs_with_sections())
    def draw(program: Program) -> None:
        nonlocal drawn
        drawn += 1
        registry_of(program)
        times = [action.at_s for action in program.script]
        assert times == sorted(times)
        # What every entity could do says nothing.
        called = [each for each in program.orchestrations if each.name.startswith("o")]
        counted.update(features(Program("", tuple(called), script=program.script)))

    draw()
    scarce = {
        name: counted[name] for name, share in REACHED.items() if counted[name] < share * drawn
    }
    assert not scarce, f"of {drawn}: {scarce}"
