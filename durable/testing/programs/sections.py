"""Programs written by hand of critical sections, each for one thing.

`CONFLUENT` have one outcome whatever the schedule: who is first inside does not show in them.
"""

from durable.testing.programs.accounts import (
    B_LOCKS_BOB,
    B_OTHER,
    INPUT,
    NOTHING,
    V,
    add,
    caught,
    get,
    move,
    program_of,
    signal,
)
from durable.testing.programs.bodies import NEVER, echo
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    Block,
    CallEntity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Raise,
    Return,
    Row,
    Section,
    Signal,
    Start,
    Terminate,
    Try,
    Variable,
)

MOVED = Return(Constant("moved"))
BOTH = AllOf((add("alice", -1), add("bob", 1)))

# Each statement breaks a rule, and the section goes on with its locks.
BROKEN_RULES: Block = (
    Section(
        ("alice", "bob"),
        (
            Try((Await("v", add("carol", 1)),), "one", ()),
            Try((signal("bob", 1),), "two", ()),
            Try((Section(("carol",), ()),), "three", ()),
            Try((Await("v", AllOf((add("bob", 1), add("bob", 1)))),), "four", ()),
            Try((Await("v", CallOrchestration("deposits", Constant(1))),), "five", ()),
            Await("v", BOTH),
        ),
    ),
    Try((Section((), ()),), "six", ()),
    Return(Row(tuple(map(Variable, ("one", "two", "three", "four", "five", "six"))))),
)

CONFLUENT = (
    program_of(
        "a transfer between two accounts, and an audit",
        (Section(("alice", "bob"), move("alice", "bob")), MOVED),
        Start("b", "audits"),
    ),
    program_of(
        "two lockers in opposite order",
        (Section(("bob", "alice"), (Await("_", BOTH),)), MOVED),
        B_OTHER,
        other=(Section(("alice", "bob", "alice"), (Await("_", BOTH),)), MOVED),
    ),
    program_of(
        "three lockers in a ring",
        (Section(("alice", "bob"), (Await("_", add("alice", 1)),)), MOVED),
        B_OTHER,
        Start("c", "locks carol and alice"),
        other=(Section(("bob", "carol"), (Await("_", add("bob", 1)),)), MOVED),
    ),
    program_of(
        "a call that nobody waits for, then out of the section",
        (
            Section(("alice",), (Await("_", AnyOf((add("alice", 1), echo(1)))),)),
            Await("v", get("alice")),
            Return(V),
        ),
        B_OTHER,
        other=(Section(("alice",), (Await("_", add("alice", 0)),)), MOVED),
    ),
    program_of(
        "a signal, then a lock, then a call",
        (
            signal("alice", 5),
            signal("bob", 5),
            Section(("bob", "alice"), (Await("v", AllOf((get("alice"), get("bob")))),)),
            signal("alice", 1),
            Await("w", get("alice")),
            Return(Row((V, Variable("w")))),
        ),
    ),
    program_of(
        "an error inside a section, caught outside",
        (
            caught(Section(("alice",), (Await("_", add("alice", 1)), Raise("no")))),
            Section(("alice",), (Await("v", add("alice", 1)),)),
            Return(Row((Variable("error"), V))),
        ),
    ),
    program_of(
        "an error inside a section, not caught",
        (Section(("bob", "carol"), (Await("_", CallEntity("bob", "refuse", NOTHING)),)),),
        B_LOCKS_BOB,
    ),
    program_of("broken rules, caught inside", BROKEN_RULES, B_LOCKS_BOB),
    program_of(
        "a broken rule, not caught",
        (Section(("bob",), (Await("_", add("bob", 1)), Section(("carol",), ()))),),
        B_LOCKS_BOB,
    ),
    program_of(
        "terminated inside a section",
        (Section(("alice", "bob"), (Await("_", NEVER),)),),
        B_LOCKS_BOB,
        Terminate("a", "enough", 30),
    ),
    program_of(
        "continued as new from inside a section",
        (
            Section(
                ("alice", "bob"),
                (
                    Await("v", add("alice", 1)),
                    If(INPUT, (ContinueAsNew(Constant(0)),), (Return(V),)),
                ),
            ),
        ),
        B_LOCKS_BOB,
    ),
    program_of(
        "two sections, one after the other",
        (
            Section(("alice",), (Await("_", add("alice", 1)), signal("bob", 1))),
            signal("alice", 1),
            Section(("bob", "alice"), (Await("v", AllOf((get("alice"), get("bob")))),)),
            Return(V),
        ),
    ),
    program_of(
        "a lock of a hot entity",
        (
            *(signal("bob", number) for number in (1, 2, 3)),
            Section(("bob",), (Await("_", add("bob", 4)),)),
            MOVED,
        ),
        *(Signal("bob", "add", 10 * number) for number in (1, 2, 3)),
        Signal("bob", "add", 40, 1),
        Start("b", "locks bob", 7, 1),
    ),
    program_of(
        "a section of a child",
        (Await("v", CallOrchestration("locks bob", Constant(5))), Return(V)),
        Start("b", "locks bob", 7),
    ),
)
