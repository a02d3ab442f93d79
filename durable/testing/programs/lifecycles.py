"""Programs written by hand of what callers do to a life: suspend, resume, purge, start for later.

Callers' messages have no order among themselves, and a purge depends on how far an instance has
come; so most of these race.
"""

from durable.testing.programs import bodies
from durable.testing.programs.bodies import HOUR_S, echo, increment
from durable.testing.programs.families import (
    AGAIN,
    INPUT,
    NUMBER,
    THREE_TIMES,
    program_of,
)
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    Block,
    CallActivity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Orchestration,
    Program,
    Purge,
    RaiseEvent,
    Resume,
    Return,
    Row,
    SendEvent,
    SetStatus,
    SetTimer,
    Start,
    Suspend,
    Terminate,
    Variable,
)

V = Variable("v")

WORKS: Block = (
    Await("v", AllOf((SetTimer(5), echo(1), echo(2)))),
    SetStatus(Constant("half")),
    increment("input"),
    Return(Row((INPUT, V))),
)
TWO_NUMBERS: Block = (
    Await("one", NUMBER),
    Await("done", CallActivity("echo", Variable("one"))),
    Await("two", NUMBER),
    Return(Row((Variable("done"), Variable("two")))),
)
NUMBER_EACH: Block = (
    If(INPUT, (Await("v", NUMBER), Return(V))),
    Await("v", NUMBER),
    AGAIN,
)


def _numbers(*at_s: int) -> tuple[RaiseEvent, ...]:
    return tuple(RaiseEvent("a", "number", number, at) for number, at in enumerate(at_s, start=1))


CONFLUENT = (
    program_of(
        "suspended, then terminated",
        TWO_NUMBERS,
        Suspend("a", 5),
        *_numbers(30),
        Terminate("a", "enough", 60),
    ),
    program_of("resumed for nothing", bodies.SHORT, Resume("a", 0), Suspend("b", HOUR_S)),
    Program(
        "started for later",
        (Orchestration("main", bodies.TWICE),),
        bodies.ACTIVITIES,
        script=(Start("a", "main", 1, delay_s=60), RaiseEvent("a", "go", 1, 5)),
    ),
)

RACING = (
    Program(
        "started for later, ended before",
        (Orchestration("main", (Return(INPUT),)),),
        bodies.ACTIVITIES,
        script=(Start("a", "main", 1, delay_s=60), Terminate("a", "enough", 5)),
    ),
    program_of("suspended while activities run", WORKS, Suspend("a", 1), Resume("a", 60)),
    program_of(
        "suspended, its events kept in order",
        TWO_NUMBERS,
        Suspend("a", 5),
        *_numbers(30, 60),
        Resume("a", HOUR_S),
    ),
    program_of(
        "resumed into a continue-as-new",
        NUMBER_EACH,
        Suspend("a", 5),
        *_numbers(30, 60),
        Resume("a", HOUR_S),
    ),
    program_of(
        "suspended twice, resumed twice",
        WORKS,
        Suspend("a", 1),
        Suspend("a", 2),
        Resume("a", 60),
        Resume("a", 61),
    ),
    program_of(
        "parent suspended while its child ends",
        (Await("v", CallOrchestration("slow", Constant(1), "c")), Return(V)),
        Suspend("a", 5),
        Resume("a", HOUR_S),
    ),
    program_of(
        "child suspended, its parent terminated",
        (Await("v", CallOrchestration("slow", Constant(1), "c")), Return(V)),
        Suspend("c", 5),
        Terminate("a", "enough", HOUR_S),
    ),
    program_of("purged", bodies.SHORT, Purge("a", HOUR_S)),
    program_of("purged while alive", bodies.RACE, Purge("a", 20)),
    program_of(
        "purged and born again",
        bodies.SHORT,
        Purge("a", HOUR_S),
        Start("a", "main", 100, 2 * HOUR_S),
    ),
    program_of(
        "continued as new, then purged",
        (If(INPUT, (Return(INPUT),)), Await("v", CallActivity("twice", INPUT)), ContinueAsNew(V)),
        Purge("a", HOUR_S),
        argument=THREE_TIMES,
    ),
    program_of(
        "sender purged and born again",
        (SendEvent("b", "number", INPUT), Return(INPUT)),
        Start("b", "collects", at_s=HOUR_S),
        Start("a", "main", 1, HOUR_S),
        Purge("a", 2 * HOUR_S),
        Start("a", "main", 2, 3 * HOUR_S),
    ),
    program_of(
        "receiver purged and born again",
        (
            SendEvent("b", "number", INPUT),
            Await("_", SetTimer(2 * HOUR_S)),
            SendEvent("b", "number", INPUT),
        ),
        Start("b", "listens", 1, 1),
        Start("a", "main", 7, 5),
        Purge("b", HOUR_S),
        Start("b", "listens", 2, HOUR_S + 60),
    ),
    program_of(
        "child purged, then called again",
        (
            Await("v", CallOrchestration("adds", INPUT, "c")),
            Await("_", SetTimer(2 * HOUR_S)),
            Await("v", CallOrchestration("adds", V, "c")),
            Return(V),
        ),
        Purge("c", HOUR_S),
    ),
)
