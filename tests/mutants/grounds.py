"""Grounds: programs in which a certain bug shows soon. The right engine stands them all.

Random programs come to these places too, in their time; here a mutant is sent to where it must show
itself.
"""

from durable.testing.programs import bodies
from durable.testing.programs.bodies import HOUR_S
from durable.testing.programs.families import (
    ADDS,
    AGAIN,
    INPUT,
    LISTENS,
    NUMBER,
    SLOW,
    TWICE,
    V,
)
from durable.testing.programs.handwritten import LARGE, NAMED
from durable.testing.programs.syntax import (
    MODULUS,
    AllOf,
    Await,
    Block,
    CallActivity,
    CallerAction,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Orchestration,
    Program,
    Purge,
    RaiseEvent,
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
    Variable,
    WaitForEvent,
)

# Two more each time: after so many executions it is odd. No single commit takes that many.
EXECUTIONS = 18
FOUR = tuple(Await(name, NUMBER) for name in "pqrs")
COLLECTS_FOUR = Orchestration("four", (*FOUR, Return(Row(tuple(map(Variable, "pqrs"))))))
READS = Orchestration(
    "reads",
    (Await("one", WaitForEvent("text")), Await("two", WaitForEvent("text")), Return(V)),
)
RENEWS = Orchestration("renews", (If(INPUT, (Return(INPUT),)), *bodies.SHORT[:1], AGAIN))
WORKS = Orchestration("works", (Await("v", NUMBER), *bodies.SHORT[:1], Return(Row((INPUT, V)))))
OTHERS = (ADDS, COLLECTS_FOUR, LISTENS, READS, RENEWS, SLOW, WORKS)


def _program(name: str, body: Block, *script: CallerAction) -> Program:
    orchestrations = (Orchestration("main", body), *OTHERS)
    return Program(name, orchestrations, (*bodies.ACTIVITIES, TWICE), script=script)


def _adds_in_c(argument: Constant | Variable) -> Await:
    return Await("v", CallOrchestration("adds", argument, "c"))


START = Start("a", "main", 0)

GROUNDS = (
    _program(
        "a sender that waits between executions",
        (
            Await("_", SetTimer(20)),
            SendEvent("b", "number", Constant(5)),
            SendEvent("b", "number", Constant(6)),
            If(INPUT, (Return(INPUT),)),
            AGAIN,
        ),
        Start("b", "four"),
        START,
    ),
    _program(
        "four events at once",
        tuple(SendEvent("b", "number", Constant(number)) for number in range(4)),
        Start("b", "four"),
        START,
    ),
    _program(
        "large events of a sender that goes on",
        (
            SendEvent("b", "text", Constant(LARGE)),
            If(INPUT, (Await("_", SetTimer(30)), Return(INPUT))),
            AGAIN,
        ),
        Start("b", "reads"),
        START,
    ),
    _program(
        "one child id in two lives",
        (_adds_in_c(INPUT), Return(V)),
        Start("a", "main", 1),
        Start("a", "main", 2, HOUR_S),
    ),
    _program(
        "one receiver, two lives",
        (
            SendEvent("b", "number", Constant(1)),
            Await("_", SetTimer(2 * HOUR_S)),
            SendEvent("b", "number", Constant(2)),
        ),
        Start("b", "works", 1),
        START,
        Start("b", "works", 2, HOUR_S),
    ),
    _program(
        "a child id that is free in a moment",
        (
            StartDetached("listens", Constant(1), "c"),
            SendEvent("c", "number", Constant(3)),
            SendEvent("c", "number", Constant(4)),
            Try((_adds_in_c(Constant(5)),), "error", ()),
            Return(Row((Variable("error"), V))),
        ),
        START,
    ),
    _program(
        "a child id that is free in a while",
        (
            StartDetached("listens", Constant(1), "c"),
            SendEvent("c", "number", Constant(3)),
            SendEvent("c", "number", Constant(4)),
            Await("_", SetTimer(60)),
            _adds_in_c(Constant(5)),
            Return(V),
        ),
        START,
    ),
    _program(
        "a purge beside a new life",
        (
            _adds_in_c(INPUT),
            Await("_", SetTimer(60)),
            _adds_in_c(V),
            Return(V),
        ),
        START,
        *[Purge("c", at_s) for at_s in (60, 60, 60, 61, 61)],
    ),
    _program(
        "purged as soon as it has ended",
        (*bodies.SHORT[:1], SendEvent("b", "number", INPUT), Return(INPUT)),
        Start("b", "listens"),
        START,
        Purge("a", 10),
    ),
    _program(
        "a child of two executions",
        (Await("v", CallOrchestration("renews", Constant(0))), Return(Row((V, Constant("back"))))),
        START,
    ),
    _program(
        "terminated, and its child's id is another's",
        (Try((Await("v", CallOrchestration("slow", INPUT, "c")),), "error", ()), Return(V)),
        Start("c", "slow", 5),
        START,
        Terminate("a", "enough"),
    ),
    _program(
        "many executions without waiting",
        (
            If(INPUT, (Return(INPUT),)),
            SetStatus(INPUT),
            ContinueAsNew(Sum((INPUT, Constant(2)))),
        ),
        Start("a", "main", MODULUS + 1 - 2 * EXECUTIONS),
    ),
    _program(
        "a status of the execution before",
        (
            If(INPUT, (Await("v", CallActivity("echo", INPUT)), Await("_", SetTimer(60)))),
            If(INPUT, (Return(V),)),
            SetStatus(Constant("begun")),
            AGAIN,
        ),
        START,
    ),
    _program(
        "an event of the execution before",
        (
            If(INPUT, (Await("v", AllOf((NUMBER, SetTimer(3 * HOUR_S)))), Return(V))),
            Await("_", NUMBER),
            AGAIN,
        ),
        START,
        RaiseEvent("a", "number", 1, 1),
        RaiseEvent("a", "number", 2, 2 * HOUR_S),
    ),
)

ALL_NAMED: dict[str, Program] = {**NAMED, **{program.name: program for program in GROUNDS}}
