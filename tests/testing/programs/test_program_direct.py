"""The direct run: what it does by itself, and that the engine comes to the same."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from durable.testing.programs.bodies import ACTIVITIES, echo
from durable.testing.programs.code import STYLES
from durable.testing.programs.direct import DirectResult, end_directly, run_directly
from durable.testing.programs.errors import UnsupportedProgram
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.handwritten import CONFLUENT, NAMED
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.strategies import confluent_programs, programs
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallerAction,
    Clock,
    Constant,
    Made,
    Make,
    Orchestration,
    Program,
    RaiseEvent,
    Return,
    Row,
    Section,
    SetStatus,
    SetTimer,
    Start,
    Statement,
    Terminate,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.outcomes import TooManyStates, outcomes
from tests.testing.programs.on_the_engine import PlainHub, ids_in, named_in

V = Variable("v")
GO = WaitForEvent("go")
STATES_MAX = 500
ENOUGH = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def program_of(*body: Statement, script: tuple[CallerAction, ...] = ()) -> Program:
    """One orchestration; without a script, one instance of it."""
    script = script or (Start("a", "main", 0),)
    return Program("p", (Orchestration("main", body),), ACTIVITIES, script=script)


def test_results_come_by_instance_and_only_of_those_that_were_started() -> None:
    """Each started instance is told once, in the order of ids."""
    program = program_of(
        Await("v", GO),
        Return(V),
        script=(
            RaiseEvent("b", "go", "nobody", 0),
            Start("c", "main", at_s=1),
            Start("a", "main", at_s=1),
            RaiseEvent("a", "go", (1,), 2),
        ),
    )
    assert run_directly(program) == (
        DirectResult("a", "Completed", (1,)),
        DirectResult("c", "Running"),
    )


def test_a_failure_is_its_message() -> None:
    """The value of a failed instance is the message alone, with the custom status kept."""
    program = program_of(SetStatus(Constant("s")), Await("v", CallActivity("even", Constant(1))))
    assert run_directly(program) == (DirectResult("a", "Failed", "odd", "s"),)


def test_terminate_ends_at_once() -> None:
    """The value is the reason; what comes later has no effect, a second terminate is refused."""
    program = program_of(
        Await("v", AllOf((SetTimer(60), GO))),
        SetStatus(Constant("not reached")),
        script=(
            Start("a", "main"),
            RaiseEvent("a", "go", 1, 2),
            Terminate("a", "first", 5),
            Terminate("a", "second", 5),
            RaiseEvent("a", "go", 1, 7),
        ),
    )
    assert run_directly(program) == (DirectResult("a", "Terminated", "first"),)


def test_a_start_is_refused_while_the_instance_lives_and_begins_anew_afterwards() -> None:
    """Events and results of the life before do not reach the new one."""
    program = program_of(
        Await("v", AllOf((GO, SetTimer(10)))),
        Return(Row((Variable("input"), V))),
        script=(
            Start("a", "main", 1),
            Start("a", "main", 2, 1),
            RaiseEvent("a", "go", "old", 2),
            RaiseEvent("a", "go", "old", 3),
            Start("a", "main", 3, 20),
            RaiseEvent("a", "go", "new", 40),
        ),
    )
    assert run_directly(program) == (DirectResult("a", "Completed", (3, ("new", None))),)


def test_activities_answer_at_once_and_timers_when_they_are_due() -> None:
    """The virtual clock stands still for activities and moves to the next timer."""
    seconds = (
        Await("_", AllOf((echo(1), echo(2)))),
        Await("first", AnyOf((SetTimer(20), SetTimer(10), echo(3)))),
        Await("second", AnyOf((SetTimer(20), SetTimer(10)))),
        Return(Row((Variable("first"), Variable("second"), Clock()))),
    )
    assert run_directly(program_of(*seconds)) == (
        DirectResult("a", "Completed", ((2, 3), (1, None), 1_767_225_610_000)),
    )


def test_an_event_waits_until_it_is_asked_for() -> None:
    """Only what is awaited now takes events, the earliest first; a lost race swallows none."""
    program = program_of(
        Make("old", WaitForEvent("other")),
        Await("lost", AnyOf((Made("old"), echo("won")))),
        Await("_", SetTimer(60)),
        Await("v", AllOf((GO, WaitForEvent("other"), GO))),
        Return(Row((Variable("lost"), V))),
        script=(
            Start("a", "main"),
            RaiseEvent("a", "go", 1, 1),
            RaiseEvent("a", "other", 2, 2),
            RaiseEvent("a", "go", 3, 3),
        ),
    )
    assert run_directly(program) == (DirectResult("a", "Completed", ((1, "won"), (1, 2, 3))),)


@pytest.mark.parametrize(
    ("race", "value"),
    [
        (AnyOf((Made("one"), AllOf((Made("one"),)))), (0, 1)),
        (AnyOf((AllOf((Made("one"),)), Made("one"))), (0, (1,))),
        (AnyOf((Made("two"), AllOf((Made("one"),)))), (1, (1,))),
        (AnyOf((AllOf((Made("two"), Made("one"))), Made("two"))), (0, (2, 1))),
    ],
)
def test_a_composite_ends_with_the_completion_that_decided_it(
    race: AnyOf, value: tuple[object, ...]
) -> None:
    """When it was made does not matter; of two that ended at once the left one wins."""
    before = (Make("one", echo(1)), Make("two", echo(2)), Await("_", Made("one")))
    late = program_of(*before, Await("_", Made("two")), Await("v", race), Return(V))
    early = program_of(*before, Make("race", race), Await("_", Made("two")), Return(V))
    assert run_directly(late)[0].value == value
    assert run_directly(early)[0].value is None


def test_what_cannot_run_as_code_is_refused() -> None:
    """The direct run refuses what the engine's runner refuses."""
    with pytest.raises(UnsupportedProgram, match=r"^Section: "):
        run_directly(program_of(Section(("e",), ())))


@pytest.mark.parametrize("name", sorted(CONFLUENT))
async def test_the_engine_comes_to_the_same_for_each_program_written_by_hand(name: str) -> None:
    """Recording is transparent: in whatever order messages arrive, the results are the same."""
    program = NAMED[name]
    end = end_directly(program)
    expected = named_in(program, end.instances)
    for seed in range(3):
        hub = PlainHub(program, seed=seed, style=STYLES[seed % 2])
        assert await hub.run() == expected
        assert await hub.entities() == end.entities


@settings(ENOUGH, max_examples=130)
@given(
    program=st.one_of(confluent_programs(), confluent_programs(has_children=True)),
    seed=st.integers(0, 3),
)
async def test_the_engine_comes_to_the_same_for_random_programs_of_one_outcome(
    program: Program, seed: int
) -> None:
    """The same, for programs at random."""
    expected = named_in(program, run_directly(program))
    assert await PlainHub(program, seed=seed).run() == expected


@settings(ENOUGH, max_examples=80)
@given(program=family_programs(), seed=st.integers(0, 9))
async def test_the_engine_comes_to_what_is_specified_for_random_families(
    program: Program, seed: int
) -> None:
    """Whatever they do to each other: what is seen of the instances with ids is allowed."""
    assume(not any(isinstance(node, Clock) for node in nodes_of(program)))
    try:
        specified = outcomes(program, STATES_MAX)
    except TooManyStates:
        return
    ids = ids_in(program)
    allowed = {tuple(one for one in each.instances if one[0] in ids) for each in specified}
    results = await PlainHub(program, seed=seed).run()
    found = tuple((r.instance_id, r.status, r.value, r.custom_status) for r in results)
    assert found in allowed


@settings(ENOUGH, max_examples=60)
@given(program=programs())
def test_the_direct_run_of_any_program_ends_and_repeats_itself(program: Program) -> None:
    """There is a result for each instance, the same each time."""
    results = run_directly(program)
    assert [result.instance_id for result in results] == sorted(
        {action.instance_id for action in program.script if isinstance(action, Start)}
    )
    assert run_directly(program) == results
