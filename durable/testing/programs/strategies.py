"""Programs at random: any that can run as code, or those with one outcome. Needs Hypothesis."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.one_outcome import OneOutcome
from durable.testing.programs.syntax import (
    RANDOM_CONFLUENT,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallerAction,
    Cancel,
    Clock,
    If,
    Let,
    Made,
    Make,
    Orchestration,
    Program,
    Raise,
    RaiseEvent,
    Repeat,
    Return,
    SetStatus,
    Start,
    Statement,
    Task,
    Terminate,
    Try,
    WaitForEvent,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    END,
    EVEN,
    EVENTS,
    INCREMENT,
    MADE,
    NEST_MAX,
    NEVER,
    REFUSE,
    SMALL_VALUES,
    TIMERS,
    VALUES,
    VARIABLE_NAMES,
    VARIABLE_VALUES,
    calls,
    children_of,
    often,
)

LEAVES: SearchStrategy[Task] = st.one_of(
    calls(ECHO, INCREMENT),
    calls(ECHO, INCREMENT, EVEN, REFUSE),
    TIMERS,
    st.builds(WaitForEvent, st.sampled_from(EVENTS)),
    st.builds(Made, st.sampled_from(MADE)),
)


def _several(tasks: SearchStrategy[Task]) -> SearchStrategy[Task]:
    groups = st.lists(tasks, max_size=3).map(tuple)
    return st.one_of(st.builds(AllOf, groups), st.builds(AnyOf, groups))


_tasks: SearchStrategy[Task] = st.one_of(
    LEAVES,
    _several(LEAVES),
    st.lists(calls(ECHO, INCREMENT, EVEN), min_size=2, max_size=5).map(lambda t: AllOf(tuple(t))),
    st.builds(
        lambda wait, timer: AnyOf((timer, wait)),
        st.sampled_from(EVENTS).map(WaitForEvent),
        TIMERS,
    ),
    _several(st.one_of(LEAVES, _several(LEAVES))),
)


def statements(nest: int) -> SearchStrategy[Statement]:
    """Draw a statement that stands in so many others."""
    simple: list[SearchStrategy[Statement]] = [
        st.builds(Let, VARIABLE_NAMES, st.one_of(VALUES, st.just(Clock()))),
        *often(st.builds(Await, VARIABLE_NAMES, _tasks), 5),  # it is what programs are about
        st.builds(SetStatus, SMALL_VALUES),
        st.builds(Make, st.sampled_from(MADE), _tasks),
        st.builds(Cancel, st.sampled_from(MADE)),
    ]
    if nest > 0:
        simple.append(st.just(Raise("raised")))
    if nest == NEST_MAX:
        return st.one_of(*simple, st.builds(Return, VARIABLE_VALUES))
    block = _blocks(nest + 1, 3)
    return st.one_of(
        *simple,
        st.builds(Try, block, st.just("error"), block),
        st.builds(If, VARIABLE_VALUES, block, block),
        st.builds(Repeat, st.integers(0, 3 - nest), block),
    )


def _blocks(nest: int, statements_max: int) -> SearchStrategy[Block]:
    return st.lists(statements(nest), min_size=1, max_size=statements_max).map(tuple)


# Made once: to make strategies takes longer than to draw from them.
_bodies = st.lists(_blocks(0, 6), min_size=1, max_size=2)


@st.composite
def programs(draw: DrawFn) -> Program:
    """Draw a program that `registry_of` takes; how it ends may depend on the schedule."""
    bodies = draw(_bodies)
    orchestrations = tuple(Orchestration(f"o{n}", (*body, END)) for n, body in enumerate(bodies))
    script: list[CallerAction] = []
    for instance_id in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        orchestration = draw(st.sampled_from(orchestrations))
        start = Start(
            instance_id, orchestration.name, draw(st.integers(0, 3)), draw(st.integers(0, 2))
        )
        script += [start, *raised_for(draw, orchestration, start), *_disturbances(draw, start)]
    script.sort(key=lambda action: action.at_s)
    activities = (ECHO, INCREMENT, EVEN, REFUSE)
    return Program("random", orchestrations, activities, script=tuple(script))


def _waits_of(orchestration: Orchestration) -> list[str]:
    waits = (node for node in nodes_of(orchestration) if isinstance(node, WaitForEvent))
    return [wait.name for wait in waits if wait.name != NEVER.name]


def raised_for(draw: DrawFn, orchestration: Orchestration, start: Start) -> list[RaiseEvent]:
    """Raise most of the events that are awaited: in time, too early, late; some never."""
    raised = []
    for number, name in enumerate(_waits_of(orchestration)):
        at_s = draw(st.sampled_from((1, 5, 5, 30, 0, 90, None)))
        if at_s is not None:
            raised.append(RaiseEvent(start.instance_id, name, number, at_s))
    return raised


def _disturbances(draw: DrawFn, start: Start) -> list[CallerAction]:
    kind = draw(st.sampled_from(("none", "none", "none", "terminate", "start")))
    at_s = draw(st.sampled_from((1, 2, 5, 30))) if kind != "none" else 0
    if kind == "terminate":
        return [Terminate(start.instance_id, "enough", at_s)]
    if kind == "start":
        return [Start(start.instance_id, start.orchestration, draw(st.integers(0, 3)), at_s)]
    return []


@st.composite
def confluent_programs(draw: DrawFn, *, has_children: bool = False) -> Program:
    """Draw a program whose outcome is the same whatever the schedule.

    With `has_children` its orchestrations call others, and retry.
    """
    failing = draw(st.sampled_from((EVEN, REFUSE)))
    orchestrations = tuple(
        Orchestration(
            f"o{number}", (*OneOutcome(draw, failing, has_children=has_children).body(), END)
        )
        for number in range(draw(st.integers(1, 2)))
    )
    script: list[CallerAction] = []
    for instance_id in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        orchestration = draw(st.sampled_from(orchestrations))
        start = Start(instance_id, orchestration.name, draw(st.integers(0, 3)), 1)
        script += [start, *_raised_alike(draw, orchestration, start)]
    script.sort(key=lambda action: action.at_s)
    activities = (ECHO, INCREMENT, failing)
    if has_children:
        orchestrations = (*orchestrations, *children_of(failing))
    return Program(RANDOM_CONFLUENT, orchestrations, activities, script=tuple(script))


def _raised_alike(draw: DrawFn, orchestration: Orchestration, start: Start) -> list[RaiseEvent]:
    """Raise events, each name with one value: in time, late, or (refused) before the start."""
    raised = []
    for name in sorted(set(_waits_of(orchestration))):
        data = draw(st.integers(0, 3))
        moments = [1] * draw(st.integers(0, 3))
        moments += draw(st.lists(st.sampled_from((5, 90, 0)), max_size=2))
        raised += [RaiseEvent(start.instance_id, name, data, at_s) for at_s in moments]
    return raised
