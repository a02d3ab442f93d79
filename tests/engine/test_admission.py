"""Admit: what a message is to an instance (rules A2, D, E), as a table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from durable.engine.inbox import Standing, Verdict, admit, settle
from durable.engine.ledger import Ledger
from durable.engine.seals import Seals, remembered
from durable.engine.stash import Stash, early_row, waiting_rows
from durable.model.envelopes import encode_message
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    StartRefused,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.testing.world.virtual_time import START

ME = InstanceId("instance")
LIFE, OTHER, NEXT = ExecutionId("life"), ExecutionId("other"), ExecutionId("next")
NEW, KNOWN, DROPPED = Verdict.NEW, Verdict.KNOWN, Verdict.DROPPED
UNKNOWN_TASK, LATER, EARLY = Verdict.UNKNOWN_TASK, Verdict.LATER, Verdict.EARLY
COUNTED, WAITING = Verdict.COUNTED, Verdict.WAITING


def record(status: RuntimeStatus = RuntimeStatus.RUNNING, **changes: Any) -> InstanceRecord:
    """Make the record of generation 2, life "life"."""
    made = InstanceRecord(
        generation=2,
        life_id=LIFE,
        execution_id=LIFE,
        name="o",
        status=status,
        created_at=START,
        updated_at=START,
        commit_id="c",
    )
    return replace(made, **changes)


def rows(*events: tuple[HistoryEvent, str | None]) -> list[HistoryRow]:
    """Make rows of these facts, each with the message that brought it."""
    return [
        HistoryRow(ordinal=n, episode=1, execution_id=LIFE, event=event, message_id=message_id)
        for n, (event, message_id) in enumerate(events)
    ]


def ledger() -> Ledger:
    """Tasks 0 and 1 and timer 2 are scheduled, 0 is answered, event "m1" is recorded."""
    made = Ledger()
    recorded = rows(
        (TaskScheduled(timestamp=START, event_id=0, name="a"), None),
        (TaskScheduled(timestamp=START, event_id=1, name="a"), None),
        (TimerCreated(timestamp=START, event_id=2, fire_at=START), None),
        (TaskCompleted(timestamp=START, task_scheduled_id=0), None),
        (EventRaised(timestamp=START, name="e"), "m1"),
    )
    made.note(recorded, LIFE, all_rows=recorded)
    return made


def answer(task_id: int, execution_id: ExecutionId = LIFE) -> TaskMessage:
    """Answer a task of an execution."""
    event = TaskCompleted(timestamp=START, task_scheduled_id=task_id)
    return TaskMessage(instance_id=ME, execution_id=execution_id, event=event)


def failure(task_id: int) -> TaskMessage:
    """Fail a task."""
    event = TaskFailed(timestamp=START, task_scheduled_id=task_id, reason="r", details="d")
    return TaskMessage(instance_id=ME, execution_id=LIFE, event=event)


def timer(task_id: int) -> TaskMessage:
    """Fire a timer."""
    event = TimerFired(timestamp=START, timer_id=task_id, fire_at=START)
    return TaskMessage(instance_id=ME, execution_id=LIFE, event=event)


def event(message_id: str, generation: int = 2) -> TaskMessage:
    """Raise an event for a generation."""
    raised = EventRaised(timestamp=START, name="e")
    return TaskMessage(instance_id=ME, event=raised, generation=generation, message_id=message_id)


def end(message_id: str, generation: int = 2) -> TaskMessage:
    """Terminate a generation."""
    terminated = ExecutionTerminated(timestamp=START)
    return TaskMessage(
        instance_id=ME, event=terminated, generation=generation, message_id=message_id
    )


def start(execution_id: ExecutionId, replaces: int) -> TaskMessage:
    """Start a life in place of a generation."""
    started = ExecutionStarted(timestamp=START, name="o", generation=replaces + 1)
    return TaskMessage(
        instance_id=ME, event=started, execution_id=execution_id, generation=replaces
    )


def verdicts(
    instance: InstanceRecord | None, judged_by: Ledger, messages: list[TaskMessage]
) -> list[Verdict]:
    """Judge messages to an instance that remembers nothing but its record and its ledger."""
    standing = Standing(ME, instance, judged_by, remembered(instance, Seals()), Stash())
    return admit(standing, messages, START).verdicts


RUNNING, PENDING = record(), record(RuntimeStatus.PENDING)
PARKED, DONE = record(RuntimeStatus.SUSPENDED), record(RuntimeStatus.COMPLETED)
ENDED = record(RuntimeStatus.TERMINATED)
STUB = record(RuntimeStatus.PENDING, generation=0, life_id=ExecutionId(""))

TABLE: list[tuple[str, InstanceRecord | None, TaskMessage, Verdict]] = [
    ("answer to an open task", RUNNING, answer(1), NEW),
    ("failure of an open task", RUNNING, failure(1), NEW),
    ("timer that is set", RUNNING, timer(2), NEW),
    ("answer that is recorded", RUNNING, answer(0), KNOWN),
    ("failure of a task that succeeded", RUNNING, failure(0), KNOWN),
    ("answer to a task nobody scheduled", RUNNING, answer(9), UNKNOWN_TASK),
    ("answer to another execution", RUNNING, answer(1, OTHER), DROPPED),
    ("answer to an ended instance", DONE, answer(1), DROPPED),
    ("answer to a parked instance", PARKED, answer(1), NEW),
    ("answer to nobody", None, answer(1), DROPPED),
    ("answer to a stub", STUB, answer(1), DROPPED),
    ("event", RUNNING, event("m2"), NEW),
    ("event that is recorded", RUNNING, event("m1"), KNOWN),
    ("event for an earlier life", RUNNING, event("m2", 1), DROPPED),
    ("event for a later life", RUNNING, event("m2", 3), DROPPED),
    ("event to an ended instance", DONE, event("m2"), DROPPED),
    ("event to a parked instance", PARKED, event("m2"), NEW),
    ("event to a pending instance", PENDING, event("m2"), NEW),
    ("event to nobody", None, event("m2"), DROPPED),
    ("terminate", RUNNING, end("m2"), NEW),
    ("terminate a parked instance", PARKED, end("m2"), NEW),
    ("terminate a pending instance", PENDING, end("m2"), NEW),
    ("terminate an ended instance", ENDED, end("m2"), DROPPED),
    ("terminate an earlier life", RUNNING, end("m2", 1), DROPPED),
    ("start of nobody", None, start(LIFE, 0), NEW),
    ("start over a stub", STUB, start(NEXT, 0), NEW),
    ("start that the client has made pending", PENDING, start(LIFE, 1), NEW),
    ("start that is recorded", RUNNING, start(LIFE, 1), KNOWN),
    ("start of a life that has ended", DONE, start(LIFE, 1), KNOWN),
    ("start of another life while one runs", RUNNING, start(OTHER, 1), DROPPED),
    ("start for the next generation while one runs", RUNNING, start(NEXT, 2), DROPPED),
    ("start over an ended life", DONE, start(NEXT, 2), NEW),
    ("late start over an ended life", DONE, start(OTHER, 1), DROPPED),
    ("start that needs a generation nobody has", None, start(OTHER, 3), DROPPED),
    ("start over a parked life", PARKED, start(NEXT, 2), DROPPED),
]


@pytest.mark.parametrize(
    ("instance", "message", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_each_message_gets_its_verdict(
    instance: InstanceRecord | None, message: TaskMessage, verdict: Verdict
) -> None:
    """Rules D2 (answers by task), E2 (starts by generation), E4 (clients by generation and id)."""
    judged_by = ledger() if instance in (RUNNING, PARKED, DONE, ENDED) else Ledger()
    assert verdicts(instance, judged_by, [message]) == [verdict]


def test_of_two_copies_in_one_batch_the_first_is_new() -> None:
    """Whatever kind they are; verdicts stand in the order of the messages."""
    for message in (answer(1), timer(2), event("m2")):
        assert verdicts(RUNNING, ledger(), [message, message]) == [NEW, KNOWN]
    assert verdicts(None, Ledger(), [start(LIFE, 0), start(LIFE, 0)]) == [NEW, KNOWN]


def test_a_success_and_a_failure_of_one_task_are_one_answer() -> None:
    """The first of the batch is taken."""
    assert verdicts(RUNNING, ledger(), [failure(1), answer(1)]) == [NEW, KNOWN]


def test_a_start_is_judged_before_what_comes_with_it() -> None:
    """An event for the life that a start of the same batch begins is new, in any order."""
    messages = [event("m2", 1), start(LIFE, 0), event("m3", 2)]
    assert verdicts(None, Ledger(), messages) == [NEW, NEW, DROPPED]


def test_two_rival_starts_make_one_life() -> None:
    """The first wins, the other finds another generation."""
    assert verdicts(None, Ledger(), [start(LIFE, 0), start(OTHER, 0)]) == [NEW, DROPPED]


def test_the_ids_of_an_earlier_life_do_not_hide_messages_of_the_next() -> None:
    """A ledger of another execution says nothing about this one."""
    reborn = record(generation=3, life_id=NEXT, execution_id=NEXT)
    stale = ledger()
    assert verdicts(reborn, stale, [event("m1", 3)]) == [NEW]
    assert verdicts(reborn, stale, [answer(0, LIFE)]) == [DROPPED]


def test_a_work_item_is_no_message_to_an_instance() -> None:
    """It may be looked up, never taken."""
    item = TaskMessage(
        instance_id=ME,
        execution_id=LIFE,
        event=TaskScheduled(timestamp=START, event_id=1, name="a"),
    )
    assert verdicts(RUNNING, ledger(), [item]) == [DROPPED]


def test_judging_changes_nothing() -> None:
    """The same question has the same answer."""
    kept = ledger()
    messages = [answer(1), event("m2")]
    assert verdicts(RUNNING, kept, messages) == verdicts(RUNNING, kept, messages)


def test_behind_a_terminate_nothing_is_judged() -> None:
    """The round after its commit knows what is left; until then all of it stays open."""
    messages = [event("m2"), end("m3"), event("m4"), end("m3"), answer(1)]
    assert verdicts(RUNNING, ledger(), messages) == [NEW, NEW, LATER, LATER, LATER]


SENDER = Origin(InstanceId("sender"), ExecutionId("its life"))


def sent(number: int, fact: HistoryEvent | None = None, life: ExecutionId = LIFE) -> TaskMessage:
    """A message in the stream from "sender"."""
    body = fact or EventRaised(timestamp=START, name="e", input=str(number))
    return TaskMessage(instance_id=ME, event=body, execution_id=life, origin=SENDER, number=number)


def standing(
    instance: InstanceRecord | None,
    marks: dict[str, int] | None = None,
    stashed: list[TaskMessage] | None = None,
) -> Standing:
    """An instance with these watermarks and these messages in its stash."""
    known = replace(instance, marks=marks or {}) if instance else None
    memory = remembered(known, Seals())
    named = dict(early_row(message) for message in stashed or [])
    stash = Stash.of(known, memory.marks, named)
    return Standing(ME, known, ledger(), memory, stash)


MARK = SENDER.to_text()


def test_a_stream_is_taken_in_order_whatever_the_order_of_arrival() -> None:
    """D: the next one is new, one behind a gap is early, one that was taken is known."""
    admission = admit(standing(RUNNING, {MARK: 1}), [sent(5), sent(3), sent(2), sent(1)], START)
    assert admission.verdicts == [EARLY, NEW, NEW, KNOWN]
    assert [message.number for message in admission.taken(NEW)] == [2, 3]
    assert settle(admission, ())[1] == {MARK: 3}


def test_what_was_stashed_is_taken_behind_the_message_that_was_missing() -> None:
    """Also the one after it, and the one after that."""
    admission = admit(
        standing(RUNNING, stashed=[sent(2), sent(3), sent(5)]), [sent(1), sent(3)], START
    )
    assert admission.verdicts == [NEW, KNOWN]
    assert [message.number for message in admission.taken(NEW)] == [1, 2, 3]
    assert settle(admission, ())[1] == {MARK: 3}


def test_what_was_left_ready_in_the_stash_is_taken_by_the_next_message_of_anybody() -> None:
    """The end of an execution may leave it there; nobody sends it again."""
    admission = admit(standing(RUNNING, {MARK: 1}, [sent(2)]), [event("m2")], START)
    assert [step.verdict for step in admission.steps] == [NEW, NEW]


@pytest.mark.parametrize("instance", [None, STUB, DONE, ENDED, record(is_purged=True)])
def test_an_event_to_nobody_alive_moves_the_mark_and_nothing_else(
    instance: InstanceRecord | None,
) -> None:
    """D3: dropped, but counted; else it would block the stream in the next life."""
    admission = admit(standing(instance), [sent(1), sent(2)], START)
    assert admission.verdicts == [COUNTED, COUNTED]
    assert settle(admission, ())[1] == {MARK: 2}


def child_start() -> ExecutionStarted:
    """What a parent sends to begin a child."""
    parent = Parent(
        instance_id=InstanceId("sender"), execution_id=ExecutionId("x"), task_id=3, name="o"
    )
    return ExecutionStarted(timestamp=START, name="o", parent_instance=parent.to_json())


@pytest.mark.parametrize("instance", [None, STUB, DONE, record(is_purged=True)])
def test_a_child_start_begins_a_life_where_there_is_none(instance: InstanceRecord | None) -> None:
    """E3, and what follows in the stream is for that life."""
    admission = admit(standing(instance), [sent(2), sent(1, child_start(), NEXT)], START)
    assert admission.verdicts == [NEW, NEW]
    first, second = admission.taken(NEW)
    assert isinstance(first.event, ExecutionStarted)
    assert first.event.generation == (instance.generation if instance else 0) + 1
    assert isinstance(second.event, EventRaised)


@pytest.mark.parametrize("instance", [RUNNING, PENDING, PARKED])
def test_a_child_start_of_a_live_id_is_refused_aloud(instance: InstanceRecord) -> None:
    """E3: never dropped, for the parent would wait for ever; a detached one has nobody to tell."""
    admission = admit(standing(instance), [sent(1, child_start(), NEXT)], START)
    [refused] = admission.taken(NEW)
    assert isinstance(refused.event, StartRefused)
    detached = replace(child_start(), parent_instance=None)
    assert admit(standing(instance), [sent(1, detached, NEXT)], START).verdicts == [COUNTED]


def test_a_parent_ends_the_life_that_it_began_and_no_other() -> None:
    """The id may have been started anew since."""
    ends = ExecutionTerminated(timestamp=START)
    assert admit(standing(RUNNING), [sent(1, ends, LIFE)], START).verdicts == [NEW]
    assert admit(standing(RUNNING), [sent(1, ends, OTHER)], START).verdicts == [COUNTED]


def test_what_the_end_left_stays_open_with_all_that_is_behind_it_in_its_stream() -> None:
    """The mark stands before the first message that was not recorded."""
    admission = admit(standing(RUNNING), [sent(1), sent(2), event("m2"), sent(3)], START)
    left = admission.taken(NEW)[2:]
    open_, marks = settle(admission, [message for message in left if message.number == 2])
    assert open_ == frozenset({1, 3})
    assert marks == {MARK: 1}


def test_before_its_time_a_scheduled_instance_takes_nothing_but_its_end() -> None:
    """Events wait beside it; they are the first that it gets."""
    later = START + timedelta(hours=1)
    scheduled = record(RuntimeStatus.PENDING, scheduled_at=later)
    messages = [event("m2"), sent(1), event("m2")]
    admission = admit(standing(scheduled), messages, START)
    assert admission.verdicts == [WAITING, WAITING, KNOWN]
    assert admit(standing(scheduled), messages, later).verdicts == [NEW, NEW, KNOWN]
    assert admit(standing(scheduled), [end("m3")], START).verdicts == [NEW]


def test_what_waits_for_a_beginning_is_garbage_afterwards() -> None:
    """And what waits for its turn is, once the mark has passed it."""
    waiting = waiting_rows([encode_message(event("m2")), encode_message(event("m3"))], LIFE, 0)
    pending = Stash.of(record(RuntimeStatus.PENDING, waiting=2), {}, waiting)
    assert [message.message_id for message in pending.waiting] == ["m2", "m3"]
    assert Stash.of(RUNNING, {}, waiting).garbage == sorted(waiting)
    name, columns = early_row(sent(2))
    assert Stash.of(RUNNING, {MARK: 2}, {name: columns}).garbage == [name]
    assert not Stash.of(RUNNING, {MARK: 1}, {name: columns}).garbage


def test_an_answer_to_a_run_that_a_rewind_made_void_is_known() -> None:
    """Only the answer to the run that was asked for last counts."""
    anew = replace(TaskScheduled(timestamp=START, event_id=1, name="a"), run=1)
    judged_by = ledger()
    judged_by.note(rows((anew, None)), LIFE, all_rows=())
    again = TaskCompleted(timestamp=START, task_scheduled_id=1, run=1)
    assert verdicts(RUNNING, judged_by, [answer(1)]) == [KNOWN]
    assert verdicts(RUNNING, judged_by, [replace(answer(1), event=again)]) == [NEW]
