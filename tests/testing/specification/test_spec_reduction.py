"""The reduction loses no outcome and makes none up: checked on small programs of every kind."""

from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    CallEntity,
    CallerAction,
    CallOrchestration,
    Cancel,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Made,
    Make,
    Operation,
    Orchestration,
    Program,
    Purge,
    Raise,
    RaiseEvent,
    Resume,
    Retry,
    Return,
    Row,
    Section,
    SendEvent,
    SetState,
    SetStatus,
    SetTimer,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Suspend,
    Task,
    Terminate,
    Try,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.outcomes import TooManyStates, one_outcome, outcomes

STATES_MAX = 2_000
NAMES = ("x", "y")
ENTITIES = ("A", "B")

leaves: st.SearchStrategy[Task] = st.one_of(
    st.builds(
        CallActivity,
        st.sampled_from(["ok", "bad"]),
        st.builds(Constant, st.integers(0, 3)),
    ),
    st.builds(SetTimer, st.integers(1, 2)),
    st.builds(WaitForEvent, st.just("e")),
    st.builds(Made, st.sampled_from(NAMES)),
    st.builds(
        CallEntity,
        st.sampled_from(ENTITIES),
        st.sampled_from(["put", "tell", "fail"]),
        st.builds(Constant, st.integers(1, 2)),
    ),
    st.builds(
        CallOrchestration,
        st.just("child"),
        st.just(Constant(1)),
        st.sampled_from([None, None, "two"]),
    ),
    st.sampled_from(
        [
            Retry(CallActivity("bad", Constant(1)), 2),
            Retry(CallOrchestration("child", Constant(1)), 2),
        ]
    ),
)
pairs = st.tuples(leaves, leaves)
awaitables = st.one_of(leaves, leaves, st.builds(AllOf, pairs), st.builds(AnyOf, pairs))


def statements(depth: int) -> st.SearchStrategy[Statement]:
    """Draw a statement; blocks in it are at most this deep."""
    seen = st.sampled_from([Variable("x"), Variable("y"), Row((Variable("x"), Variable("y")))])
    plain: list[st.SearchStrategy[Statement]] = [
        st.builds(Await, st.sampled_from(NAMES), awaitables),
        st.builds(Await, st.sampled_from(NAMES), awaitables),
        st.builds(Make, st.sampled_from(NAMES), awaitables),
        st.builds(Cancel, st.sampled_from(NAMES)),
        st.builds(SetStatus, seen),
        st.builds(Return, seen),
        st.just(Raise("raised")),
        st.builds(SignalEntity, st.sampled_from(ENTITIES), st.just("put"), st.just(Constant(3))),
        st.builds(SendEvent, st.sampled_from(["one", "two"]), st.just("e"), st.just(Constant(4))),
        st.builds(
            StartDetached, st.just("child"), st.just(Constant(2)), st.sampled_from([None, "two"])
        ),
    ]
    if depth:
        block = st.lists(statements(depth - 1), max_size=2).map(tuple)
        some = st.lists(st.sampled_from(ENTITIES), min_size=1, max_size=2).map(tuple)
        plain += [
            st.builds(Section, some, block),
            st.builds(Try, block, st.just("x"), block),
            st.builds(If, seen, block, block),
        ]
    return st.one_of(plain)


ends: st.SearchStrategy[Block] = st.sampled_from(
    [
        (Return(Row((Variable("x"), Variable("y")))),),
        (Return(Row((Variable("x"), Variable("y")))),),
        (If(Variable("input"), (Return(Variable("x")),)), ContinueAsNew(Constant(1))),
    ]
)
bodies = st.builds(
    lambda block, end: (*block, *end), st.lists(statements(1), max_size=3).map(tuple), ends
)
children: st.SearchStrategy[Block] = st.sampled_from(
    [
        (Return(Variable("input")),),
        (Raise("no child"),),
        (Await("x", WaitForEvent("e")), Return(Variable("x"))),
        (Await("x", CallActivity("ok", Constant(1))), Return(Constant(7))),
        (SignalEntity("A", "put", Constant(1)), Await("x", CallEntity("B", "put", Constant(2)))),
    ]
)
actions: st.SearchStrategy[CallerAction] = st.sampled_from(
    [
        RaiseEvent("one", "e", 1),
        RaiseEvent("one", "e", 2),
        RaiseEvent("two", "e", 3),
        Terminate("one"),
        Terminate("one", is_recursive=False),
        Terminate("two"),
        Suspend("one"),
        Resume("one"),
        Suspend("two"),
        Purge("one"),
        Purge("two"),
        Start("one", "second", 4),
        Start("two", "second", 1),
    ]
)
STATE = Variable("state")
ENTITY_A = Entity(
    "A",
    0,
    (
        Operation("put", (SetState(Sum((STATE, STATE, Variable("input")))),), STATE),
        Operation(
            "tell", (SignalEntity("B", "put", STATE), SetState(Sum((STATE, Constant(1))))), STATE
        ),
        Operation("fail", (SetState(Constant(9)),), STATE, Variable("input"), "refused"),
    ),
)
ENTITY_B = Entity("B", 0, ENTITY_A.operations)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw two orchestrations, a child, and callers that start and disturb them."""
    script: list[CallerAction] = [Start("one", "first")]
    script += draw(st.lists(actions, max_size=2))
    return Program(
        name="drawn",
        orchestrations=(
            Orchestration("first", draw(bodies)),
            Orchestration("second", draw(bodies)),
            Orchestration("child", draw(children)),
        ),
        activities=(
            Activity("ok", Variable("input")),
            Activity("bad", Constant(0), Variable("input"), "bad"),
        ),
        entities=(ENTITY_A, ENTITY_B),
        script=tuple(script),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(programs())
def test_the_reduction_changes_no_set_of_outcomes(program: Program) -> None:
    """With and without the reduction a program has the same outcomes."""
    try:
        full = outcomes(program, STATES_MAX, reduced=False)
    except TooManyStates:
        assume(False)
    assert full == outcomes(program, STATES_MAX)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(programs(), st.randoms(use_true_random=False))
def test_what_one_schedule_comes_to_is_among_the_outcomes(program: Program, chance: Random) -> None:
    """Whatever transitions are chosen, the end is in the set that the exploration finds."""
    try:
        known = outcomes(program, STATES_MAX)
        found = one_outcome(program, chance.randrange)
    except TooManyStates:
        assume(False)
    assert found in known
