"""Programs written by hand of entities: calls, signals, failures, and what entities send.

`CONFLUENT` have one outcome whatever the schedule, `RACING` have several.
"""

from durable.testing.programs.accounts import (
    INPUT,
    NOTHING,
    V,
    add,
    caught,
    get,
    program_of,
    signal,
)
from durable.testing.programs.syntax import (
    Await,
    CallEntity,
    Constant,
    Return,
    Row,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    Variable,
)

CONFLUENT = (
    program_of(
        "call of an entity",
        (Await("v", add("alice", 1)), Await("w", get("alice")), Return(Row((V, Variable("w"))))),
    ),
    program_of(
        "calls and signals of one sender, in order",
        (
            *(SignalEntity("log", "note", Constant(number)) for number in (1, 2)),
            Await("_", CallEntity("log", "note", Constant(3))),
            SignalEntity("log", "note", Constant(4)),
            Await("v", CallEntity("log", "note", Constant(5))),
            Return(V),
        ),
    ),
    program_of(
        "a failed operation between others",
        (
            signal("alice", 1),
            SignalEntity("alice", "refuse", NOTHING),
            signal("alice", 2),
            caught(Await("v", CallEntity("alice", "refuse", NOTHING))),
            Await("v", add("alice", 4)),
            Return(Row((Variable("error"), V))),
        ),
    ),
    program_of(
        "a failed operation that nobody catches",
        (Await("v", CallEntity("alice", "refuse", NOTHING)), Return(V)),
    ),
    program_of(
        "an entity signals another and itself",
        (Await("v", CallEntity("alice", "pass", Constant(10))), Return(Constant("passed"))),
    ),
    program_of(
        "an entity starts an orchestration",
        (Await("v", CallEntity("alice", "open", Constant(5))), Return(V)),
    ),
    program_of(
        "signals of callers",
        (Await("v", add("alice", 1)),),
        Signal("alice", "add", 2),
        Signal("alice", "add", 4),
        Signal("bob", "add", 8, 5),
    ),
    program_of(
        "a signal for later",
        (signal("alice", 1, after_s=60), signal("alice", 2), Await("v", SetTimer(30))),
        Signal("alice", "add", 4, 1, after_s=90),
    ),
)

RACING = (
    program_of(
        "signals of two senders",
        (
            SignalEntity("log", "note", INPUT),
            Await("_", CallEntity("log", "note", Row((INPUT, INPUT)))),
        ),
        Start("b", "main", 2),
    ),
)
