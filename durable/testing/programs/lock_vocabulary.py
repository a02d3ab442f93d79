"""What random programs of entities and critical sections are made of. Needs Hypothesis."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from durable.testing.programs.syntax import (
    Await,
    CallEntity,
    Constant,
    Entity,
    Operation,
    Orchestration,
    Return,
    Section,
    SetState,
    SignalEntity,
    StartDetached,
    Sum,
    Variable,
)

NAMES = ("p", "q", "r", "s")
IDS = ("a", "b", "c", "d")
INPUT, STATE, NOTHING = Variable("input"), Variable("state"), Constant(None)
BALANCE = 10
LEAF = Orchestration("leaf", (Await("v", CallEntity("p", "add", INPUT)), Return(INPUT)))
LOCKS = Orchestration(
    "locks", (Section(("p",), (Await("v", CallEntity("p", "add", INPUT)),)), Return(INPUT))
)

_ADDED = Sum((STATE, INPUT))
ADD = Operation("add", (SetState(_ADDED),), _ADDED)
GET = Operation("get", (), STATE)
# Does not commute with anything.
TWICE = Operation("twice", (SetState(Sum((STATE, STATE, INPUT))),), STATE)


def entity(name: str) -> Entity:
    """Make an entity that has all operations; what it sends goes to another, and to itself."""
    after = NAMES[(NAMES.index(name) + 1) % 2]
    refuse = Operation(
        "refuse",
        (SetState(Constant(0)), SignalEntity(after, "add", Constant(1))),
        NOTHING,
        fails_if=Constant(1),
        error="refused",
    )
    # What it sends is only added: entities that pass on for ever would not come to rest.
    pass_on = Operation(
        "pass",
        (
            SetState(_ADDED),
            SignalEntity(after, "add", INPUT),
            SignalEntity(name, "add", Constant(1)),
        ),
        STATE,
    )
    begin = Operation("begin", (SetState(_ADDED), StartDetached("leaf", INPUT, "x")), NOTHING)
    return Entity(name, BALANCE, (ADD, GET, TWICE, refuse, pass_on, begin))


ENTITIES = tuple(map(entity, NAMES))
ENTITY_NAMES = st.sampled_from(NAMES[:3])
_lists = st.lists(ENTITY_NAMES, min_size=1, max_size=3)
LOCK_SETS: SearchStrategy[tuple[str, ...]] = _lists.map(tuple)
OPERATIONS = st.sampled_from(("add", "add", "get", "twice", "refuse", "pass", "begin"))
DELAYS = st.sampled_from((0, 0, 0, 30))
