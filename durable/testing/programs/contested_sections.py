"""Programs written by hand of critical sections whose outcome depends on the schedule.

Who is first inside shows, or somebody is cut off there: terminated, suspended, started again.
"""

from durable.testing.programs import bodies
from durable.testing.programs.accounts import (
    B_LOCKS_BOB,
    B_OTHER,
    INPUT,
    V,
    add,
    get,
    program_of,
    signal,
)
from durable.testing.programs.bodies import HOUR_S, echo
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    CallEntity,
    CallOrchestration,
    Constant,
    If,
    Purge,
    Resume,
    Return,
    Row,
    Section,
    SetStatus,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    Suspend,
    Terminate,
    Variable,
)

LARGE = "x" * bodies.LARGE_CHARS

RACING = (
    program_of(
        "a slow activity and a timer inside a section",
        (
            Section(
                ("alice",),
                (
                    Await("before", get("alice")),
                    Await("_", AllOf((echo(1), SetTimer(60)))),
                    Await("after", get("alice")),
                ),
            ),
            Return(Row((Variable("before"), Variable("after")))),
        ),
        Signal("alice", "add", 1, 5),
        Signal("alice", "add", 2, 30),
    ),
    program_of(
        "large values behind a lock",
        (
            Await("_", SetTimer(5)),
            *(SignalEntity("alice", "add", Constant(LARGE)),) * 3,
            Await("v", CallEntity("alice", "add", Constant(LARGE))),
            Return(V),
        ),
        B_OTHER,
        other=(Section(("alice",), (Await("_", SetTimer(30)), Await("v", add("alice", 1)))),),
    ),
    program_of(
        "terminated while it waits for a lock",
        (Section(("bob",), (Await("_", SetTimer(60)), Await("v", add("bob", 1)))),),
        B_OTHER,
        Terminate("b", "enough", 10),
        Signal("alice", "add", 1, 30),
        other=(Section(("alice", "bob", "carol"), (Await("v", add("alice", 1)),)),),
    ),
    program_of(
        "terminated with a call under way inside a section",
        (
            Section(("bob",), (Await("v", add("bob", 1)), Await("v", SetTimer(30)))),
            Await("v", get("bob")),
            Return(V),
        ),
        Start("b", "locks bob", 7, 5),
        Terminate("a", "enough", 5),
    ),
    program_of(
        "terminated inside a section, then started again",
        (Section(("alice", "bob"), (SetStatus(INPUT), Await("_", SetTimer(60)))), Return(INPUT)),
        Terminate("a", "enough", 10),
        Start("a", "main", 2, 20),
    ),
    program_of(
        "terminated inside a section, purged and started again",
        (Section(("alice",), (Await("_", SetTimer(60)),)), Return(INPUT)),
        Terminate("a", "enough", 10),
        Purge("a", HOUR_S),
        Start("a", "main", 2, HOUR_S + 5),
    ),
    program_of(
        "suspended while it waits for a lock",
        (Section(("bob",), (Await("_", SetTimer(30)), Await("v", add("bob", 1)))), Return(V)),
        B_LOCKS_BOB,
        Suspend("b", 5),
        Resume("b", HOUR_S),
    ),
    program_of(
        "a child terminated inside a section, with its parent",
        (
            If(INPUT, (Await("_", CallOrchestration("main", Constant(0), "c")),)),
            Section(("bob",), (Await("_", SetTimer(HOUR_S)),)),
        ),
        Terminate("a", "enough", 5),
        Start("b", "locks bob", 7, 10),
    ),
    program_of(
        "a signal for later, into a section",
        (
            signal("alice", 1, after_s=20),
            Section(
                ("alice",),
                (
                    Await("before", get("alice")),
                    Await("_", SetTimer(60)),
                    Await("after", get("alice")),
                ),
            ),
            Return(Row((Variable("before"), Variable("after")))),
        ),
    ),
    program_of(
        "two calls in a section, with an audit and a signal beside",
        (
            Section(("alice",), (Await("v", add("alice", 1)), Await("w", get("alice")))),
            Return(Row((V, Variable("w")))),
        ),
        Start("b", "audits"),
        Signal("alice", "add", 3),
    ),
)
