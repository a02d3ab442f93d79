"""Signals that have no order, and what entities start: paper 3.3.4, and ours."""

import pytest

from durable.testing.programs.handwritten import SECTION_PROGRAMS
from durable.testing.programs.syntax import (
    Await,
    CallEntity,
    Constant,
    Entity,
    Operation,
    Orchestration,
    Program,
    Return,
    Row,
    SetState,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Value,
    Variable,
)
from durable.testing.specification.effects import SignalSent, StartSent
from durable.testing.specification.entities import Request, run_operation
from durable.testing.specification.names import UnknownNameError
from durable.testing.specification.outcomes import TooManyStates, outcomes
from tests.testing.specification.hub_paths import follow, rules, seen

INPUT, STATE, X = Variable("input"), Variable("state"), Variable("x")
NOTHING = Constant(None)
NOTE = Operation("note", (SetState(Row((STATE, INPUT))),), STATE)
LOG = Entity("log", 0, (NOTE,))


def logs(program: Program) -> set[Value]:
    """Collect all states that the log can end in."""
    return {dict(each.entities)["log"] for each in outcomes(program)}


def test_signals_of_callers_have_no_order() -> None:
    """Nor with anything else; two that are equal are two."""
    script = (Signal("log", "note", 1), Signal("log", "note", 2), Signal("log", "note", 2))
    found = logs(Program("p", (), entities=(LOG,), script=script))
    assert found == {(((0, 1), 2), 2), (((0, 2), 1), 2), (((0, 2), 2), 1)}


def test_a_signal_for_later_has_no_order_with_its_senders_others() -> None:
    """One that is for now keeps its place; the one for later comes at any time."""
    body = (
        SignalEntity("log", "note", Constant(1), after_s=60),
        SignalEntity("log", "note", Constant(2)),
        Await("x", CallEntity("log", "note", Constant(3))),
        Return(X),
    )
    app = Program("p", (Orchestration("main", body),), (), (LOG,), (Start("i", "main"),))
    assert logs(app) == {(((0, 1), 2), 3), (((0, 2), 1), 3), (((0, 2), 3), 1)}


def test_an_entity_starts_an_orchestration_that_is_nobodys_child() -> None:
    """One of a live id is not started, and nobody is told."""
    begin = Operation("begin", (StartDetached("child", INPUT, "c"),), NOTHING)
    app = Program(
        "p",
        (Orchestration("child", (Return(INPUT),)),),
        entities=(Entity("log", 0, (begin,)),),
        script=(Signal("log", "begin", 7),),
    )
    path = ("Caller-Signal", "Ent-Take-Signal", "Child-Fresh", "Orch-Begin")
    state = follow(app, *path)
    assert seen(state, "c") == ("Completed", 7, None)
    assert rules(app, state) == []


def test_what_an_operation_sends_is_in_order_and_nothing_if_it_fails() -> None:
    """Signals and starts alike (decision 6)."""
    sends = (SignalEntity("log", "note", INPUT), StartDetached("child", STATE, "c"))
    entity = Entity(
        "log",
        0,
        (
            Operation("send", sends, NOTHING),
            Operation("fail", sends, NOTHING, fails_if=Constant(1)),
            Operation("nobody", (StartDetached("child", STATE),), NOTHING),
        ),
    )
    assert run_operation(entity, 5, Request("send", 7)).sent == (
        SignalSent("log", "note", 7),
        StartSent("child", 5, "c"),
    )
    assert run_operation(entity, 5, Request("fail", 7)).sent == ()
    with pytest.raises(UnknownNameError):
        run_operation(entity, 5, Request("nobody", 7))


def test_the_reduction_loses_no_outcome_of_sections() -> None:
    """Every program written by hand that can be explored without it comes to the same."""
    compared = 0
    for program in SECTION_PROGRAMS:
        try:
            everything = outcomes(program, 1500, reduced=False)
        except TooManyStates:
            continue
        assert outcomes(program) == everything, program.name
        compared += 1
    assert compared >= len(SECTION_PROGRAMS) // 2
