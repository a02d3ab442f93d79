"""Retries: each step has an id of its own, and begins when the step before it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallOrchestration,
    Constant,
    Entity,
    Made,
    Make,
    Orchestration,
    Program,
    Retry,
    Return,
    Section,
    Statement,
    Try,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.effects import (
    ActivityAsked,
    ChildAsked,
    Effect,
    Ended,
    TimerAsked,
)
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    ChildFailed,
    EventArrived,
    Input,
    SectionEntered,
    TimerFired,
)
from durable.testing.specification.lock_rules import NO_CHILDREN
from durable.testing.specification.orchestrations import apply, begin

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
CALL = CallActivity("a", Constant(1))
CHILD = CallOrchestration("main", Constant(1))
X = Variable("x")


def asked(*body: Statement, inputs: tuple[Input, ...] = ()) -> list[tuple[Effect, ...]]:
    """Run `body`, each input a minute behind the one before; give what was asked for each time."""
    app = Program(
        "retries",
        (Orchestration("main", body),),
        (Activity("a", Variable("input")),),
        (Entity("E", 0, ()),),
    )
    step = begin(app, "main", None, BEGINNING)
    found = [step.effects]
    for minutes, input_ in enumerate(inputs, start=1):
        step = apply(app, step.state, input_, BEGINNING + timedelta(minutes=minutes))
        found.append(step.effects)
    return found


def due(task_id: int, *, minutes: int, seconds: int) -> TimerAsked:
    """A timer that is due so long after the beginning."""
    return TimerAsked(task_id, BEGINNING + timedelta(minutes=minutes, seconds=seconds))


def test_a_failure_is_followed_by_a_pause_and_another_attempt() -> None:
    """The pause counts from the episode of the failure, and grows; the last failure stands."""
    failed_twice = (ActivityFailed(0, "one"), TimerFired(1), ActivityFailed(2, "two"))
    inputs = (*failed_twice, TimerFired(3), ActivityFailed(4, "three"))
    assert asked(Await("x", Retry(CALL, 3, 10, 3)), inputs=inputs) == [
        (ActivityAsked(0, "a", 1),),
        (due(1, minutes=1, seconds=10),),
        (ActivityAsked(2, "a", 1),),
        (due(3, minutes=3, seconds=30),),
        (ActivityAsked(4, "a", 1),),
        (Ended("Failed", "three"),),
    ]


def test_a_success_ends_it_with_its_value() -> None:
    """At the first attempt or at a later one."""
    body = (Await("x", Retry(CALL, 3)), Return(X))
    assert asked(*body, inputs=(ActivityCompleted(0, 7),))[-1] == (Ended("Completed", 7),)
    later = (ActivityFailed(0, "no"), TimerFired(1), ActivityCompleted(2, 8))
    assert asked(*body, inputs=later)[-1] == (Ended("Completed", 8),)


def test_one_attempt_is_no_retry() -> None:
    """There is no timer behind the last attempt."""
    assert asked(Await("x", Retry(CALL, 1)), inputs=(ActivityFailed(0, "no"),))[-1] == (
        Ended("Failed", "no"),
    )


def test_it_goes_on_whatever_the_code_waits_for() -> None:
    """The race is over, but the next step is asked for all the same, before the code goes on."""
    race = AnyOf((Made("r"), WaitForEvent("e")))
    body = (Make("r", Retry(CALL, 2)), Await("x", race), Await("x", WaitForEvent("never")))
    inputs = (EventArrived("e", 1), ActivityFailed(0, "no"), TimerFired(1))
    assert asked(*body, inputs=inputs)[1:] == [
        (),
        (due(1, minutes=2, seconds=1),),
        (ActivityAsked(2, "a", 1),),
    ]


def test_in_a_fan_out_each_goes_its_own_way() -> None:
    """Ids are given as the steps are asked for."""
    body = (Await("x", AllOf((Retry(CALL, 2, 5), Retry(CALL, 2, 7)))), Return(X))
    first = (ActivityFailed(1, "no"), ActivityFailed(0, "no"), TimerFired(2), TimerFired(3))
    effects = asked(*body, inputs=(*first, ActivityCompleted(5, "l"), ActivityCompleted(4, "r")))
    assert [each[0] for each in effects[1:5]] == [
        due(2, minutes=1, seconds=7),
        due(3, minutes=2, seconds=5),
        ActivityAsked(4, "a", 1),
        ActivityAsked(5, "a", 1),
    ]
    assert effects[-1] == (Ended("Completed", ("l", "r")),)


def test_a_task_of_a_later_step_is_not_answered_by_an_earlier_one() -> None:
    """A copy of the first failure goes to nobody."""
    body = (Await("x", Retry(CALL, 3)),)
    inputs = (ActivityFailed(0, "no"), ActivityFailed(0, "no"), TimerFired(1), TimerFired(1))
    assert [len(each) for each in asked(*body, inputs=inputs)] == [1, 1, 0, 1, 0]


def test_a_child_is_started_again() -> None:
    """Each attempt is a child of its own."""
    inputs = (ChildFailed(0, "no"), TimerFired(1))
    found = asked(Await("x", Retry(CHILD, 2)), inputs=inputs)
    assert [each[0] for each in found if isinstance(each[0], ChildAsked)] == [
        ChildAsked(0, "main", 1, None),
        ChildAsked(2, "main", 1, None),
    ]


@pytest.mark.parametrize("task", [CHILD, Retry(CHILD, 2)])
def test_a_retry_calls_no_child_inside_a_section(
    task: CallOrchestration | Retry,
) -> None:
    """The rule is broken before anything is asked for."""
    body = (Section(("E",), (Try((Await("x", task),), "x", (Return(X),)),)),)
    assert asked(*body, inputs=(SectionEntered(0),))[-1][-1] == Ended("Completed", NO_CHILDREN)
