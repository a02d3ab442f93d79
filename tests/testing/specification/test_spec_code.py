"""The code of one execution: control flow, errors, ends, custom status, sections' rules."""

from datetime import UTC, datetime, timedelta

import pytest

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Let,
    Made,
    Make,
    Operation,
    Orchestration,
    Program,
    Raise,
    Repeat,
    Return,
    Section,
    SetStatus,
    SetTimer,
    SignalEntity,
    Statement,
    Sum,
    Try,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.activities import ActivityOutcome, run_activity
from durable.testing.specification.effects import (
    ContinuedAsNew,
    Effect,
    Ended,
    OperationAsked,
    SectionAsked,
    SectionLeft,
    SignalSent,
)
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    EventArrived,
    Input,
    OperationCompleted,
    SectionEntered,
    Terminated,
    TimerFired,
)
from durable.testing.specification.lock_rules import (
    NO_CALL_OF_UNLOCKED,
    NO_CHILDREN,
    NO_EMPTY_SECTION,
    NO_NESTING,
    NO_SECOND_CALL,
    NO_SIGNAL_TO_LOCKED,
)
from durable.testing.specification.names import UnknownNameError
from durable.testing.specification.orchestrations import RunawayError, Step, apply, begin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = Constant(None)
A = CallActivity("a", NOTHING)
X = Variable("x")
CALL_P, CALL_Q = (CallEntity(name, "get", NOTHING) for name in "PQ")
ENTERED = SectionEntered(0)


def program(*body: Statement) -> Program:
    """Make a program of one orchestration, `main`, and the entities P and Q."""
    entities = tuple(Entity(name, 0, (Operation("get", (), NOTHING),)) for name in "PQ")
    return Program("code", (Orchestration("main", body),), entities=entities)


def run(*body: Statement, inputs: tuple[Input, ...] = ()) -> Step:
    """Begin and apply; gives the last state with the effects of all."""
    app = program(*body)
    step = begin(app, "main", 1, NOON)
    for input_ in inputs:
        after = apply(app, step.state, input_, NOON)
        step = Step(after.state, step.effects + after.effects)
    return step


def ending(*body: Statement, inputs: tuple[Input, ...] = ()) -> Effect:
    """Give the last effect."""
    return run(*body, inputs=inputs).effects[-1]


def test_a_body_that_ends_without_return_returns_nothing() -> None:
    """The output is `None`."""
    assert ending(Let("x", Constant(1))) == Ended("Completed", None)


def test_the_input_is_a_variable() -> None:
    """`input` holds what the orchestration was started with; an unset variable is `None`."""
    assert ending(Return(Variable("input"))) == Ended("Completed", 1)
    assert ending(Return(X)) == Ended("Completed", None)


def test_if_looks_at_the_weight() -> None:
    """An odd weight takes the first arm, an even one the second."""
    body = (If(X, (Return(Constant("odd")),), (Return(Constant("even")),)),)
    assert ending(Let("x", Constant("abc")), *body) == Ended("Completed", "odd")
    assert ending(Let("x", Constant("ab")), *body) == Ended("Completed", "even")


def test_repeat_runs_its_body_so_many_times_across_waits() -> None:
    """The rounds left survive a wait; no rounds are none."""
    body = (
        Let("x", Constant(0)),
        Repeat(0, (Raise("never"),)),
        Repeat(3, (Await("y", A), Let("x", Sum((X, Variable("y")))))),
        Return(X),
    )
    answers = tuple(ActivityCompleted(at, 10) for at in range(3))
    assert ending(*body, inputs=answers) == Ended("Completed", 30)


def test_the_innermost_try_around_a_failure_takes_its_message() -> None:
    """A handler's own error goes further out; what follows the `Try` goes on."""
    body = (
        Try(
            (Try((Await("x", A),), "inner", (Raise("again"),)),),
            "outer",
            (Let("x", Variable("inner")),),
        ),
        Return(Sum((X, Variable("outer")))),
    )
    assert ending(*body, inputs=(ActivityFailed(0, "four"),)) == Ended("Completed", 4 + 5)


def test_an_error_that_nobody_catches_fails_the_orchestration() -> None:
    """The output is the message, of a task's error and of a `Raise` alike."""
    assert ending(Await("x", A), inputs=(ActivityFailed(0, "no"),)) == Ended("Failed", "no")
    assert ending(Raise("mine")) == Ended("Failed", "mine")


def test_terminate_ends_at_once_and_runs_no_handler() -> None:
    """The output is the reason; the code gets no chance to do anything."""
    body = (Try((Await("x", A),), "x", (SignalEntity("P", "get", NOTHING),)),)
    step = run(*body, inputs=(Terminated("enough"),))
    assert step.effects[-1] == Ended("Terminated", "enough", ends_children=True)
    assert (step.state.status, step.state.output) == ("Terminated", "enough")


def test_an_execution_that_is_over_changes_no_more() -> None:
    """Whatever is applied then, the state stays and nothing is asked for."""
    app = program(Await("x", A))
    over = run(Await("x", A), inputs=(Terminated(None),)).state
    for late in (ActivityCompleted(0, 1), EventArrived("e", 1), Terminated("again")):
        assert apply(app, over, late, NOON) == Step(over, ())


def test_the_last_custom_status_stays() -> None:
    """It is kept at the end; `None` clears it."""
    body = (SetStatus(Constant("a")), SetStatus(Constant("b")), Await("x", A))
    assert run(*body, inputs=(Terminated(None),)).state.custom_status == "b"
    assert run(*body, SetStatus(NOTHING), inputs=(ActivityCompleted(0, 1),)).state == (
        Orchestrating(name="main", status="Completed", scheduled=1)
    )


def test_continue_as_new_hands_on_input_and_unread_events() -> None:
    """The execution is over, with what it leaves in its last effect."""
    body = (Await("x", A), ContinueAsNew(Constant(5)), SignalEntity("P", "get", NOTHING))
    unread = (EventArrived("e", 1), EventArrived("f", 2))
    step = run(*body, inputs=(*unread, ActivityCompleted(0, 0)))
    assert step.effects[-1] == ContinuedAsNew(5, unread)
    assert step.state.status == "ContinuedAsNew"


def test_carried_events_are_there_from_the_beginning() -> None:
    """To begin with them is the same as to begin and have them arrive in order."""
    race = AnyOf((A, WaitForEvent("f")))
    app = program(Await("x", WaitForEvent("e")), Await("y", race), Await("z", A))
    carried = (EventArrived("f", 1), EventArrived("e", 2), EventArrived("f", 3))
    step = begin(app, "main", None, NOON)
    for event in carried:
        step = apply(app, step.state, event, NOON)
    assert begin(app, "main", None, NOON, unread=carried).state == step.state


def test_a_loop_that_never_waits_is_found_out() -> None:
    """More than 10,000 statements between two inputs are an error of the program."""
    with pytest.raises(RunawayError, match="10,000"):
        run(Repeat(100_000, (Let("x", X),)))
    with pytest.raises(RunawayError):
        run(Repeat(100_000, ()))


def test_a_state_is_hashable_and_says_nothing_of_the_way_to_it() -> None:
    """Two ways to the same point give equal states: what was done with is forgotten."""
    body = (Await("x", AnyOf((A, SetTimer(1)))), Let("x", Constant(0)), Await("y", SetTimer(2)))
    one = run(*body, inputs=(ActivityCompleted(0, 0), TimerFired(1))).state
    two = run(*body, inputs=(TimerFired(1), ActivityCompleted(0, 0))).state
    assert one == two
    assert hash(one) == hash(two)


def test_an_unknown_function_is_told_by_its_name() -> None:
    """A program that names what it does not have is refused where it does."""
    with pytest.raises(UnknownNameError, match="'nobody'"):
        begin(program(), "nobody", None, NOON)
    with pytest.raises(UnknownNameError, match="'nobody'"):
        run_activity(program(), "nobody", None)


def test_an_activity_gives_its_value_or_its_message() -> None:
    """It fails if the weight of its condition is odd."""
    app = Program("p", (), (Activity("a", Sum((Variable("input"),)), Variable("input"), "odd"),))
    assert run_activity(app, "a", 4) == ActivityOutcome(value=4)
    assert run_activity(app, "a", 3) == ActivityOutcome(message="odd")


def test_a_section_asks_for_its_set_sorted_and_waits() -> None:
    """Each entity is asked for once; the body starts when all are locked, and releases all."""
    body = (Section(("Q", "P", "Q"), (SetStatus(Constant("in")),)), Return(NOTHING))
    waiting = run(*body)
    assert waiting.effects == (SectionAsked(0, ("P", "Q")),)
    assert waiting.state.open_tasks == (0,)
    step = run(*body, inputs=(ENTERED,))
    assert step.effects[1:] == (SectionLeft(0, ("P", "Q"), 1), Ended("Completed", None))


@pytest.mark.parametrize(
    ("inside", "inputs", "end"),
    [
        ((Return(X),), (), Ended("Completed", None)),
        ((Raise("no"),), (), Ended("Failed", "no")),
        ((Await("x", A),), (ActivityFailed(1, "no"),), Ended("Failed", "no")),
        ((Await("x", A),), (Terminated("stop"),), Ended("Terminated", "stop", ends_children=True)),
        ((ContinueAsNew(X),), (), ContinuedAsNew(None, ())),
    ],
)
def test_a_section_is_released_however_it_is_left(
    inside: tuple[Statement, ...], inputs: tuple[Input, ...], end: Effect
) -> None:
    """Return, error, terminate and continue-as-new release before they end the execution.

    What the code asks for takes an id; who is cut off asks for nothing.
    """
    step = run(Section(("P",), inside), inputs=(ENTERED, *inputs))
    is_cut_off = isinstance(end, ContinuedAsNew) or end == Ended("Terminated", "stop", True)
    release_id = None if is_cut_off else 1 + len(inputs)
    assert step.effects[-2:] == (SectionLeft(0, ("P",), release_id), end)


def test_an_error_that_leaves_a_section_releases_it_before_it_is_caught() -> None:
    """The handler outside runs without the locks, and may enter a section again."""
    body = (
        Try((Section(("P",), (Raise("no"),)),), "x", (Section(("P",), (Return(X),)),)),
        Raise("not reached"),
    )
    step = run(*body, inputs=(ENTERED, SectionEntered(2)))
    assert step.effects == (
        SectionAsked(0, ("P",)),
        SectionLeft(0, ("P",), 1),
        SectionAsked(2, ("P",)),
        SectionLeft(2, ("P",), 3),
        Ended("Completed", "no"),
    )


def test_who_is_terminated_while_it_waits_for_locks_takes_its_request_back() -> None:
    """The release goes to the whole set, granted or not."""
    step = run(Section(("P", "Q"), ()), inputs=(Terminated(None),))
    assert step.effects[-2:] == (
        SectionLeft(0, ("P", "Q")),
        Ended("Terminated", None, ends_children=True),
    )


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (Section(("Q",), ()), NO_NESTING),
        (Await("x", CALL_Q), NO_CALL_OF_UNLOCKED),
        (SignalEntity("P", "get", NOTHING), NO_SIGNAL_TO_LOCKED),
        (Await("x", AllOf((CALL_P, CALL_P))), NO_SECOND_CALL),
        (Await("x", CallOrchestration("main", NOTHING)), NO_CHILDREN),
    ],
)
def test_a_broken_rule_of_sections_is_an_error_that_releases(
    inside: Statement, message: str
) -> None:
    """The statement raises; nothing of it is asked for, and the locks are released."""
    step = run(Section(("P",), (inside,)), inputs=(ENTERED,))
    assert step.effects[1:] == (SectionLeft(0, ("P",), 1), Ended("Failed", message))


def test_a_section_of_nothing_is_an_error() -> None:
    """The set of entities must not be empty."""
    assert run(Section((), ())).effects == (Ended("Failed", NO_EMPTY_SECTION),)


def test_a_broken_rule_can_be_caught_inside_and_keeps_the_locks() -> None:
    """Only an error that leaves the section releases."""
    inside = (Try((Await("x", CALL_Q),), "x", ()), Await("y", CALL_P))
    step = run(Section(("P",), inside), inputs=(ENTERED,))
    assert step.effects[1:] == (OperationAsked(1, "P", "get", None),)


def test_activities_timers_events_and_signals_to_others_are_allowed_inside() -> None:
    """The lock stays held meanwhile (decision 7)."""
    inside = (
        SignalEntity("Q", "get", NOTHING),
        Await("x", AllOf((A, SetTimer(1), WaitForEvent("e")))),
        Await("y", CALL_P),
    )
    answers = (ENTERED, ActivityCompleted(2, 0), TimerFired(3), EventArrived("e", 0))
    step = run(Section(("P",), inside), inputs=answers)
    assert SignalSent("Q", "get", None, 1) in step.effects
    assert step.effects[-1] == OperationAsked(4, "P", "get", None)


def test_a_signal_for_later_says_when_in_the_time_of_its_episode() -> None:
    """It takes an id like any other signal."""
    step = run(SignalEntity("P", "get", X, after_s=60), SignalEntity("P", "get", X))
    due_at = NOON + timedelta(seconds=60)
    assert step.effects[:2] == (
        SignalSent("P", "get", None, 0, due_at),
        SignalSent("P", "get", None, 1),
    )


def test_calls_one_after_another_to_one_locked_entity_are_allowed() -> None:
    """Only a call beside a pending one is refused, and only inside its own section."""
    inside = (Await("x", CALL_P), Await("x", CALL_P))
    body = (Make("c", CALL_P), Try((Await("x", AllOf((Made("c"), A))),), "x", ()))
    step = run(
        *body,
        Section(("P",), inside),
        inputs=(
            ActivityFailed(1, "the call runs on"),
            SectionEntered(2),
            OperationCompleted(3, 0),
        ),
    )
    assert step.effects[-1] == OperationAsked(4, "P", "get", None)
