"""Programs written by hand of entities and critical sections, each for one thing.

Accounts hold 100 each and can be added to, which commutes; so most of these have one outcome
whatever the schedule (`CONFLUENT`). The others race (`RACING`).
"""

from durable.testing.programs import bodies
from durable.testing.programs.bodies import HOUR_S, NEVER, echo
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    Block,
    CallEntity,
    CallerAction,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Operation,
    Orchestration,
    Program,
    Purge,
    Raise,
    Resume,
    Return,
    Row,
    Section,
    SetState,
    SetStatus,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Suspend,
    Terminate,
    Try,
    Value,
    Variable,
)

INPUT = Variable("input")
STATE = Variable("state")
V = Variable("v")
NOTHING = Constant(None)
BALANCE = 100

ADDED = Sum((STATE, INPUT))
ADD = Operation("add", (SetState(ADDED),), ADDED)
GET = Operation("get", (), STATE)
# What it has done before it fails must not be.
REFUSE = Operation(
    "refuse",
    (SetState(Constant(-1)), SignalEntity("carol", "add", Constant(1))),
    NOTHING,
    fails_if=Constant(1),
    error="refused",
)
# Passes money on: to another, and a part of it to itself.
PASS = Operation(
    "pass",
    (
        SetState(Sum((STATE, INPUT))),
        SignalEntity("bob", "add", INPUT),
        SignalEntity("alice", "add", Constant(1)),
        SignalEntity("bob", "add", Constant(1)),
    ),
    STATE,
)
OPEN = Operation(
    "open", (SetState(ADDED), StartDetached("deposits", INPUT, "c")), Constant("opened")
)
ACCOUNTS = tuple(
    Entity(name, BALANCE, (ADD, GET, REFUSE, PASS, OPEN)) for name in ("alice", "bob", "carol")
)
LOG = Entity("log", (), (Operation("note", (SetState(Row((STATE, INPUT))),), STATE),))

DEPOSITS = Orchestration(
    "deposits", (Await("v", CallEntity("bob", "add", INPUT)), Return(Constant("done")))
)
LOCKS_BOB = Orchestration(
    "locks bob", (Section(("bob",), (Await("v", CallEntity("bob", "add", INPUT)),)), Return(INPUT))
)
AUDITS = Orchestration(
    "audits",
    (
        Section(
            ("carol", "bob", "alice"),
            (
                Await(
                    "v", AllOf(tuple(CallEntity(each.name, "get", NOTHING) for each in ACCOUNTS))
                ),
                Return(Sum((V,))),
            ),
        ),
    ),
)
CLOSES_THE_RING = Orchestration(
    "locks carol and alice",
    (Section(("carol", "alice"), (Await("_", CallEntity("carol", "add", Constant(1))),)),),
)
CHILDREN = (DEPOSITS, LOCKS_BOB, AUDITS, CLOSES_THE_RING)


def program_of(
    name: str, main: Block, *script: CallerAction, other: Block = (), argument: Value = 1
) -> Program:
    """`main`, started as `a`; `other`, and what is the same in all of them, as the script says."""
    functions = (Orchestration("main", main), Orchestration("other", other), *CHILDREN)
    script = (Start("a", "main", argument), *script)
    return Program(name, functions, bodies.ACTIVITIES, (*ACCOUNTS, LOG), script)


def add(name: str, amount: int) -> CallEntity:
    """Add to an account."""
    return CallEntity(name, "add", Constant(amount))


def get(name: str) -> CallEntity:
    """Ask an account for its balance."""
    return CallEntity(name, "get", NOTHING)


def signal(name: str, amount: int, *, after_s: int = 0) -> SignalEntity:
    """Add to an account without waiting."""
    return SignalEntity(name, "add", Constant(amount), after_s)


def move(source: str, target: str) -> tuple[Statement, ...]:
    """Move money, as the paper does it: ask, take, give."""
    return (
        Await("balance", get(source)),
        Await("_", AllOf((add(source, -10), add(target, 10)))),
    )


def _caught(*statements: Statement) -> Try:
    return Try(statements, "error", ())


B_OTHER = Start("b", "other")
B_LOCKS_BOB = Start("b", "locks bob", 7)
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
            _caught(Await("v", CallEntity("alice", "refuse", NOTHING))),
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
            _caught(Section(("alice",), (Await("_", add("alice", 1)), Raise("no")))),
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
    program_of(
        "signals of two senders",
        (
            SignalEntity("log", "note", INPUT),
            Await("_", CallEntity("log", "note", Row((INPUT, INPUT)))),
        ),
        Start("b", "main", 2),
    ),
)

SECTION_PROGRAMS: tuple[Program, ...] = (*CONFLUENT, *RACING)
