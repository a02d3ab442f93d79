"""What random programs are made of. Needs Hypothesis.

The simplest alternative always comes first, so that what fails shrinks to it.
"""

from functools import cache
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from durable.testing.programs.syntax import (
    Activity,
    Await,
    CallActivity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    Expression,
    If,
    Orchestration,
    Retry,
    Return,
    Row,
    SetTimer,
    Sum,
    Variable,
    WaitForEvent,
)

T = TypeVar("T")

ECHO = Activity("echo", Variable("input"))
INCREMENT = Activity("increment", Sum((Variable("input"), Constant(1))))
EVEN = Activity("even", Variable("input"), fails_if=Variable("input"), error="odd")
REFUSE = Activity("refuse", Constant(None), fails_if=Constant(1), error="refused")

VARIABLES = ("u", "v", "w")
MADE = ("s", "t")
EVENTS = ("x", "y")
NEVER = WaitForEvent("never")
END = Return(Row(tuple(Variable(name) for name in (*VARIABLES, "error"))))
NEST_MAX = 2

VARIABLE_NAMES = st.sampled_from(VARIABLES)
NUMBERS: SearchStrategy[Expression] = st.integers(0, 3).map(Constant)
VARIABLE_VALUES = st.sampled_from(("input", *VARIABLES)).map(Variable)
ATOMS: SearchStrategy[Expression] = NUMBERS | VARIABLE_VALUES
TIMERS = st.builds(SetTimer, st.sampled_from((0, 1, 5, 30, 60)))

_sums: SearchStrategy[Expression] = st.builds(Sum, st.tuples(ATOMS, ATOMS))
# Small whatever the variables hold: a fan-out in a loop would multiply them, and a custom status
# has a limit.
SMALL_VALUES: SearchStrategy[Expression] = st.one_of(
    NUMBERS,
    _sums,
    st.builds(Row, st.tuples(_sums, NUMBERS)),
    st.sampled_from(("text", None, True)).map(Constant),
)
VALUES: SearchStrategy[Expression] = st.one_of(
    NUMBERS,
    VARIABLE_VALUES,
    _sums,
    st.builds(Row, st.tuples(VARIABLE_VALUES, NUMBERS)),
    st.sampled_from(("text", None)).map(Constant),
)


@cache
def calls(*activities: Activity) -> SearchStrategy[CallActivity]:
    """Draw a call of one of these."""
    names = st.sampled_from([activity.name for activity in activities])
    return st.builds(CallActivity, names, SMALL_VALUES)


@cache
def children_of(failing: Activity) -> tuple[Orchestration, ...]:
    """Give orchestrations to be called: one returns, one continues as new, one may fail."""
    value = Variable("v")
    after = Await("v", CallActivity("increment", Variable("input")))
    return (
        Orchestration("adds", (after, Return(value))),
        Orchestration(
            "continues",
            (If(Variable("input"), (Return(Variable("input")),)), after, ContinueAsNew(value)),
        ),
        Orchestration(
            "fails", (Await("v", CallActivity(failing.name, Variable("input"))), Return(value))
        ),
    )


@cache
def child_calls(failing: Activity | None = None) -> SearchStrategy[CallOrchestration | Retry]:
    """Draw a call of one of these children; where something may fail, a retry too."""
    names = ["adds", "continues"] if failing is None else ["adds", "continues", "fails"]
    called = st.builds(CallOrchestration, st.sampled_from(names), NUMBERS)
    if failing is None:
        return called
    retries = st.builds(Retry, calls(failing), st.integers(1, 3), st.just(5), st.integers(1, 2))
    return st.one_of(called, retries)


def often(strategy: SearchStrategy[T], times: int) -> list[SearchStrategy[T]]:
    """Give alternatives for `one_of` that count as so many: it takes equal ones for one."""
    return [strategy.map(lambda drawn: drawn) for _ in range(times)]
