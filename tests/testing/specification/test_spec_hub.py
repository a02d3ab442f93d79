"""The hub: which transitions there are, and what each does."""

from datetime import timedelta

from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Clock,
    Constant,
    ContinueAsNew,
    Entity,
    If,
    Operation,
    Orchestration,
    Raise,
    RaiseEvent,
    Return,
    Row,
    Section,
    SetState,
    SetStatus,
    SetTimer,
    SignalEntity,
    Start,
    Sum,
    Terminate,
    Try,
    Variable,
    WaitForEvent,
)
from durable.testing.specification.hub import initial, steps
from durable.testing.specification.hub_state import BEGINNING
from durable.testing.specification.outcomes import outcome_of, outcomes
from tests.testing.specification.hub_paths import follow, main, program, rules, seen

NOTHING = Constant(None)
STATE, INPUT = Variable("state"), Variable("input")
X, Y = Variable("x"), Variable("y")
A = CallActivity("a", Constant(1))
ADD = Operation("add", (SetState(Sum((STATE, INPUT))),), STATE)
LOG = Operation("log", (SetState(Row((STATE, INPUT))),), STATE)


START = Start("i", "main")


def test_a_start_is_fresh_on_an_id_that_is_free() -> None:
    """Then the activity may be done, and after it nothing more happens."""
    app = program(main(Await("x", A), Return(X)), script=[START])
    assert rules(app, initial(app)) == ["StartNew-Fresh"]
    state = follow(app, "StartNew-Fresh", "Act-Done")
    assert rules(app, state) == []
    assert seen(state) == ("Completed", 1, None)


def test_a_start_on_a_live_id_is_a_conflict_and_changes_nothing() -> None:
    """The one that is there goes on with its own input."""
    second = Start("i", "main", 2)
    app = program(main(Await("x", A), Return(INPUT)), script=[Start("i", "main", 1), second])
    state = follow(app, "StartNew-Fresh", "StartNew-Conflict", "Act-Done")
    assert seen(state) == ("Completed", 1, None)


def test_a_start_on_a_finished_id_begins_a_new_life() -> None:
    """Input and custom status are those of the new life (decision 4)."""
    body = (If(INPUT, (SetStatus(Constant("old")),)), Await("x", A), Return(INPUT))
    app = program(main(*body), script=[Start("i", "main", 1), Start("i", "main", 2)])
    state = follow(app, "StartNew-Fresh", "Act-Done", "StartNew-Fresh", "Act-Done")
    assert seen(state) == ("Completed", 2, None)


def test_an_execution_that_never_waits_is_live_until_it_has_run() -> None:
    """A second start may be refused or fresh, though the first one's code ends at once."""
    app = program(main(Return(INPUT)), script=[START, START])
    assert rules(app, follow(app, "StartNew-Fresh")) == ["Orch-Begin", "StartNew-Conflict"]
    assert rules(app, follow(app, "StartNew-Fresh", "Orch-Begin")) == ["StartNew-Fresh"]


def test_an_event_is_refused_where_nobody_lives() -> None:
    """Neither before the start nor after the end is there anybody to take it."""
    event = RaiseEvent("i", "e")
    app = program(main(Await("x", A)), script=[event, START, event])
    state = follow(app, "Caller-Raise-Refused", "StartNew-Fresh", "Act-Done")
    assert rules(app, state) == ["Caller-Raise-Refused"]


def test_an_accepted_event_arrives_any_time_and_in_any_order() -> None:
    """Two events on their way are two transitions; what they meet depends on which is first."""
    body = (Await("x", WaitForEvent("e")), Return(X))
    app = program(main(*body), script=[START, RaiseEvent("i", "e", 1), RaiseEvent("i", "e", 2)])
    state = follow(app, "StartNew-Fresh", "Caller-Raise", "Caller-Raise")
    ends = [seen(each.state) for each in steps(app, state) if each.rule == "Event-Arrive"]
    assert ends == [("Completed", 1, None), ("Completed", 2, None)]


def test_what_is_on_its_way_to_a_life_is_dropped_with_it() -> None:
    """A new life of the same id does not get the old one's event, nor its terminate."""
    body = (Await("x", AnyOf((A, WaitForEvent("e")))), Return(X))
    script = [START, RaiseEvent("i", "e"), Terminate("i"), START]
    app = program(main(*body), script=script)
    begun = ("StartNew-Fresh", "Orch-Begin")
    path = (*begun, "Caller-Raise", "Caller-Terminate", "Act-Done", *begun)
    assert rules(app, follow(app, *path)) == ["Act-Done"]


def test_a_terminate_may_come_before_or_after_the_end() -> None:
    """It is one of the things that can happen, and after it nothing does."""
    app = program(main(Await("x", A)), script=[START, Terminate("i", "stop")])
    begun = ("StartNew-Fresh", "Orch-Begin", "Caller-Terminate")
    assert rules(app, follow(app, *begun)) == ["Act-Done", "Terminate-Arrive"]
    over = follow(app, *begun, "Terminate-Arrive")
    assert rules(app, over) == []
    assert seen(over) == ("Terminated", "stop", None)


def test_a_terminate_may_end_an_execution_before_its_code_has_run() -> None:
    """Nothing of what the code would have done is seen then."""
    body = (SetStatus(Constant("begun")), Await("x", A))
    app = program(main(*body), script=[START, Terminate("i", "stop")])
    accepted = follow(app, "StartNew-Fresh", "Caller-Terminate")
    assert rules(app, accepted) == ["Orch-Begin", "Terminate-Before-Begin"]
    over = follow(app, "StartNew-Fresh", "Caller-Terminate", "Terminate-Before-Begin")
    assert rules(app, over) == []
    assert seen(over) == ("Terminated", "stop", None)
    statuses = {outcome.instances[0][3] for outcome in outcomes(app)}
    assert statuses == {None, "begun"}


def test_timers_fire_in_any_order_and_the_clock_never_goes_back() -> None:
    """An episode sees the latest time that any timer was due at."""
    body = (Await("x", AllOf((SetTimer(5), SetTimer(60)))), Return(Clock()))
    app = program(main(*body), script=[START])
    state = follow(app, "StartNew-Fresh", "Orch-Begin")
    assert rules(app, state) == ["Timer-Fire", "Timer-Fire"]
    first, second = (each.state for each in steps(app, state))
    assert {first.clock, second.clock} == {
        BEGINNING + timedelta(seconds=5),
        BEGINNING + timedelta(seconds=60),
    }
    for each in (first, second):
        assert next(steps(app, each)).state.clock == BEGINNING + timedelta(seconds=60)


def test_the_loser_of_a_race_is_not_waited_for() -> None:
    """Its answer would be consumed without effect, so no transition is left for it."""
    app = program(main(Await("x", AnyOf((A, SetTimer(1)))), Await("x", A)), script=[START])
    assert rules(app, follow(app, "StartNew-Fresh", "Timer-Fire")) == ["Act-Done"]


def test_an_entity_takes_the_oldest_of_each_origin() -> None:
    """Two origins are two choices; one origin's second request is none."""
    body = (SignalEntity("E", "add", INPUT), SignalEntity("E", "add", INPUT), Await("x", A))
    app = program(
        main(*body),
        entities=[Entity("E", 0, (ADD,))],
        script=[Start("i", "main", 1), Start("j", "main", 2)],
    )
    state = follow(app, "StartNew-Fresh", "StartNew-Fresh")
    assert rules(app, state) == ["Act-Done", "Act-Done", "Ent-Take-Signal", "Ent-Take-Signal"]


def test_a_signal_is_served_before_a_later_call_of_the_same_orchestration() -> None:
    """FIFO per origin: the call sees what the signal did."""
    body = (
        SignalEntity("E", "add", Constant(5)),
        Await("x", CallEntity("E", "add", Constant(1))),
        Return(X),
    )
    app = program(main(*body), entities=[Entity("E", 0, (ADD,))], script=[START])
    state = follow(app, "StartNew-Fresh")
    assert rules(app, state) == ["Ent-Take-Signal"]
    path = ("StartNew-Fresh", "Ent-Take-Signal", "Ent-Take-Call", "Ent-EndCall")
    assert seen(follow(app, *path)) == ("Completed", 6, None)


def test_a_failed_operation_leaves_no_trace_but_its_error() -> None:
    """State and signals are rolled back (decision 6); the entity serves the next request."""
    failing = Operation(
        "fail",
        (SetState(Constant(99)), SignalEntity("F", "add", Constant(1))),
        NOTHING,
        Constant(1),
        "refused",
    )
    body = (
        Try((Await("x", CallEntity("E", "fail", NOTHING)),), "x", ()),
        Await("y", CallEntity("E", "add", Constant(2))),
        Return(Row((X, Y))),
    )
    app = program(
        main(*body),
        entities=[Entity("E", 1, (failing, ADD)), Entity("F", 0, (ADD,))],
        script=[START],
    )
    path = ("StartNew-Fresh", *(("Ent-Take-Call", "Ent-EndCall") * 2))
    state = follow(app, *path)
    assert seen(state) == ("Completed", ("refused", 3), None)
    assert outcome_of(state).entities == (("E", 3), ("F", 0))
    assert rules(app, state) == []


def test_an_entity_signals_others_and_itself() -> None:
    """Its signals go with its state, in their order."""
    tell = Operation(
        "tell",
        (SignalEntity("E", "log", Constant(1)), SignalEntity("F", "log", STATE)),
        NOTHING,
    )
    app = program(
        main(SignalEntity("E", "tell", NOTHING), Await("x", A)),
        entities=[Entity("E", 0, (tell, LOG)), Entity("F", 0, (LOG,))],
        script=[START],
    )
    state = follow(app, "StartNew-Fresh", *(["Ent-Take-Signal"] * 3))
    assert outcome_of(state).entities == (("E", (0, 1)), ("F", (0, 0)))


def test_a_locked_entity_serves_its_section_only() -> None:
    """Calls and signals of others wait behind the lock, and are served after it (property H2)."""
    locker = main(Section(("E",), (Await("x", A),)), Await("x", A))
    other = Orchestration("other", (SignalEntity("E", "add", Constant(1)), Await("x", A)))
    app = program(
        locker,
        other,
        entities=[Entity("E", 0, (ADD,))],
        script=[START, Start("j", "other")],
    )
    held = follow(app, "StartNew-Fresh", "StartNew-Fresh", "CS-Enter", "CS-Entered")
    assert rules(app, held) == ["Act-Done", "Act-Done"]
    left = next(steps(app, held)).state
    assert rules(app, left) == ["Act-Done", "Act-Done", "Ent-Take-Signal"]


def test_a_section_is_entered_only_when_all_entities_are_free() -> None:
    """CS-Enter is atomic: who waits for two holds none of them."""
    both = main(Section(("E", "F"), ()))
    one = Orchestration("one", (Section(("E",), (Await("x", A),)),))
    third = Orchestration("third", (SignalEntity("F", "add", Constant(1)), Await("x", A)))
    app = program(
        one,
        both,
        third,
        entities=[Entity("E", 0, (ADD,)), Entity("F", 0, (ADD,))],
        script=[Start("i", "one"), Start("j", "main"), Start("k", "third")],
    )
    held = follow(app, "StartNew-Fresh", "CS-Enter", "StartNew-Fresh", "StartNew-Fresh")
    assert rules(app, held) == ["Act-Done", "CS-Entered", "Ent-Take-Signal"]


def test_what_the_locker_sent_before_is_served_before_it_enters() -> None:
    """The lock request stands behind the signal in the same queue (decision 9)."""
    body = (
        SignalEntity("E", "add", Constant(5)),
        Section(("E",), (Await("x", CallEntity("E", "add", Constant(1))),)),
        Return(X),
    )
    app = program(main(*body), entities=[Entity("E", 0, (ADD,))], script=[START])
    assert rules(app, follow(app, "StartNew-Fresh")) == ["Ent-Take-Signal"]
    assert rules(app, follow(app, "StartNew-Fresh", "Ent-Take-Signal")) == ["CS-Enter"]


def test_a_call_that_nobody_waits_for_is_served_before_the_lock_goes() -> None:
    """The release stands behind the call in the same queue (decision 8)."""
    race = AnyOf((CallEntity("E", "add", Constant(1)), A))
    locker = main(Section(("E",), (Await("x", race),)), Await("x", SetTimer(1)))
    other = Orchestration("other", (SignalEntity("E", "add", Constant(1)), Await("x", A)))
    app = program(
        locker,
        other,
        entities=[Entity("E", 0, (ADD,))],
        script=[START, Start("j", "other")],
    )
    path = ("StartNew-Fresh", "CS-Enter", "CS-Entered", "StartNew-Fresh", "Act-Done")
    left = follow(app, *path)
    assert rules(app, left) == ["Act-Done", "Ent-Take-Signal", "Timer-Fire"]
    served = follow(app, *path, "Ent-Take-Signal")
    assert rules(app, served) == ["Act-Done", "Ent-Take-Signal", "Timer-Fire"]


def test_a_terminated_locker_leaves_no_lock_and_no_request() -> None:
    """Neither one that holds its locks nor one that waits for them."""
    app = program(
        main(Section(("E",), (Await("x", A),))),
        entities=[Entity("E", 0, (ADD,))],
        script=[START, Terminate("i")],
    )
    begun = ("StartNew-Fresh", "Orch-Begin", "Caller-Terminate")
    waiting = (*begun, "Terminate-Arrive")
    granted = (*begun, "CS-Enter", "Terminate-Arrive")
    inside = (*begun, "CS-Enter", "CS-Entered", "Terminate-Arrive")
    for path in (waiting, granted, inside):
        state = follow(app, *path)
        assert rules(app, state) == []
        entity = dict(state.entities)["E"]
        assert (entity.holder, entity.queues) == (None, ())


def test_a_child_answers_its_parent() -> None:
    """A value is the value of the task; a failure raises its message; the id is the parent's."""
    child = Orchestration("child", (If(INPUT, (Raise("odd"),)), Return(INPUT)))
    body = (
        Await("x", CallOrchestration("child", Constant(2))),
        Try((Await("y", CallOrchestration("child", Constant(3))),), "y", ()),
        Return(Row((X, Y))),
    )
    app = program(main(*body), child, script=[START])
    path = ("StartNew-Fresh", *(("Child-Fresh", "Orch-Begin", "Child-End") * 2))
    state = follow(app, *path)
    assert seen(state) == ("Completed", (2, "odd"), None)
    assert [each[0] for each in outcome_of(state).instances] == ["i", "i:0", "i:1"]


def test_a_child_whose_id_is_alive_fails_its_task() -> None:
    """The one that is there goes on and answers nobody."""
    child = Orchestration("child", (Await("x", A),))
    body = (Try((Await("x", CallOrchestration("child", NOTHING, "c")),), "x", ()), Return(X))
    app = program(main(*body), child, script=[Start("c", "child"), START])
    state = follow(app, "StartNew-Fresh", "StartNew-Fresh", "Child-Conflict", "Child-End")
    assert seen(state) == ("Completed", "An instance with the ID 'c' is alive already.", None)
    assert seen(state, "c")[0] == "Running"


def test_a_terminated_child_fails_its_task_with_the_reason() -> None:
    """The parent is told."""
    child = Orchestration("child", (Await("x", A),))
    body = (Try((Await("x", CallOrchestration("child", NOTHING, "c")),), "x", ()), Return(X))
    app = program(main(*body), child, script=[START, Terminate("c", "why")])
    begun = ("StartNew-Fresh", "Child-Fresh", "Orch-Begin", "Caller-Terminate")
    path = (*begun, "Terminate-Arrive", "Child-End")
    assert seen(follow(app, *path)) == ("Completed", "why", None)


def test_continue_as_new_drops_late_answers_and_keeps_events() -> None:
    """The old execution's activity is gone; the unread event is read by the new one."""
    again = If(INPUT, (Await("x", WaitForEvent("e")), Return(Row((X, Variable("z"))))))
    body = (again, SetStatus(Constant("kept")), Await("x", AnyOf((A, SetTimer(1)))))
    app = program(main(*body, ContinueAsNew(Constant(1))), script=[START, RaiseEvent("i", "e", 7)])
    path = ("StartNew-Fresh", "Caller-Raise", "Event-Arrive", "Timer-Fire")
    state = follow(app, *path)
    assert rules(app, state) == ["Orch-Begin"]
    assert seen(follow(app, *path, "Orch-Begin")) == ("Completed", (7, None), "kept")


def test_an_answer_to_the_old_execution_completes_nothing_in_the_new() -> None:
    """Both await a call of task id 0; the reply to the first one's call is dropped."""
    body = (
        If(INPUT, (Await("x", CallEntity("E", "add", Constant(10))), Return(X))),
        Await("x", AnyOf((CallEntity("E", "add", Constant(1)), WaitForEvent("e")))),
        ContinueAsNew(Constant(1)),
    )
    app = program(
        main(*body),
        entities=[Entity("E", 0, (ADD,))],
        script=[START, RaiseEvent("i", "e")],
    )
    state = follow(app, "StartNew-Fresh", "Caller-Raise", "Ent-Take-Call", "Event-Arrive")
    assert rules(app, state) == ["Ent-Take-Call"]
    path = ("StartNew-Fresh", "Caller-Raise", "Event-Arrive", "Ent-Take-Signal", "Ent-Take-Call")
    assert seen(follow(app, *path, "Ent-EndCall")) == ("Completed", 11, None)


def test_equal_points_are_equal_states() -> None:
    """Two orders of two independent transitions lead to one state, with one hash."""
    app = program(main(Await("x", A)), script=[START, Start("j", "main")])
    state = follow(app, "StartNew-Fresh", "StartNew-Fresh")
    one, two = (each.state for each in steps(app, state))
    both = next(steps(app, one)).state
    assert one != two
    assert both == next(steps(app, two)).state
    assert hash(both) == hash(next(steps(app, two)).state)
