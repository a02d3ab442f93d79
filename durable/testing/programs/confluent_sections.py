"""Programs of critical sections at random whose outcome does not depend on the schedule.

Needs Hypothesis.

Rule 1. What others change is added to, which commutes; and no reply shows, but the sum of all in a
        section of all, where everybody moves money inside of sections only.
Rule 2. A call that nobody waits for is the last thing that its section does.
Rule 3. An operation that fails is called alone: while another call is open, a second one to the
        same entity may or may not be an error.
Rule 4. Who is terminated waits for ever and has changed nothing.
"""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from durable.testing.programs.lock_vocabulary import (
    DELAYS,
    ENTITIES,
    ENTITY_NAMES,
    IDS,
    INPUT,
    LEAF,
    LOCK_SETS,
    NAMES,
    NOTHING,
)
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
    Constant,
    ContinueAsNew,
    If,
    Orchestration,
    Program,
    Raise,
    Return,
    Row,
    Section,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Terminate,
    Try,
    Variable,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    INCREMENT,
    NEVER,
)


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
        functions.append(
            Orchestration("waits", (Section(draw(LOCK_SETS), (Await(UNSEEN, NEVER),)),))
        )
        script += [Start("d", "waits"), Terminate("d", "enough", draw(st.sampled_from((0, 1, 30))))]
    if not is_bank and draw(st.booleans()):
        script.append(Signal(draw(ENTITY_NAMES), "add", 1, 30, draw(DELAYS)))
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
        names = draw(LOCK_SETS)
        match draw(st.sampled_from(("section", "section", "call", "signal", "fail"))):
            case "section":
                body.append(_tried(draw, Section(names, _inside(draw, names))))
            case "call":
                body.append(Await(UNSEEN, _add(draw, names)))
            case "signal":
                amount = Constant(draw(st.integers(1, 3)))
                body.append(SignalEntity(names[0], "add", amount, draw(DELAYS)))
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
