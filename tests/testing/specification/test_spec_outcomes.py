"""All outcomes of small programs: what is certain, what is not, and what can never happen."""

import itertools

import pytest

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Operation,
    Orchestration,
    Program,
    Raise,
    RaiseEvent,
    Return,
    Row,
    Section,
    SetState,
    SetTimer,
    SignalEntity,
    Start,
    Statement,
    Sum,
    Terminate,
    Try,
    Value,
    Variable,
    WaitForEvent,
    weight_of,
)
from durable.testing.specification.hub import initial, steps
from durable.testing.specification.hub_state import HubState
from durable.testing.specification.lock_rules import NO_SECOND_CALL
from durable.testing.specification.outcomes import (
    Outcome,
    TooManyStates,
    one_outcome,
    outcomes,
)

NOTHING = Constant(None)
STATE, INPUT = Variable("state"), Variable("input")
X, Y, Z = Variable("x"), Variable("y"), Variable("z")
A = CallActivity("a", Constant(1))
ACTIVITY = Activity("a", INPUT)
ADD = Operation("add", (SetState(Sum((STATE, INPUT))),), STATE)
GET = Operation("get", (), STATE)
MONEY = 100


def outputs(app: Program, instance_id: str = "i") -> set[Value]:
    """Give the outputs that an instance may come to; `Running` for one that waits for ever."""
    return {
        output if status != "Running" else status
        for outcome in outcomes(app)
        for found, status, output, _ in outcome.instances
        if found == instance_id
    }


def single(*body: Statement, entities: tuple[Entity, ...] = ()) -> Program:
    """Make a program of one orchestration, started once as `i`."""
    return Program(
        "single", (Orchestration("main", body),), (ACTIVITY,), entities, (Start("i", "main"),)
    )


def test_a_sequence_has_one_outcome() -> None:
    """Nothing in it is left to chance."""
    app = single(Await("x", A), Await("y", SetTimer(1)), Return(X))
    assert outcomes(app) == {Outcome((("i", "Completed", 1, None),), ())}


def test_a_fan_out_has_one_outcome_and_is_explored_at_once() -> None:
    """The order of completion cannot be seen by who waits for all."""
    app = single(Await("x", AllOf((A,) * 30)), Return(Sum((X,))))
    assert outcomes(app, 100) == {Outcome((("i", "Completed", 30, None),), ())}


def test_a_race_of_an_activity_and_a_timer_has_two_outcomes() -> None:
    """Either may be the first."""
    assert outputs(single(Await("x", AnyOf((A, SetTimer(1)))), Return(X))) == {(0, 1), (1, None)}


def test_of_two_failures_either_may_be_the_first() -> None:
    """An `AllOf` raises the one that was recorded first."""
    fails = tuple(Activity(name, NOTHING, Constant(1), f"{name} failed") for name in ("one", "two"))
    tasks = tuple(CallActivity(each.name, NOTHING) for each in fails)
    app = Program(
        "failures",
        (Orchestration("main", (Await("x", AllOf(tasks)),)),),
        fails,
        script=(Start("i", "main"),),
    )
    assert outputs(app) == {"one failed", "two failed"}


def test_an_instance_that_waits_for_ever_is_running_in_the_outcome() -> None:
    """An event that nobody raises never comes."""
    assert outputs(single(Await("x", WaitForEvent("e")))) == {"Running"}


def test_an_event_may_come_too_late_but_is_never_lost() -> None:
    """It is read whenever it comes before the end, whatever the code waits for then."""
    body = (Await("x", A), Await("y", WaitForEvent("e")), Return(Y))
    raised = RaiseEvent("i", "e", 5)
    app = Program(
        "event",
        (Orchestration("main", body),),
        (ACTIVITY,),
        script=(Start("i", "main"), raised),
    )
    assert outputs(app) == {5}


def test_a_terminate_hits_before_or_after_the_end() -> None:
    """Both are outcomes, and no other."""
    app = Program(
        "terminate",
        (Orchestration("main", (Await("x", A), Return(X))),),
        (ACTIVITY,),
        script=(Start("i", "main"), Terminate("i", "stop")),
    )
    assert {each.instances[0][1:3] for each in outcomes(app)} == {
        ("Completed", 1),
        ("Terminated", "stop"),
    }


def paths(app: Program) -> set[tuple[str, ...]]:
    """Give the rules of every schedule, in order."""
    found: set[tuple[str, ...]] = set()
    pending: list[tuple[HubState, tuple[str, ...]]] = [(initial(app), ())]
    while pending:
        state, path = pending.pop()
        after = list(steps(app, state))
        pending += [(each.state, (*path, each.rule)) for each in after]
        if not after:
            found.add(path)
    return found


def test_of_two_starts_of_one_id_at_least_one_is_fresh_and_both_only_in_turn() -> None:
    """While the first lives the second is a conflict; once it has ended it is fresh."""
    app = Program(
        "twice",
        (Orchestration("main", (Await("x", A),)),),
        (ACTIVITY,),
        script=(Start("i", "main"), Start("i", "main")),
    )
    assert paths(app) == {
        ("StartNew-Fresh", "StartNew-Conflict", "Act-Done"),
        ("StartNew-Fresh", "Act-Done", "StartNew-Fresh", "Act-Done"),
    }


def test_of_two_starts_of_one_id_that_waits_exactly_one_is_fresh() -> None:
    """An instance that does not end refuses every other start."""
    app = Program(
        "twice",
        (Orchestration("main", (Await("x", WaitForEvent("e")), Return(INPUT))),),
        script=(Start("i", "main", 1), Start("i", "main", 2)),
    )
    assert paths(app) == {("StartNew-Fresh", "StartNew-Conflict")}


def test_a_counter_loses_no_update() -> None:
    """Whatever the order of the adders, the sum is the same (operations are serial)."""
    body = (Await("x", CallEntity("E", "add", INPUT)), SignalEntity("E", "add", Constant(10)))
    app = Program(
        "counter",
        (Orchestration("main", (*body, Await("x", SetTimer(1)))),),
        entities=(Entity("E", 0, (ADD,)),),
        script=tuple(Start(f"i{at}", "main", at) for at in range(1, 4)),
    )
    assert {each.entities for each in outcomes(app)} == {(("E", 36),)}


def test_signals_of_two_origins_come_in_any_order_and_of_one_in_theirs() -> None:
    """Exactly the interleavings that keep each origin's order are outcomes."""
    log = Operation("log", (SetState(Row((STATE, INPUT))),), NOTHING)
    body = tuple(SignalEntity("E", "log", Sum((INPUT, Constant(at)))) for at in range(2))
    app = Program(
        "signals",
        (Orchestration("main", body),),
        entities=(Entity("E", None, (log,)),),
        script=(Start("i", "main", 10), Start("j", "main", 20)),
    )

    def logged(*numbers: int) -> Value:
        state: Value = None
        for number in numbers:
            state = (state, number)
        return state

    expected = {
        logged(*order)
        for order in itertools.permutations((10, 11, 20, 21))
        if order.index(10) < order.index(11) and order.index(20) < order.index(21)
    }
    assert {dict(each.entities)["E"] for each in outcomes(app)} == expected


def test_a_failed_operation_is_rolled_back_in_every_outcome() -> None:
    """Between others' operations it leaves nothing; the caller gets its error."""
    fail = Operation("fail", (SetState(Constant(99)),), STATE, Constant(1), "refused")
    failing = Orchestration(
        "failing", (Try((Await("x", CallEntity("E", "fail", NOTHING)),), "x", ()), Return(X))
    )
    adding = Orchestration("adding", (Await("x", CallEntity("E", "add", Constant(1))),))
    app = Program(
        "rollback",
        (failing, adding),
        entities=(Entity("E", 0, (ADD, fail)),),
        script=(Start("i", "failing"), Start("j", "adding"), Start("k", "adding")),
    )
    assert outputs(app) == {"refused"}
    assert {each.entities for each in outcomes(app)} == {(("E", 2),)}


def test_continue_as_new_keeps_every_event_and_drops_late_results() -> None:
    """The second execution reads the event that is left; the race lost in the first is gone."""
    app = Program(
        "eternal",
        (
            Orchestration(
                "main",
                (
                    Await("x", AnyOf((A, SetTimer(1)))),
                    Await("y", WaitForEvent("e")),
                    If(INPUT, (Return(Row((INPUT, Y))),)),
                    ContinueAsNew(Constant(1)),
                ),
            ),
        ),
        (ACTIVITY,),
        script=(Start("i", "main", 0), RaiseEvent("i", "e", 1), RaiseEvent("i", "e", 2)),
    )
    assert outputs(app) == {(1, 1), (1, 2)}


@pytest.mark.parametrize(
    "first",
    [
        AllOf((CallEntity("P", "fail", NOTHING), CallEntity("Q", "get", NOTHING))),
        AnyOf((A, CallEntity("Q", "get", NOTHING))),
    ],
)
def test_a_second_call_in_a_section_may_find_the_first_still_pending(first: AllOf | AnyOf) -> None:
    """Whether it does is left to chance, so both are outcomes."""
    fail = Operation("fail", (), NOTHING, Constant(1), "refused")
    body = Section(
        ("P", "Q"),
        (
            Try((Await("x", first),), "x", ()),
            Await("z", A),
            Try((Await("y", CallEntity("Q", "get", NOTHING)),), "y", ()),
            Return(Y),
        ),
    )
    entities = (Entity("P", 1, (fail,)), Entity("Q", 1, (GET,)))
    assert outputs(single(body, entities=entities)) == {1, NO_SECOND_CALL}


def test_the_signals_of_two_children_come_in_any_order() -> None:
    """One function may have many lives: no entity that it names is its own."""
    log = Operation("log", (SetState(Row((STATE, INPUT))),), NOTHING)
    child = Orchestration("child", (SignalEntity("E", "log", INPUT), Await("x", SetTimer(1))))
    both = AllOf(tuple(CallOrchestration("child", Constant(at)) for at in (1, 2)))
    app = Program(
        "children",
        (Orchestration("main", (Await("x", both),)), child),
        entities=(Entity("E", None, (log,)),),
        script=(Start("i", "main"),),
    )
    states = {dict(each.entities)["E"] for each in outcomes(app)}
    assert states == {((None, 1), 2), ((None, 2), 1)}


def account(name: str) -> Entity:
    """Make a bank account that holds something."""
    return Entity(name, MONEY, (ADD, GET))


def transfer(name: str, source: str, target: str, *, locks: bool) -> Orchestration:
    """Make an orchestration that moves its input from one account to another."""
    moves: tuple[Statement, ...] = (
        Await("x", CallEntity(source, "get", NOTHING)),
        Await("y", CallEntity(source, "add", Constant(-10))),
        Await("z", CallEntity(target, "add", Constant(10))),
    )
    return Orchestration(name, (Section((source, target), moves),) if locks else moves)


def audit(*names: str, locks: bool) -> Orchestration:
    """Make an orchestration that returns what the accounts hold together."""
    look: tuple[Statement, ...] = tuple(
        Await(name, CallEntity(name, "get", NOTHING)) for name in names
    )
    body: Block = (*look, Return(Sum(tuple(Variable(name) for name in names))))
    return Orchestration("audit", (Section(names, body),) if locks else body)


def bank(*, locks: bool) -> Program:
    """Make a bank: transfers round a ring of three accounts, each locking its own two; an audit."""
    return Program(
        "bank",
        (
            transfer("pq", "P", "Q", locks=locks),
            transfer("qr", "Q", "R", locks=locks),
            transfer("rp", "R", "P", locks=locks),
            audit("R", "P", "Q", locks=locks),
        ),
        entities=tuple(account(name) for name in "PQR"),
        script=(
            Start("1", "pq"),
            Start("2", "qr"),
            Start("3", "rp"),
            Start("i", "audit"),
        ),
    )


def test_under_locks_money_is_conserved_and_nobody_is_stuck() -> None:
    """Sections over overlapping sets, locked in a ring: one sum, no deadlock (H1, H3)."""
    found = outcomes(bank(locks=True))
    assert outputs(bank(locks=True)) == {3 * MONEY}
    for outcome in found:
        assert {status for _, status, _, _ in outcome.instances} == {"Completed"}
        assert weight_of(tuple(state for _, state in outcome.entities)) == 3 * MONEY


def test_without_locks_an_audit_can_see_a_wrong_sum() -> None:
    """So the test above can fail: it is the sections that keep the sum."""
    sums = outputs(bank(locks=False))
    assert 3 * MONEY in sums
    assert len(sums) > 1


def test_a_crash_of_the_code_in_a_section_leaves_no_lock() -> None:
    """After an error inside, the other locker gets its turn in every outcome (H5)."""
    failing = Orchestration(
        "failing", (Section(("P",), (SignalEntity("Q", "add", Constant(1)), Raise("no"))),)
    )
    app = Program(
        "release",
        (failing, transfer("pq", "P", "Q", locks=True)),
        entities=(account("P"), account("Q")),
        script=(Start("i", "failing"), Start("j", "pq"), Terminate("j")),
    )
    for outcome in outcomes(app):
        statuses = {found: status for found, status, _, _ in outcome.instances}
        assert statuses["i"] == "Failed"
        assert statuses["j"] in {"Completed", "Terminated"}


def test_an_exploration_that_grows_too_large_is_given_up() -> None:
    """The limit is in states, and its error names the program."""
    with pytest.raises(TooManyStates, match="bank"):
        outcomes(bank(locks=False), 10)


def test_one_schedule_comes_to_one_of_the_outcomes() -> None:
    """First and last choice of everything lead to outcomes that the exploration knows."""
    known = outcomes(bank(locks=False))
    assert one_outcome(bank(locks=False), lambda _: 0) in known
    assert one_outcome(bank(locks=False), lambda n: n - 1) in known


def test_a_program_that_never_rests_is_given_up() -> None:
    """An execution that continues as new for ever has no outcome, and the exploration ends."""
    app = single(Await("x", A), ContinueAsNew(NOTHING))
    assert outcomes(app) == frozenset()
    with pytest.raises(TooManyStates):
        one_outcome(app, lambda _: 0, transitions_max=100)
