"""Programs at random of several instances that start, tell, end and outlive each other.

Needs Hypothesis. An orchestration starts only those behind it, and continues as new once at most in
each life; so every program comes to an end.
"""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from durable.testing.programs.strategies import LEAVES, raised_for, statements
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    CallerAction,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Make,
    Orchestration,
    Program,
    Purge,
    Resume,
    Retry,
    SendEvent,
    Start,
    StartDetached,
    Statement,
    Sum,
    Suspend,
    Task,
    Terminate,
    Try,
    Variable,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    END,
    EVEN,
    EVENTS,
    INCREMENT,
    MADE,
    NEST_MAX,
    NUMBERS,
    REFUSE,
    SMALL_VALUES,
    VARIABLE_NAMES,
    often,
)

GENERATIONS = 3
IDS = (None, None, "x", "y")
RECEIVERS = ("a", "b", "x")

_CONTINUE: Block = (
    If(Variable("input"), (END,), (ContinueAsNew(Sum((Variable("input"), Constant(1)))),)),
)
_RETRIES: SearchStrategy[Task] = st.builds(
    Retry,
    st.sampled_from([CallActivity("even", Constant(1)), CallActivity("refuse", Constant(0))]),
    st.integers(1, 3),
    st.sampled_from((1, 30)),
    st.integers(1, 2),
)
_SENDS: SearchStrategy[Statement] = st.builds(
    SendEvent, st.sampled_from(RECEIVERS), st.sampled_from(EVENTS), SMALL_VALUES
)


def _statements_of(place: int) -> SearchStrategy[Statement]:
    """Draw a statement of the orchestration at this place."""
    tasks: list[SearchStrategy[Task]] = [_RETRIES]
    sends = [_SENDS]
    if place + 1 < GENERATIONS:
        names = st.sampled_from([f"o{number}" for number in range(place + 1, GENERATIONS)])
        calls = st.builds(CallOrchestration, names, NUMBERS, st.sampled_from(IDS))
        tasks = [*often(calls, 3), _RETRIES, st.builds(Retry, calls, st.integers(1, 2))]
        sends.append(st.builds(StartDetached, names, NUMBERS, st.sampled_from(IDS)))
    task = st.one_of(tasks)
    pairs = st.tuples(task, st.one_of(LEAVES, task))
    awaited = st.one_of(task, st.builds(AllOf, pairs), st.builds(AnyOf, pairs))
    waits = st.builds(Await, VARIABLE_NAMES, awaited)
    return st.one_of(
        *often(waits, 3),
        st.builds(Make, st.sampled_from(MADE), awaited),
        st.builds(lambda wait: Try((wait,), "error", ()), waits),
        *sends,
        *often(statements(NEST_MAX), 2),
    )


# Made once: to make strategies takes longer than to draw from them.
_BODIES = [
    st.builds(
        lambda body, end: (*body, *end),
        st.lists(_statements_of(place), min_size=1, max_size=4 - place).map(tuple),
        st.sampled_from(((END,), (END,), _CONTINUE)),
    )
    for place in range(GENERATIONS)
]


@st.composite
def family_programs(draw: DrawFn) -> Program:
    """Draw a program that `registry_of` takes; how it ends may depend on the schedule."""
    orchestrations = tuple(
        Orchestration(f"o{place}", draw(body)) for place, body in enumerate(_BODIES)
    )
    script: list[CallerAction] = []
    for instance_id in ("a", "b")[: draw(st.integers(1, 2))]:
        orchestration = draw(st.sampled_from(orchestrations))
        start = Start(instance_id, orchestration.name, draw(st.integers(0, 3)))
        script += [start, *raised_for(draw, orchestration, start), *_disturbances(draw, start)]
    script.sort(key=lambda action: action.at_s)
    activities = (ECHO, INCREMENT, EVEN, REFUSE)
    return Program("random family", orchestrations, activities, script=tuple(script))


def _disturbances(draw: DrawFn, start: Start) -> list[CallerAction]:
    """Draw what somebody does to it, or to a child."""
    target = draw(st.sampled_from((start.instance_id, start.instance_id, "x")))
    at_s = draw(st.sampled_from((0, 1, 5, 30)))
    match draw(st.sampled_from(("none", "none", "terminate", "suspend", "purge", "leave"))):
        case "terminate":
            return [Terminate(target, "enough", at_s)]
        case "leave":
            return [Terminate(target, "enough", at_s, is_recursive=False)]
        case "suspend":
            return [Suspend(target, at_s), Resume(target, at_s + 60)]
        case "purge":
            again = Start(start.instance_id, start.orchestration, 1, at_s + 200)
            return [Purge(target, at_s + 100), again]
        case _:
            return []
