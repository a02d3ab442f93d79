"""Tasks of one execution: when they are scheduled, what completes them, who wins a race."""

from datetime import UTC, datetime, timedelta

import pytest

from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Cancel,
    Clock,
    Constant,
    Entity,
    Let,
    Made,
    Make,
    Operation,
    Orchestration,
    Program,
    Return,
    Row,
    SetTimer,
    Statement,
    Task,
    Try,
    Value,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.effects import (
    ActivityAsked,
    ChildAsked,
    Ended,
    OperationAsked,
    TimerAsked,
)
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    EventArrived,
    Input,
    OperationCompleted,
    OperationFailed,
    TimerFired,
)
from durable.testing.specification.orchestrations import Step, WrongAnswerError, apply, begin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A = CallActivity("a", Constant(1))
B = CallActivity("b", Constant(2))
E = WaitForEvent("e")
X, Y = Variable("x"), Variable("y")
HUNDRED = 100


def program(*body: Statement) -> Program:
    """Make a program of one orchestration, `main`."""
    counter = Entity("E", 0, (Operation("get", (), Variable("state")),))
    return Program("tasks", (Orchestration("main", body),), entities=(counter,))


def run(*body: Statement, inputs: tuple[Input, ...] = ()) -> Step:
    """Begin and apply; gives the last state with the effects of all."""
    app = program(*body)
    step = begin(app, "main", None, NOON)
    for input_ in inputs:
        after = apply(app, step.state, input_, NOON)
        step = Step(after.state, step.effects + after.effects)
    return step


def output(*body: Statement, inputs: tuple[Input, ...]) -> Value:
    """Give the output that these inputs lead to."""
    state = run(*body, inputs=inputs).state
    assert state.status == "Completed"
    return state.output


def test_ids_count_up_over_what_is_asked_for_from_left_to_right() -> None:
    """Leaves get their ids in the order of the await, all kinds from one count; waits get none."""
    tasks = (A, E, AllOf((SetTimer(5), CallOrchestration("main", Constant(3)))))
    call = CallEntity("E", "get", Constant(4))
    step = run(Await("x", AllOf((*tasks, call))))
    assert step.effects == (
        ActivityAsked(0, "a", 1),
        TimerAsked(1, NOON + timedelta(seconds=5)),
        ChildAsked(2, "main", 3, None),
        OperationAsked(3, "E", "get", 4),
    )
    assert step.state.open_tasks == (0, 1, 2, 3)


def test_a_task_that_nobody_awaits_is_never_asked_for() -> None:
    """Making a task has no effect, and takes no id."""
    step = run(Make("x", A), Await("y", B))
    assert step.effects == (ActivityAsked(0, "b", 2),)


def test_a_task_that_is_awaited_twice_is_asked_for_once() -> None:
    """Both awaits see the one answer."""
    body = (Make("t", A), Await("x", Made("t")), Await("y", Made("t")), Return(Row((X, Y))))
    step = run(*body, inputs=(ActivityCompleted(0, 7),))
    assert step.effects == (ActivityAsked(0, "a", 1), Ended("Completed", (7, 7)))


def test_an_argument_is_what_it_was_when_the_task_was_made() -> None:
    """Later assignments do not reach into a task that is made already."""
    step = run(
        Let("x", Constant(1)),
        Make("t", CallActivity("a", X)),
        Let("x", Constant(2)),
        Await("y", Made("t")),
    )
    assert step.effects == (ActivityAsked(0, "a", 1),)


def test_a_timer_counts_from_the_episode_that_made_it() -> None:
    """A timer that is awaited in a later episode is due by the time of the earlier one."""
    app = program(Make("t", SetTimer(5)), Await("x", A), Await("y", Made("t")))
    step = begin(app, "main", None, NOON)
    later = apply(app, step.state, ActivityCompleted(0, 0), NOON + timedelta(hours=1))
    assert later.effects == (TimerAsked(1, NOON + timedelta(seconds=5)),)


def test_the_clock_is_the_time_of_the_episode_in_whole_milliseconds() -> None:
    """`Clock` shows what `apply` was given, rounded down."""
    app = program(Let("x", Clock()), Await("y", A), Return(Row((X, Clock()))))
    step = begin(app, "main", None, datetime(1970, 1, 1, tzinfo=UTC))
    later = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=12, microseconds=999)
    assert apply(app, step.state, ActivityCompleted(0, 0), later).state.output == (0, 12)


def test_all_gives_the_values_in_the_order_of_the_tasks() -> None:
    """The order of completion does not matter to it."""
    answers = (ActivityCompleted(1, "second"), ActivityCompleted(0, "first"))
    assert output(Await("x", AllOf((A, B))), Return(X), inputs=answers) == ("first", "second")


def test_all_of_nothing_is_complete() -> None:
    """Its value is the empty array; a name that holds no task is such an `AllOf`."""
    body = (Await("x", AllOf(())), Await("y", Made("none")), Return(Row((X, Y))))
    assert output(*body, inputs=()) == ((), ())


def test_all_fails_with_the_first_recorded_failure_and_the_rest_runs_on() -> None:
    """The second task fails first: its message counts, and the first can still be awaited."""
    body = (
        Make("a", A),
        Try((Await("x", AllOf((Made("a"), B))),), "x", ()),
        Await("y", Made("a")),
        Return(Row((X, Y))),
    )
    answers = (ActivityFailed(1, "b failed"), ActivityCompleted(0, 5))
    assert output(*body, inputs=answers) == ("b failed", 5)


def test_a_group_of_failed_tasks_fails_with_the_earliest_failure() -> None:
    """Also where it is made after both have failed, and the earliest stands last."""
    both = AllOf((Made("a"), Made("b")))
    body = (
        Make("a", A),
        Make("b", B),
        Try((Await("x", both),), "x", ()),
        Try((Await("x", Made("a")),), "x", ()),
        Try((Await("x", both),), "x", ()),
        Return(X),
    )
    answers = (ActivityFailed(1, "b failed"), ActivityFailed(0, "a failed"))
    assert output(*body, inputs=answers) == "b failed"


def test_the_order_of_completions_outlives_what_was_forgotten() -> None:
    """Events that one input sets free complete in order, also after a task before them is gone."""
    body = (
        Await("x", A),
        Await("x", E),
        Make("f", WaitForEvent("f")),
        Make("g", WaitForEvent("g")),
        Await("x", AllOf((Made("f"), Made("g")))),
        Await("x", B),
        Await("x", AnyOf((Made("g"), Made("f")))),
        Return(X),
    )
    events = (EventArrived("e", 0), EventArrived("f", 1), EventArrived("g", 2))
    answers = (ActivityCompleted(0, 0), ActivityCompleted(1, 0))
    assert output(*body, inputs=(*events, *answers)) == (1, 1)


def test_the_first_recorded_completion_wins_a_race() -> None:
    """The value of an `AnyOf` is the index and the value of the winner."""
    answers = (ActivityCompleted(1, "b"), ActivityCompleted(0, "a"))
    assert output(Await("x", AnyOf((A, B))), Return(X), inputs=answers) == (1, "b")


def test_a_failed_task_wins_a_race_and_raises_nothing() -> None:
    """Its value says that it failed, and with what."""
    answers = (ActivityFailed(0, "no"),)
    assert output(Await("x", AnyOf((A, B))), Return(X), inputs=answers) == (0, ("failed", "no"))


def test_any_of_nothing_is_complete() -> None:
    """Its value is the empty array."""
    assert output(Await("x", AnyOf(())), Return(X), inputs=()) == ()


def test_of_tasks_that_are_complete_already_the_earliest_wins() -> None:
    """What counts is when they completed, not where they stand."""
    body = (
        Make("a", A),
        Make("b", B),
        Await("x", AllOf((Made("a"), Made("b")))),
        Await("x", AnyOf((Made("a"), Made("b")))),
        Return(X),
    )
    answers = (ActivityCompleted(1, "b"), ActivityCompleted(0, "a"))
    assert output(*body, inputs=answers) == (1, "b")


@pytest.mark.parametrize(("first", "winner"), [(0, (0, "p")), (1, (1, ("q", "r")))])
def test_a_group_is_complete_when_its_last_task_is_whenever_it_was_made(
    first: int, winner: Value
) -> None:
    """A late `AllOf` of complete tasks wins only against what completed after its last task."""
    call = {name: CallActivity(name, Constant(None)) for name in "pqr"}
    body: Block = (
        *(Make(name, call[name]) for name in "pqr"),
        Await("x", AllOf((Made("p"), Made("q"), Made("r")))),
        Await("x", AnyOf((Made("p"), AllOf((Made("q"), Made("r")))))),
        Return(X),
    )
    p, q, r = (ActivityCompleted(at, name) for at, name in enumerate("pqr"))
    orders = {0: (q, p, r), 1: (q, r, p)}
    assert output(*body, inputs=orders[first]) == winner


def test_of_two_that_one_recording_completes_the_left_one_wins() -> None:
    """A task stands left of a group that is complete with it; the place decides, no inner order."""
    body = (
        Make("a", A),
        Await("x", AnyOf((Made("a"), AllOf((Made("a"),))))),
        Return(X),
    )
    assert output(*body, inputs=(ActivityCompleted(0, 1),)) == (0, 1)
    turned = (
        Make("a", A),
        Await("x", AnyOf((AllOf((Made("a"),)), Made("a")))),
        Return(X),
    )
    assert output(*turned, inputs=(ActivityCompleted(0, 1),)) == (0, (1,))


def test_a_race_inside_a_group_gives_its_winner_to_the_group() -> None:
    """Composites nest."""
    answers = (ActivityCompleted(1, "b"), TimerFired(2))
    body = (Await("x", AllOf((AnyOf((A, B)), SetTimer(1)))), Return(X))
    assert output(*body, inputs=answers) == ((1, "b"), None)


def test_an_answer_to_nobody_is_consumed_without_effect() -> None:
    """The loser of a race, a repeated answer and an unknown id change nothing that can be seen."""
    body = (Await("x", AnyOf((A, B))), Await("y", E))
    app = program(*body)
    state = run(*body, inputs=(ActivityCompleted(0, 1),)).state
    for late in (ActivityCompleted(1, 2), ActivityCompleted(0, 3), ActivityCompleted(99, 4)):
        step = apply(app, state, late, NOON)
        assert step.effects == ()
        assert step.state.variables == state.variables
        state = step.state
    assert state.open_tasks == ()


def test_an_answer_of_the_wrong_kind_is_refused() -> None:
    """No store can hold a timer's firing for an activity: that is an error of the caller."""
    with pytest.raises(WrongAnswerError):
        run(Await("x", A), inputs=(TimerFired(0),))


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (CallOrchestration("main", Constant(0)), ChildCompleted(0, 5), 5),
        (CallOrchestration("main", Constant(0)), ChildFailed(0, "child"), "child"),
        (CallEntity("E", "get", Constant(0)), OperationCompleted(0, 6), 6),
        (CallEntity("E", "get", Constant(0)), OperationFailed(0, "operation"), "operation"),
    ],
)
def test_children_and_entities_answer_as_activities_do(
    task: Task, answer: Input, expected: Value
) -> None:
    """A value is assigned, an error is raised with its message."""
    body = (Try((Await("x", task),), "x", ()), Return(X))
    assert output(*body, inputs=(answer,)) == expected


def test_a_cancelled_timer_never_completes() -> None:
    """Whoever awaits it waits for ever; its firing is consumed."""
    body = (
        Make("t", SetTimer(1)),
        Await("x", AnyOf((A, Made("t")))),
        Cancel("t"),
        Await("x", Made("t")),
    )
    state = run(*body, inputs=(ActivityCompleted(0, 1), TimerFired(1))).state
    assert state.status == "Running"
    assert state.open_tasks == ()


def test_cancelling_a_timer_that_fired_or_what_is_no_timer_does_nothing() -> None:
    """A fired timer stays complete; an activity cannot be cancelled."""
    body = (
        Make("t", SetTimer(1)),
        Make("a", A),
        Await("x", Made("t")),
        Cancel("t"),
        Cancel("a"),
        Cancel("none"),
        Await("x", Made("t")),
        Await("x", Made("a")),
        Return(X),
    )
    assert output(*body, inputs=(TimerFired(0), ActivityCompleted(1, 3))) == 3


def test_an_event_waits_until_it_is_asked_for() -> None:
    """Events that come early are kept in order, those of other names too."""
    body = (Await("x", A), Await("x", E), Await("y", E), Return(Row((X, Y))))
    early = (EventArrived("e", 1), EventArrived("other", 2), EventArrived("e", 3))
    step = run(*body, inputs=(*early, ActivityCompleted(0, 0)))
    assert step.state.output == (1, 3)
    assert step.state.unread == (EventArrived("other", 2),)


def test_a_race_of_two_waits_takes_one_event() -> None:
    """Once the awaited task is complete the rest stays unread."""
    body = (Await("x", AnyOf((E, E))), Await("y", A))
    step = run(*body, inputs=(EventArrived("e", 1), EventArrived("e", 2)))
    assert step.state.unread == (EventArrived("e", 2),)


def test_the_wait_of_a_lost_race_swallows_no_event() -> None:
    """Only what is awaited now takes events (docs/decisions/0004)."""
    body = (Await("x", AnyOf((E, A))), Await("y", E), Return(Y))
    assert output(*body, inputs=(ActivityCompleted(0, 0), EventArrived("e", 9))) == 9


def test_a_wait_that_lost_can_be_awaited_again() -> None:
    """It then takes the next event, like a new one."""
    body = (Make("w", E), Await("x", AnyOf((Made("w"), A))), Await("y", Made("w")), Return(Y))
    assert output(*body, inputs=(ActivityCompleted(0, 0), EventArrived("e", 9))) == 9


def test_the_earliest_unread_event_goes_to_the_first_wait_of_its_name() -> None:
    """Among several waits the event that came first decides which is served."""
    other = WaitForEvent("f")
    body = (Await("x", A), Await("x", AnyOf((E, other))), Return(X))
    early = (EventArrived("f", 1), EventArrived("e", 2))
    assert output(*body, inputs=(*early, ActivityCompleted(0, 0))) == (1, 1)


def test_a_group_that_is_complete_takes_no_event() -> None:
    """An `AnyOf` with a complete child asks for nothing more, though it holds a wait."""
    body = (Make("a", A), Await("x", Made("a")), Await("x", AnyOf((E, Made("a")))), Return(X))
    step = run(*body, inputs=(EventArrived("e", 1), ActivityCompleted(0, 5)))
    assert step.state.output == (1, 5)
    assert step.state.unread == (EventArrived("e", 1),)


def test_a_wide_fan_out_is_fast_enough_and_keeps_its_order() -> None:
    """A hundred activities, answered backwards."""
    tasks = tuple(CallActivity("a", Constant(at)) for at in range(HUNDRED))
    answers = tuple(ActivityCompleted(at, at) for at in reversed(range(HUNDRED)))
    assert output(Await("x", AllOf(tasks)), Return(X), inputs=answers) == tuple(range(HUNDRED))
