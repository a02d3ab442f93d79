"""Programs written by hand of places where two rules meet; each names what it would take to fall.

`CONFLUENT` are those with one outcome, whatever the schedule; the others race.
"""

from durable.testing.programs.bodies import HOUR_S
from durable.testing.programs.families import INPUT, NUMBER, V, program_of
from durable.testing.programs.syntax import (
    Activity,
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
    Return,
    Row,
    SendEvent,
    SetTimer,
    Start,
    StartDetached,
    Sum,
    Try,
    Variable,
    WaitForEvent,
)

ECHO = Activity("echo", Variable("input"))
GO = WaitForEvent("go")

# Odd inputs go on by two, without waiting, until the sum wraps: longer than one commit may be.
LONG_CHAIN = 9935
MANY_EXECUTIONS: Block = (
    If(INPUT, (ContinueAsNew(Sum((INPUT, Constant(2)))),)),
    Await("v", GO),
    If(V, (Await("v", NUMBER), Return(V))),
    ContinueAsNew(Constant(LONG_CHAIN)),
)

RECEIVES = Orchestration("receives", (Await("v", AllOf((NUMBER,) * 5)), Return(V)))
SENDS: Block = tuple(SendEvent("b", "number", Constant(7)) for _ in range(5))

# What an execution has sent, and been told, must not be forgotten by one that does neither.
SILENT_BETWEEN: Block = (
    If(INPUT, (Await("v", CallActivity("echo", INPUT)), ContinueAsNew(Constant(0)))),
    SendEvent("b", "number", Constant(7)),
    Await("v", NUMBER),
    If(V, (Return(V),)),
    ContinueAsNew(Constant(1)),
)

_NUMBERS = (RaiseEvent("a", "number", 2, 60), RaiseEvent("a", "number", 1, HOUR_S))

CONFLUENT = (
    program_of(
        "event left over a chain of many executions",
        MANY_EXECUTIONS,
        RaiseEvent("a", "number", 7, 1),
        RaiseEvent("a", "go", 2, 2),
        RaiseEvent("a", "go", 1, HOUR_S),
    ),
    Program(
        "sent to what starts later",
        (Orchestration("main", SENDS), RECEIVES),
        (ECHO,),
        script=(Start("b", "receives", delay_s=60), Start("a", "main")),
    ),
    Program(
        "started for much later",
        (Orchestration("main", SENDS), RECEIVES),
        (ECHO,),
        script=(Start("b", "receives", delay_s=2 * HOUR_S), Start("a", "main")),
    ),
)

RACING = (
    Program(
        "silent for one execution",
        (
            Orchestration("main", SILENT_BETWEEN),
            Orchestration("two", (Await("v", AllOf((NUMBER, NUMBER))), Return(V))),
        ),
        (ECHO,),
        script=(Start("b", "two"), Start("a", "main", 0), *_NUMBERS),
    ),
    # Sixty seconds: long before the messages of a dead host come again.
    Program(
        "purged with unsent messages",
        (
            Orchestration("main", (SendEvent("b", "number", Constant(7)), Return(INPUT))),
            Orchestration("one", (Await("v", NUMBER), Return(V))),
        ),
        script=(Start("b", "one"), Start("a", "main", 1), Purge("a", 60)),
    ),
    Program(
        "child whose id is to start later",
        (
            Orchestration(
                "main",
                (
                    Try((Await("v", CallOrchestration("other", Constant(1), "b")),), "error", ()),
                    Return(Row((Variable("error"), V))),
                ),
            ),
            Orchestration("other", (Return(INPUT),)),
        ),
        script=(Start("b", "other", 5, delay_s=HOUR_S), Start("a", "main", at_s=1)),
    ),
    # What came too early must outlive the purge, or the stream stands still for ever.
    Program(
        "purged between two messages of a stream",
        (
            Orchestration(
                "main",
                (
                    SendEvent("b", "number", Constant(1)),
                    SendEvent("b", "number", Constant(2)),
                    Await("_", SetTimer(2 * HOUR_S)),
                    SendEvent("b", "number", Constant(3)),
                ),
            ),
            Orchestration("short", (Return(INPUT),)),
            Orchestration("listens", (Await("v", NUMBER), Return(V))),
        ),
        script=(
            Start("b", "short"),
            Start("a", "main", at_s=30),
            Purge("b", 300),
            Start("b", "listens", at_s=HOUR_S),
        ),
    ),
    Program(
        "detached onto a purged id",
        (
            Orchestration(
                "main",
                (
                    StartDetached("short", INPUT, "b"),
                    Await("_", SetTimer(HOUR_S)),
                    SendEvent("b", "number", INPUT),
                    Await("_", SetTimer(HOUR_S)),
                    StartDetached("short", Sum((INPUT, Constant(1))), "b"),
                ),
            ),
            Orchestration("short", (Return(INPUT),)),
        ),
        script=(
            Start("a", "main", 1),
            Purge("b", 300),
            Purge("b", 3 * HOUR_S),
            Start("b", "short", 7, 4 * HOUR_S),
        ),
    ),
)
