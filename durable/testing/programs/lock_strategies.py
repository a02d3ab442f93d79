"""Programs at random that are rich in entities and critical sections. Needs Hypothesis.

`programs_with_sections` may race for anything. `confluent_sections` have one outcome:

Rule 1. What others change is added to, which commutes; and no reply shows, but the sum of all in a
        section of all, where everybody moves money inside of sections only.
Rule 2. A call that nobody waits for is the last thing that its section does.
Rule 3. An operation that fails is called alone: while another call is open, a second one to the
        same entity may or may not be an error.
Rule 4. Who is terminated waits for ever and has changed nothing.
"""

from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from durable.testing.programs.one_outcome import UNSEEN
from durable.testing.programs.syntax import (
    RANDOM_CONFLUENT,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    CallEntity,
    CallerAction,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Made,
    Make,
    Operation,
    Orchestration,
    Program,
    Raise,
    Resume,
    Return,
    Row,
    Section,
    SetState,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Suspend,
    Task,
    Terminate,
    Try,
    Variable,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    END,
    INCREMENT,
    MADE,
    NEVER,
    NUMBERS,
    VARIABLE_NAMES,
    calls,
    often,
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
    """Make an entity that has all operations; what it sends goes to the next one, and to itself."""
    after = NAMES[(NAMES.index(name) + 1) % 2]
    refuse = Operation(
        "refuse",
        (SetState(Constant(0)), SignalEntity(after, "add", Constant(1))),
        NOTHING,
        fails_if=Constant(1),
        error="refused",
    )
    # Not to itself by way of another: that would never end.
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
_names = st.sampled_from(NAMES[:3])
_sets: SearchStrategy[tuple[str, ...]] = st.lists(_names, min_size=1, max_size=3).map(tuple)
_operations = st.sampled_from(("add", "add", "get", "twice", "refuse", "pass", "begin"))
_delays = st.sampled_from((0, 0, 0, 30))


# Whatever may happen.


@cache
def _entity_calls(names: tuple[str, ...]) -> SearchStrategy[Task]:
    return st.builds(CallEntity, st.sampled_from(names), _operations, NUMBERS)


@cache
def _awaited(names: tuple[str, ...]) -> SearchStrategy[Task]:
    """Draw what is waited for: calls of these entities most of the time."""
    call = _entity_calls(names)
    other: SearchStrategy[Task] = st.one_of(
        calls(ECHO, INCREMENT), st.builds(SetTimer, st.sampled_from((1, 30)))
    )
    pair = st.tuples(call, st.one_of(call, other))
    return st.one_of(
        *often(call, 3),
        other,
        st.builds(AllOf, pair),
        st.builds(AnyOf, pair),
        st.builds(Made, st.sampled_from(MADE)),
    )


@cache
def _simple(names: tuple[str, ...]) -> SearchStrategy[Statement]:
    """Draw a statement that calls these, and may signal any."""
    wait = st.builds(Await, VARIABLE_NAMES, _awaited(names))
    return st.one_of(
        *often(wait, 4),
        st.builds(Make, st.sampled_from(MADE), _entity_calls(names)),
        st.builds(lambda each: Try((each,), "error", ()), wait),
        st.builds(SignalEntity, _names, _operations, NUMBERS, _delays),
    )


def _blocks(statement: SearchStrategy[Statement], most: int) -> SearchStrategy[Block]:
    return st.lists(statement, min_size=1, max_size=most).map(tuple)


_BREAKS: SearchStrategy[Statement] = st.one_of(
    st.builds(Section, _sets, st.just(())),
    st.builds(lambda name: Await("v", CallEntity(name, "get", NOTHING)), _names),
    st.just(Await("v", CallOrchestration("leaf", Constant(1)))),
)
_CONTINUES: Block = (If(INPUT, (), (ContinueAsNew(Constant(1)),)),)
_LEAVES_BY: SearchStrategy[Block] = st.sampled_from(
    (
        (),
        _CONTINUES,
        (Raise("raised"),),
        (END,),
        (Raise("raised again"),),
        (*_CONTINUES, END),
        (Await("_", AnyOf((NEVER, SetTimer(60)))),),
    )
)


@st.composite
def _sections(draw: DrawFn) -> Statement:
    names = draw(_sets)
    inside = list(draw(_blocks(_simple(names), 2)))
    if draw(st.integers(0, 5)) == 0:
        broken = draw(_BREAKS)
        inside.append(Try((broken,), "error", ()) if draw(st.booleans()) else broken)
    section = Section(names, (*inside, *draw(_LEAVES_BY)))
    return Try((section,), "error", ()) if draw(st.booleans()) else section


# Made once: to make strategies takes longer than to draw from them.
_CHILDREN: SearchStrategy[Statement] = st.builds(
    lambda name, number: Await("v", CallOrchestration(name, number)),
    st.sampled_from(("leaf", "locks")),
    NUMBERS,
)
_BODIES = _blocks(st.one_of(*often(_sections(), 4), *often(_simple(NAMES[:3]), 2), _CHILDREN), 3)


@st.composite
def programs_with_sections(draw: DrawFn) -> Program:
    """Draw a program that `registry_of` takes; how it ends may depend on the schedule."""
    bodies = draw(st.lists(_BODIES, min_size=1, max_size=3))
    functions = tuple(Orchestration(f"o{at}", (*body, END)) for at, body in enumerate(bodies))
    script: list[CallerAction] = []
    for instance_id in IDS[: draw(st.integers(2, 4))]:
        name = draw(st.sampled_from(functions)).name
        start = Start(instance_id, name, draw(st.integers(0, 3)), draw(st.sampled_from((0, 0, 1))))
        script += [start, *_disturbances(draw, start)]
    for _ in range(draw(st.integers(0, 2))):
        at_s = draw(st.sampled_from((0, 1, 30)))
        script.append(Signal(draw(_names), draw(_operations), 1, at_s, draw(_delays)))
    script.sort(key=lambda action: action.at_s)
    return Program(
        "random sections", (*functions, LEAF, LOCKS), (ECHO, INCREMENT), ENTITIES, tuple(script)
    )


def _disturbances(draw: DrawFn, start: Start) -> list[CallerAction]:
    at_s = draw(st.sampled_from((1, 2, 5, 30)))
    match draw(st.sampled_from(("none", "none", "none", "terminate", "terminate", "suspend"))):
        case "terminate":
            again = [Start(start.instance_id, start.orchestration, 1, at_s + 5)]
            end: CallerAction = Terminate(start.instance_id, "enough", at_s)
            return [end, *(again if draw(st.integers(0, 2)) == 0 else [])]
        case "suspend":
            return [Suspend(start.instance_id, at_s), Resume(start.instance_id, at_s + 60)]
        case _:
            return []


# One outcome.


@st.composite
def confluent_sections(draw: DrawFn) -> Program:
    """Draw a program whose outcome is the same whatever the schedule."""
    is_bank = draw(st.booleans())
    drawn = _moving_body if is_bank else _adding_body
    count = draw(st.integers(1, 3))
    functions = [Orchestration(f"o{at}", drawn(draw)) for at in range(count)]
    if is_bank:
        functions.append(Orchestration(f"o{count}", _audit()))
    script: list[CallerAction] = [
        Start(instance_id, draw(st.sampled_from(functions)).name, draw(st.integers(0, 3)))
        for instance_id in IDS[: draw(st.integers(2, 3))]
    ]
    if draw(st.integers(0, 2)) == 0:
        functions.append(Orchestration("waits", (Section(draw(_sets), (Await(UNSEEN, NEVER),)),)))
        script += [Start("d", "waits"), Terminate("d", "enough", draw(st.sampled_from((0, 1, 30))))]
    if not is_bank and draw(st.booleans()):
        script.append(Signal(draw(_names), "add", 1, 30, draw(_delays)))
    return Program(RANDOM_CONFLUENT, (*functions, LEAF), (ECHO, INCREMENT), ENTITIES, tuple(script))


def _audit() -> Block:
    everything = AllOf(tuple(CallEntity(name, "get", NOTHING) for name in NAMES))
    return (Section(NAMES, (Await("v", everything),)), Return(Sum((Variable("v"),))))


def _moving_body(draw: DrawFn) -> Block:
    """Move money inside sections only, all of it or nothing."""
    body: list[Statement] = []
    for _ in range(draw(st.integers(1, 2))):
        source, target = draw(st.permutations(NAMES[:3]))[:2]
        amount = draw(st.integers(1, 5))
        take = CallEntity(source, "add", Constant(-amount))
        give = CallEntity(target, "add", Constant(amount))
        moves: Block = draw(
            st.sampled_from(
                (
                    (Await(UNSEEN, take), Await(UNSEEN, give)),
                    (Await(UNSEEN, AllOf((give, take))),),
                    (Await(UNSEEN, take), Await(UNSEEN, SetTimer(30)), Await(UNSEEN, give)),
                    (Await(UNSEEN, take), Await(UNSEEN, AnyOf((give, SetTimer(1))))),
                )
            )
        )
        ends: Block = draw(st.sampled_from(((), (Raise("raised"),))))
        names = draw(st.sampled_from(((source, target), (target, source))))
        body.append(_tried(draw, Section(names, (*moves, *ends))))
    return (*body, Return(Row((INPUT, Variable("error")))))


def _adding_body(draw: DrawFn) -> Block:
    """Add here and there, inside sections and outside."""
    body: list[Statement] = []
    for _ in range(draw(st.integers(1, 3))):
        names = draw(_sets)
        match draw(st.sampled_from(("section", "section", "call", "signal", "fail"))):
            case "section":
                body.append(_tried(draw, Section(names, _inside(draw, names))))
            case "call":
                body.append(Await(UNSEEN, _add(draw, names)))
            case "signal":
                amount = Constant(draw(st.integers(1, 3)))
                body.append(SignalEntity(names[0], "add", amount, draw(_delays)))
            case _:
                body.append(_tried(draw, Await(UNSEEN, CallEntity(names[0], "refuse", NOTHING))))
    return (*body, Return(Row((INPUT, Variable("error")))))


def _inside(draw: DrawFn, names: tuple[str, ...]) -> Block:
    body: list[Statement] = []
    for _ in range(draw(st.integers(0, 2))):
        some: tuple[Statement, ...] = (
            Await(UNSEEN, _add(draw, names)),
            Await(UNSEEN, AllOf((_add(draw, names), CallActivity("echo", INPUT)))),
            Try((Await(UNSEEN, CallEntity(names[-1], "refuse", NOTHING)),), "error", ()),
            Try((SignalEntity(names[0], "add", Constant(1)),), "error", ()),
            Await(UNSEEN, AllOf((_add(draw, names), _add(draw, names)))),
            StartDetached("leaf", Constant(1)),
            Await(UNSEEN, SetTimer(30)),
        )
        body.append(draw(st.sampled_from(some)))
    ends: tuple[Block, ...] = (
        (),
        (),
        (Raise("raised"),),
        (Return(INPUT),),
        (If(INPUT, (), (ContinueAsNew(Constant(1)),)),),
        (Await(UNSEEN, AnyOf((_add(draw, names), SetTimer(1)))),),
    )
    return (*body, *draw(st.sampled_from(ends)))


def _add(draw: DrawFn, names: tuple[str, ...]) -> CallEntity:
    return CallEntity(draw(st.sampled_from(names)), "add", Constant(draw(st.integers(1, 3))))


def _tried(draw: DrawFn, statement: Statement) -> Statement:
    return Try((statement,), "error", ()) if draw(st.booleans()) else statement
