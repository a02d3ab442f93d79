"""Programs at random that are rich in entities and critical sections. Needs Hypothesis.

Whatever may happen: calls that nobody waits for, errors and broken rules inside of sections, who is
terminated or suspended, lock sets that overlap.
"""

from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from durable.testing.programs.lock_vocabulary import (
    DELAYS,
    ENTITIES,
    ENTITY_NAMES,
    IDS,
    INPUT,
    LEAF,
    LOCK_SETS,
    LOCKS,
    NAMES,
    NOTHING,
    OPERATIONS,
)
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    Block,
    CallEntity,
    CallerAction,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Made,
    Make,
    Orchestration,
    Program,
    Raise,
    Resume,
    Section,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    Statement,
    Suspend,
    Task,
    Terminate,
    Try,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    END,
    INCREMENT,
    MADE,
    NEVER,
    NUMBERS,
    VARIABLE_NAMES,
    calls,
    often,
)


@cache
def _entity_calls(names: tuple[str, ...]) -> SearchStrategy[Task]:
    return st.builds(CallEntity, st.sampled_from(names), OPERATIONS, NUMBERS)


@cache
def _awaited(names: tuple[str, ...]) -> SearchStrategy[Task]:
    """Draw what is waited for: calls of these entities most of the time."""
    call = _entity_calls(names)
    other: SearchStrategy[Task] = st.one_of(
        calls(ECHO, INCREMENT), st.builds(SetTimer, st.sampled_from((1, 30)))
    )
    pair = st.tuples(call, st.one_of(call, other))
    return st.one_of(
        *often(call, 3),
        other,
        st.builds(AllOf, pair),
        st.builds(AnyOf, pair),
        st.builds(Made, st.sampled_from(MADE)),
    )


@cache
def _simple(names: tuple[str, ...]) -> SearchStrategy[Statement]:
    """Draw a statement that calls these, and may signal any."""
    wait = st.builds(Await, VARIABLE_NAMES, _awaited(names))
    return st.one_of(
        *often(wait, 4),
        st.builds(Make, st.sampled_from(MADE), _entity_calls(names)),
        st.builds(lambda each: Try((each,), "error", ()), wait),
        st.builds(SignalEntity, ENTITY_NAMES, OPERATIONS, NUMBERS, DELAYS),
    )


def _blocks(statement: SearchStrategy[Statement], most: int) -> SearchStrategy[Block]:
    return st.lists(statement, min_size=1, max_size=most).map(tuple)


_BREAKS: SearchStrategy[Statement] = st.one_of(
    st.builds(Section, LOCK_SETS, st.just(())),
    st.builds(lambda name: Await("v", CallEntity(name, "get", NOTHING)), ENTITY_NAMES),
    st.just(Await("v", CallOrchestration("leaf", Constant(1)))),
)
_CONTINUES: Block = (If(INPUT, (), (ContinueAsNew(Constant(1)),)),)
_LEAVES_BY: SearchStrategy[Block] = st.sampled_from(
    (
        (),
        _CONTINUES,
        (Raise("raised"),),
        (END,),
        (Raise("raised again"),),
        (*_CONTINUES, END),
        (Await("_", AnyOf((NEVER, SetTimer(60)))),),
    )
)


@st.composite
def _sections(draw: DrawFn) -> Statement:
    names = draw(LOCK_SETS)
    inside = list(draw(_blocks(_simple(names), 2)))
    if draw(st.integers(0, 5)) == 0:
        broken = draw(_BREAKS)
        inside.append(Try((broken,), "error", ()) if draw(st.booleans()) else broken)
    section = Section(names, (*inside, *draw(_LEAVES_BY)))
    return Try((section,), "error", ()) if draw(st.booleans()) else section


# Made once: to make strategies takes longer than to draw from them.
_CHILDREN: SearchStrategy[Statement] = st.builds(
    lambda name, number: Await("v", CallOrchestration(name, number)),
    st.sampled_from(("leaf", "locks")),
    NUMBERS,
)
_BODIES = _blocks(st.one_of(*often(_sections(), 4), *often(_simple(NAMES[:3]), 2), _CHILDREN), 3)


@st.composite
def programs_with_sections(draw: DrawFn) -> Program:
    """Draw a program that `registry_of` takes; how it ends may depend on the schedule."""
    bodies = draw(st.lists(_BODIES, min_size=1, max_size=3))
    functions = tuple(Orchestration(f"o{at}", (*body, END)) for at, body in enumerate(bodies))
    script: list[CallerAction] = []
    for instance_id in IDS[: draw(st.integers(2, 4))]:
        name = draw(st.sampled_from(functions)).name
        start = Start(instance_id, name, draw(st.integers(0, 3)), draw(st.sampled_from((0, 0, 1))))
        script += [start, *_disturbances(draw, start)]
    for _ in range(draw(st.integers(0, 2))):
        at_s = draw(st.sampled_from((0, 1, 30)))
        script.append(Signal(draw(ENTITY_NAMES), draw(OPERATIONS), 1, at_s, draw(DELAYS)))
    script.sort(key=lambda action: action.at_s)
    return Program(
        "random sections", (*functions, LEAF, LOCKS), (ECHO, INCREMENT), ENTITIES, tuple(script)
    )


def _disturbances(draw: DrawFn, start: Start) -> list[CallerAction]:
    at_s = draw(st.sampled_from((1, 2, 5, 30)))
    match draw(st.sampled_from(("none", "none", "none", "terminate", "terminate", "suspend"))):
        case "terminate":
            again = [Start(start.instance_id, start.orchestration, 1, at_s + 5)]
            end: CallerAction = Terminate(start.instance_id, "enough", at_s)
            return [end, *(again if draw(st.integers(0, 2)) == 0 else [])]
        case "suspend":
            return [Suspend(start.instance_id, at_s), Resume(start.instance_id, at_s + 60)]
        case _:
            return []
