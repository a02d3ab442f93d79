"""Programs written by hand of several instances and executions, each for one thing.

Children, detached starts, events from one to another, continue-as-new, and retries. `CONFLUENT` are
those with one outcome, whatever the schedule; the others race.
"""

from durable.testing.programs import bodies
from durable.testing.programs.bodies import HOUR_S, NEVER, echo, increment
from durable.testing.programs.syntax import (
    Activity,
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
    Made,
    Make,
    Orchestration,
    Program,
    RaiseEvent,
    Retry,
    Return,
    Row,
    SendEvent,
    SetStatus,
    SetTimer,
    Start,
    StartDetached,
    Sum,
    Terminate,
    Try,
    Value,
    Variable,
    WaitForEvent,
)

INPUT = Variable("input")
V = Variable("v")
NUMBER = WaitForEvent("number")
TWICE = Activity("twice", Sum((INPUT, INPUT)))
# Doubled modulo MODULUS it is odd after three times.
THREE_TIMES = 1250

ADDS = Orchestration("adds", (*bodies.SHORT,))
PICKY = Orchestration("picky", (Await("v", CallActivity("even", INPUT)), Return(V)))
COLLECTS = Orchestration(
    "collects",
    (Await("one", NUMBER), Await("two", NUMBER), Return(Row((Variable("one"), Variable("two"))))),
)
SLOW = Orchestration("slow", (Await("v", SetTimer(30)), increment("input"), Return(INPUT)))
LISTENS = Orchestration("listens", (Await("v", NUMBER), Return(Row((INPUT, V)))))
NESTS = Orchestration(
    "nests", (Await("v", CallOrchestration("adds", INPUT)), Return(Sum((V, Constant(1)))))
)
CHILDREN = (ADDS, PICKY, COLLECTS, SLOW, LISTENS, NESTS)


def program_of(name: str, body: Block, *script: CallerAction, argument: Value = 0) -> Program:
    """`main` and all the children there are; one instance of `main` is started first."""
    return _started(name, body, Start("a", "main", argument), *script)


def _started(name: str, body: Block, *script: CallerAction) -> Program:
    orchestrations = (Orchestration("main", body), *CHILDREN)
    return Program(name, orchestrations, (*bodies.ACTIVITIES, TWICE), script=script)


def _caught(task: AllOf | Retry | CallOrchestration, *after: Await) -> Block:
    return (
        Try((Await("v", task),), "error", after),
        Return(Row((Variable("error"), V, Variable("after")))),
    )


def _adds(number: int) -> CallOrchestration:
    return CallOrchestration("adds", Constant(number))


def fails(attempts: int, first_s: int, coefficient: int = 1) -> Retry:
    """Call what always fails."""
    return Retry(CallActivity("even", Constant(1)), attempts, first_s, coefficient)


AGAIN = ContinueAsNew(Constant(1))

TWO_EPISODES: Block = (
    If(INPUT, (Await("v", CallActivity("increment", Constant(10))), Return(V))),
    Await("_", NUMBER),
    Await("_", AnyOf((NUMBER, AllOf((echo(1), echo(2), NEVER))))),
    Await("_", AnyOf((NUMBER, AllOf((echo(3), SetTimer(30), _adds(5), NEVER))))),
    AGAIN,
)

ALIVE_ALREADY: Block = (
    Make("first", CallOrchestration("listens", Constant(1), "c")),
    Make("second", CallOrchestration("listens", Constant(2), "c")),
    Try((Await("v", AllOf((Made("first"), Made("second")))),), "error", ()),
    SendEvent("c", "number", Constant(3)),
    Await("v", Made("first")),
    Return(Row((Variable("error"), V))),
)

CONFLUENT = (
    program_of("child", (Await("v", _adds(1)), Return(V))),
    program_of(
        "children in a fan-out", (Await("v", AllOf((_adds(1), _adds(2), echo(3)))), Return(V))
    ),
    program_of(
        "child that fails, caught",
        _caught(CallOrchestration("picky", Constant(1)), Await("after", _adds(3))),
    ),
    program_of(
        "child that fails, not caught", (Await("v", CallOrchestration("picky", Constant(1))),)
    ),
    program_of(
        "child of a child", (Await("v", CallOrchestration("nests", Constant(1))), Return(V))
    ),
    program_of(
        "one id, two children in turn",
        (
            Await("v", CallOrchestration("adds", Constant(1), "c")),
            Await("v", CallOrchestration("adds", V, "c")),
            Return(V),
        ),
    ),
    program_of("child whose id is alive", ALIVE_ALREADY),
    program_of(
        "detached, then told",
        (
            StartDetached("collects", Constant(None), "c"),
            SendEvent("c", "number", Constant(1)),
            SendEvent("c", "number", Constant(2)),
            Return(Constant("told")),
        ),
    ),
    program_of(
        "detached without an id",
        (StartDetached("adds", Constant(1)), Await("v", _adds(5)), Return(V)),
    ),
    program_of(
        "continued as new without waiting",
        (If(INPUT, (Return(INPUT),)), ContinueAsNew(Sum((INPUT, INPUT)))),
        argument=THREE_TIMES,
    ),
    program_of(
        "continued as new after an activity",
        (
            If(INPUT, (Return(INPUT),)),
            SetStatus(INPUT),
            Await("v", CallActivity("twice", INPUT)),
            ContinueAsNew(V),
        ),
        argument=THREE_TIMES,
    ),
    program_of(
        "continued as new, two episodes unfinished",
        TWO_EPISODES,
        *[RaiseEvent("a", "number", 1, at_s) for at_s in (1, 1, 1)],
    ),
    program_of(
        "continued as new, unread events kept",
        (
            If(INPUT, (Await("v", AllOf((NUMBER, NUMBER))), Return(V))),
            Await("_", WaitForEvent("go")),
            AGAIN,
        ),
        RaiseEvent("a", "number", 7, 1),
        RaiseEvent("a", "go", 1, 1),
        RaiseEvent("a", "number", 7, 30),
    ),
    program_of(
        "child that continues as new",
        (
            If(INPUT, (Return(INPUT),)),
            Await("v", CallOrchestration("main", Constant(1))),
            Return(Row((V, Constant("back")))),
        ),
    ),
    _started(
        "events of a sender that continues as new",
        (SendEvent("b", "number", Row((INPUT,))), If(INPUT, (Return(INPUT),)), AGAIN),
        Start("b", "collects"),
        Start("a", "main", 0),
    ),
    program_of(
        "event to itself behind a continue-as-new",
        (
            If(INPUT, (Await("v", NUMBER), Return(V))),
            SendEvent("a", "number", Constant(5)),
            AGAIN,
        ),
    ),
    program_of("retries, in vain", _caught(fails(3, 5, 2), Await("after", echo(1)))),
    program_of(
        "retry of what succeeds",
        (Await("v", Retry(CallActivity("even", Constant(2)), 3, 60)), Return(V)),
    ),
    program_of(
        "retries in a fan-out",
        _caught(AllOf((fails(2, 30), echo(1), fails(3, 5), echo(2))), Await("after", echo(3))),
    ),
    program_of("retries in a race", (Await("v", AnyOf((NEVER, fails(3, 5, 3)))), Return(V))),
    program_of(
        "retry of a child",
        _caught(Retry(CallOrchestration("picky", Constant(1)), 2, 5), Await("after", _adds(1))),
    ),
    program_of(
        "event for whoever is alive",
        (
            StartDetached("adds", Constant(1), "c"),
            SendEvent("c", "number", Constant(1)),
            Await("v", CallOrchestration("slow", Constant(1))),
            SendEvent("c", "number", Constant(2)),
            Return(V),
        ),
    ),
)

RACING = (
    program_of(
        "retry beaten by a timer",
        (
            Await("first", AnyOf((fails(3, 20), SetTimer(30)))),
            Await("v", AllOf((echo(1), SetTimer(60)))),
            Return(Row((Variable("first"), V))),
        ),
    ),
    # The first attempt finds the id alive; whether a later one does is a matter of time.
    program_of(
        "retry until an id is free",
        (
            StartDetached("slow", Constant(1), "c"),
            *_caught(Retry(CallOrchestration("adds", Constant(5), "c"), 2, HOUR_S)),
        ),
    ),
    program_of(
        "two parents, one child id",
        _caught(CallOrchestration("slow", INPUT, "c")),
        Start("b", "main", 5),
    ),
    program_of(
        "child against a start by a caller",
        _caught(CallOrchestration("slow", INPUT, "c")),
        Start("c", "adds", 10),
    ),
    program_of(
        "terminated with its children",
        (Await("v", AllOf((_adds(1), CallOrchestration("slow", Constant(2)), NEVER))),),
        Terminate("a", "enough", 5),
    ),
    program_of(
        "terminated while a child's start is under way",
        (SetStatus(Constant("begun")), Await("v", CallOrchestration("slow", Constant(2), "c"))),
        Terminate("a", "enough", 0),
    ),
    program_of(
        "terminated with the child of a child",
        (
            If(INPUT, (Await("v", CallOrchestration("slow", Constant(1))), Return(V))),
            Await("v", CallOrchestration("main", Constant(1))),
            Return(V),
        ),
        Terminate("a", "enough", 5),
    ),
    program_of(
        "terminated without its children",
        (Await("v", AllOf((_adds(1), NEVER))),),
        Terminate("a", "enough", 1, is_recursive=False),
    ),
    program_of(
        "terminated, what it detached is not",
        (StartDetached("slow", Constant(1), "c"), Await("v", AnyOf((NEVER, SetTimer(HOUR_S))))),
        Terminate("a", "enough", 5),
    ),
    program_of(
        "child terminated by a caller",
        _caught(CallOrchestration("slow", Constant(1), "c")),
        Terminate("c", "enough", 10),
    ),
)
