"""The app of the programs about entities: accounts, a log, and who uses them.

Accounts hold 100 each and can be added to, which commutes.
"""

from durable.testing.programs import bodies
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    Block,
    CallEntity,
    CallerAction,
    Constant,
    Entity,
    Operation,
    Orchestration,
    Program,
    Return,
    Row,
    Section,
    SetState,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Try,
    Value,
    Variable,
)

INPUT = Variable("input")
STATE = Variable("state")
V = Variable("v")
NOTHING = Constant(None)
BALANCE = 100
B_OTHER = Start("b", "other")
B_LOCKS_BOB = Start("b", "locks bob", 7)

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


def caught(*statements: Statement) -> Try:
    """Catch what they raise."""
    return Try(statements, "error", ())
