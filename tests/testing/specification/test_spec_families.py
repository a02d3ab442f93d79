"""Instances that start, tell and end each other, and what callers do to a life."""

from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallOrchestration,
    Constant,
    ContinueAsNew,
    If,
    Orchestration,
    Purge,
    RaiseEvent,
    Resume,
    Return,
    Row,
    SendEvent,
    SetStatus,
    SetTimer,
    Start,
    StartDetached,
    Suspend,
    Terminate,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.outcomes import outcomes
from tests.testing.specification.hub_paths import follow, ids, main, program, rules, seen

NOTHING = Constant(None)
INPUT, X, Y = Variable("input"), Variable("x"), Variable("y")
A = CallActivity("a", Constant(1))
E = WaitForEvent("e")
START = Start("i", "main")
WAITS = Orchestration("child", (SetStatus(Constant("begun")), Await("x", A), Return(X)))
READS = Orchestration("child", (Await("x", E), Await("y", E), Return(Row((X, Y)))))
CALL = Await("x", CallOrchestration("child", NOTHING, "c"))


def test_what_is_detached_is_nobodys_child() -> None:
    """Its starter goes on at once and is not told of its end."""
    app = program(main(StartDetached("child", NOTHING, "c"), Return(INPUT)), WAITS, script=[START])
    state = follow(app, "StartNew-Fresh", "Orch-Begin", "Child-Fresh")
    assert (seen(state)[0], seen(state, "c")[0]) == ("Completed", "Running")
    assert rules(app, state) == ["Act-Done"]


def test_a_detached_start_of_a_live_id_does_nothing() -> None:
    """Nobody waits for it, so nobody is told."""
    body = (StartDetached("child", NOTHING, "c"), Await("x", A))
    app = program(main(*body), WAITS, script=[Start("c", "child"), START])
    state = follow(app, "StartNew-Fresh", "StartNew-Fresh", "Child-Conflict")
    assert rules(app, state) == ["Act-Done", "Act-Done"]


def test_children_without_an_id_are_counted_over_all_that_is_started() -> None:
    """Detached ones too."""
    body = (StartDetached("child", NOTHING), Await("x", CallOrchestration("child", NOTHING)))
    app = program(main(*body), WAITS, script=[START])
    assert ids(follow(app, "StartNew-Fresh", "Child-Fresh", "Child-Fresh")) == ["i", "i:0", "i:1"]


def test_what_one_life_sends_to_another_stays_in_order() -> None:
    """The event can't overtake the start, nor the second event the first."""
    sends = (SendEvent("c", "e", Constant(1)), SendEvent("c", "e", Constant(2)))
    body = (StartDetached("child", NOTHING, "c"), *sends)
    app = program(main(*body, Await("x", A)), READS, script=[START])
    assert rules(app, follow(app, "StartNew-Fresh")) == ["Act-Done", "Child-Fresh"]
    path = ("StartNew-Fresh", "Child-Fresh", "Sent-Event-Arrive", "Sent-Event-Arrive")
    assert seen(follow(app, *path), "c") == ("Completed", (1, 2), None)


def test_an_event_for_nobody_alive_is_dropped() -> None:
    """A life that begins later does not get it."""
    body = (SendEvent("c", "e", Constant(1)), Await("x", A))
    app = program(main(*body), READS, script=[START, Start("c", "child")])
    dropped = follow(app, "StartNew-Fresh", "Sent-Event-Dropped", "StartNew-Fresh")
    assert rules(app, dropped) == ["Act-Done"]


def test_the_origin_of_events_survives_a_continue_as_new() -> None:
    """The life sends, not the execution: the first event is still in front."""
    body = (SendEvent("c", "e", INPUT), If(INPUT, (Await("x", A),), (ContinueAsNew(Constant(1)),)))
    app = program(main(*body), READS, script=[Start("c", "child"), Start("i", "main", 0)])
    begun = ("StartNew-Fresh", "StartNew-Fresh", "Orch-Begin", "Sent-Event-Arrive")
    assert seen(follow(app, *begun, "Sent-Event-Arrive"), "c")[1] == (0, 1)


def test_a_terminated_parent_ends_its_children_behind_their_starts() -> None:
    """A child whose start is under way begins, and is ended before or after its code has run."""
    app = program(main(CALL), WAITS, script=[START, Terminate("i", "why")])
    over = follow(app, "StartNew-Fresh", "Orch-Begin", "Caller-Terminate", "Terminate-Arrive")
    assert rules(app, over) == ["Child-Fresh"]
    path = ("StartNew-Fresh", "Orch-Begin", "Caller-Terminate", "Terminate-Arrive", "Child-Fresh")
    assert rules(app, follow(app, *path)) == ["Child-Terminate", "Orch-Begin"]
    early = follow(app, *path, "Child-Terminate")
    late = follow(app, *path, "Orch-Begin", "Child-Terminate")
    assert seen(early, "c") == ("Terminated", "why", None)
    assert seen(late, "c") == ("Terminated", "why", "begun")
    assert rules(app, early) == rules(app, late) == []


def test_a_terminate_reaches_the_children_of_children() -> None:
    """All the way down, with the same reason."""
    middle = Orchestration("middle", (CALL,))
    app = program(
        main(Await("x", CallOrchestration("middle", NOTHING, "m"))),
        middle,
        WAITS,
        script=[START, Terminate("i", "why")],
    )
    begun = ("StartNew-Fresh", "Orch-Begin", *(("Child-Fresh", "Orch-Begin") * 2))
    path = (*begun, "Caller-Terminate", "Terminate-Arrive", "Child-Terminate", "Child-Terminate")
    state = follow(app, *path)
    assert {seen(state, each)[:2] for each in ("i", "m", "c")} == {("Terminated", "why")}


def test_a_terminate_that_is_not_recursive_leaves_the_children() -> None:
    """They go on, and answer nobody."""
    app = program(main(CALL), WAITS, script=[START, Terminate("i", "why", is_recursive=False)])
    begun = ("StartNew-Fresh", "Orch-Begin", "Child-Fresh", "Orch-Begin")
    assert rules(app, follow(app, *begun, "Caller-Terminate", "Terminate-Arrive")) == ["Act-Done"]


def test_what_is_detached_is_not_ended_with_its_starter() -> None:
    """Nobody waits for it."""
    body = (StartDetached("child", NOTHING, "c"), Await("x", WaitForEvent("never")))
    app = program(main(*body), WAITS, script=[START, Terminate("i", "why")])
    begun = ("StartNew-Fresh", "Orch-Begin", "Child-Fresh", "Caller-Terminate")
    assert rules(app, follow(app, *begun, "Terminate-Arrive")) == ["Act-Done"]


def test_children_of_the_execution_before_are_not_ended() -> None:
    """Since the continue-as-new nobody waits for them."""
    again = If(INPUT, (Await("x", WaitForEvent("never")),))
    body = (again, Await("x", AnyOf((CALL.task, E))), ContinueAsNew(Constant(1)))
    app = program(main(*body), WAITS, script=[START, RaiseEvent("i", "e"), Terminate("i", "why")])
    begun = ("StartNew-Fresh", "Orch-Begin", "Caller-Raise", "Child-Fresh", "Orch-Begin")
    path = (*begun, "Event-Arrive", "Orch-Begin", "Caller-Terminate", "Terminate-Arrive")
    assert rules(app, follow(app, *path)) == ["Act-Done"]


def test_a_child_that_lost_a_race_is_ended_too() -> None:
    """Nobody waits for its answer, but it has not answered."""
    body = (Await("x", AnyOf((CALL.task, SetTimer(1)))), Await("x", WaitForEvent("never")))
    app = program(main(*body), WAITS, script=[START, Terminate("i", "why")])
    begun = ("StartNew-Fresh", "Orch-Begin", "Child-Fresh", "Orch-Begin", "Timer-Fire")
    state = follow(app, *begun, "Caller-Terminate", "Terminate-Arrive", "Child-Terminate")
    assert seen(state, "c")[0] == "Terminated"


def test_the_end_of_a_child_is_for_that_life_alone() -> None:
    """If it has ended meanwhile, one that was started under its id goes on."""
    app = program(
        main(CALL),
        WAITS,
        script=[START, Terminate("i", "why"), Start("c", "child")],
    )
    begun = ("StartNew-Fresh", "Orch-Begin", "Child-Fresh", "Orch-Begin")
    path = (*begun, "Caller-Terminate", "Terminate-Arrive", "Act-Done", "StartNew-Fresh")
    assert rules(app, follow(app, *path)) == ["Act-Done"]


def test_what_comes_for_a_suspended_instance_is_held_and_then_applied_in_order() -> None:
    """Nothing runs meanwhile; the code can't tell afterwards."""
    body = (Await("x", E), SetStatus(X), Await("y", E), Return(Row((X, Y))))
    script = [START, Suspend("i"), RaiseEvent("i", "e", 1), RaiseEvent("i", "e", 2), Resume("i")]
    app = program(main(*body), script=script)
    begun = ("StartNew-Fresh", "Caller-Suspend", "Suspend-Arrive")
    held = (*begun, "Caller-Raise", "Event-Arrive", "Caller-Raise", "Event-Arrive")
    state = follow(app, *held)
    assert seen(state) == ("Suspended", None, None)
    assert seen(follow(app, *held, "Caller-Resume", "Resume-Arrive")) == ("Completed", (1, 2), 1)


def test_a_suspended_instance_can_be_terminated() -> None:
    """At once, and what was held is lost with it."""
    app = program(main(Await("x", E)), script=[START, Suspend("i"), Terminate("i", "why")])
    begun = ("StartNew-Fresh", "Orch-Begin", "Caller-Suspend", "Suspend-Arrive")
    state = follow(app, *begun, "Caller-Terminate", "Terminate-Arrive")
    assert (seen(state), rules(app, state)) == (("Terminated", "why", None), [])


def test_to_suspend_twice_and_to_resume_who_is_not_suspended_changes_nothing() -> None:
    """The requests are accepted; one resume lets it go on."""
    script = [START, Resume("i"), Suspend("i"), Suspend("i"), Resume("i")]
    app = program(main(Await("x", A), Return(X)), script=script)
    begun = ("StartNew-Fresh", "Caller-Resume", "Resume-Arrive", *(["Caller-Suspend"] * 2))
    path = (*begun, "Suspend-Arrive", "Suspend-Arrive", "Act-Done", "Caller-Resume")
    assert seen(follow(app, *path)) == ("Suspended", None, None)
    assert seen(follow(app, *path, "Resume-Arrive")) == ("Completed", 1, None)


def test_events_that_were_held_go_on_to_the_next_execution() -> None:
    """The first makes the code continue as new; answers to the old execution are not applied."""
    body = (
        If(INPUT, (Await("y", E), Return(Y))),
        Await("x", AnyOf((E, AllOf((A, WaitForEvent("never")))))),
        ContinueAsNew(Constant(1)),
    )
    script = [START, Suspend("i"), RaiseEvent("i", "e", 1), RaiseEvent("i", "e", 2), Resume("i")]
    app = program(main(*body), script=script)
    begun = ("StartNew-Fresh", "Caller-Suspend", "Suspend-Arrive", "Caller-Raise", "Event-Arrive")
    held = (*begun, "Caller-Raise", "Event-Arrive", "Act-Done", "Caller-Resume", "Resume-Arrive")
    assert seen(follow(app, *held, "Orch-Begin")) == ("Completed", 2, None)


def test_only_who_has_ended_is_purged_and_then_nobody_is_there() -> None:
    """A purge of nobody, or of a live instance, is refused; so is all else for who was purged."""
    script = [Purge("i"), START, Purge("i"), Purge("i"), Purge("i"), Suspend("i")]
    app = program(main(Await("x", A)), script=script)
    refused = ("Caller-Purge-Refused", "StartNew-Fresh", "Caller-Purge-Refused", "Act-Done")
    path = (*refused, "Caller-Purge", "Caller-Purge-Refused")
    assert rules(app, follow(app, *path)) == ["Caller-Suspend-Refused"]
    assert ids(follow(app, *path)) == []


def test_a_life_after_a_purge_is_a_new_one() -> None:
    """What the old one sent is not in its stream, and its children count on."""
    body = (StartDetached("child", INPUT), Return(INPUT))
    script = [Start("i", "main", 1), Purge("i"), Start("i", "main", 2)]
    app = program(main(*body), WAITS, script=script)
    life = ("StartNew-Fresh", "Orch-Begin")
    state = follow(app, *life, "Caller-Purge", *life)
    assert rules(app, state) == ["Child-Fresh", "Child-Fresh"]
    ends = {outcome.instances for outcome in outcomes(app)}
    assert {tuple(each[0] for each in instances) for instances in ends} >= {("i", "i:0", "i:1")}


def test_a_purge_does_not_reach_children_nor_their_answers() -> None:
    """A child goes on, and answers nobody."""
    body = (Await("x", AnyOf((CALL.task, SetTimer(1)))), Return(X))
    app = program(main(*body), WAITS, script=[START, Purge("i")])
    state = follow(app, "StartNew-Fresh", "Child-Fresh", "Timer-Fire", "Caller-Purge", "Act-Done")
    assert ids(state) == ["c"]
    assert rules(app, state) == []
