"""Admit: what a message is to an instance (rules A2, D, E), as a table."""

from dataclasses import replace
from typing import Any

import pytest

from durable.engine.inbox import Ledger, Verdict, admit
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.testing.world.virtual_time import START

ME = InstanceId("instance")
LIFE, OTHER, NEXT = ExecutionId("life"), ExecutionId("other"), ExecutionId("next")
NEW, KNOWN, DROPPED = Verdict.NEW, Verdict.KNOWN, Verdict.DROPPED
UNKNOWN_TASK = Verdict.UNKNOWN_TASK


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
    made.note(
        rows(
            (TaskScheduled(timestamp=START, event_id=0, name="a"), None),
            (TaskScheduled(timestamp=START, event_id=1, name="a"), None),
            (TimerCreated(timestamp=START, event_id=2, fire_at=START), None),
            (TaskCompleted(timestamp=START, task_scheduled_id=0), None),
            (EventRaised(timestamp=START, name="e"), "m1"),
        ),
        LIFE,
    )
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
    assert admit(instance, judged_by, [message]) == [verdict]


def test_of_two_copies_in_one_batch_the_first_is_new() -> None:
    """Whatever kind they are; verdicts stand in the order of the messages."""
    for message in (answer(1), timer(2), event("m2"), end("m2")):
        assert admit(RUNNING, ledger(), [message, message]) == [NEW, KNOWN]
    assert admit(None, Ledger(), [start(LIFE, 0), start(LIFE, 0)]) == [NEW, KNOWN]


def test_a_success_and_a_failure_of_one_task_are_one_answer() -> None:
    """The first of the batch is taken."""
    assert admit(RUNNING, ledger(), [failure(1), answer(1)]) == [NEW, KNOWN]


def test_a_start_is_judged_before_what_comes_with_it() -> None:
    """An event for the life that a start of the same batch begins is new, in any order."""
    messages = [event("m2", 1), start(LIFE, 0), event("m3", 2)]
    assert admit(None, Ledger(), messages) == [NEW, NEW, DROPPED]


def test_two_rival_starts_make_one_life() -> None:
    """The first wins, the other finds another generation."""
    assert admit(None, Ledger(), [start(LIFE, 0), start(OTHER, 0)]) == [NEW, DROPPED]


def test_the_ids_of_an_earlier_life_do_not_hide_messages_of_the_next() -> None:
    """A ledger of another execution says nothing about this one."""
    reborn = record(generation=3, life_id=NEXT, execution_id=NEXT)
    stale = ledger()
    assert admit(reborn, stale, [event("m1", 3)]) == [NEW]
    assert admit(reborn, stale, [answer(0, LIFE)]) == [DROPPED]


def test_a_work_item_is_no_message_to_an_instance() -> None:
    """It may be looked up, never taken."""
    item = TaskMessage(
        instance_id=ME,
        execution_id=LIFE,
        event=TaskScheduled(timestamp=START, event_id=1, name="a"),
    )
    assert admit(RUNNING, ledger(), [item]) == [DROPPED]


def test_judging_changes_nothing() -> None:
    """The same question has the same answer."""
    kept = ledger()
    messages = [answer(1), event("m2")]
    assert admit(RUNNING, kept, messages) == admit(RUNNING, kept, messages)
