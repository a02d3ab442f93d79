"""Bugs in the streams between instances: numbers, watermarks, and what is put aside (rule D)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from durable.client import starting
from durable.engine import chapters, collection, inbox, opening, proposals, warm
from durable.engine.chapters import Chapter
from durable.engine.episode_rows import record_after
from durable.engine.inbox import Admission, Verdict
from durable.engine.ledger import Ledger
from durable.engine.seals import Remembered, Seals, remembered
from durable.engine.stash import PREFIX
from durable.engine.turn import Turn
from durable.engine.verdicts import StreamJudge
from durable.engine.warm import InstanceState
from durable.model.births import born
from durable.model.environment import Environment
from durable.model.history import EventRaised, ExecutionStarted, ExecutionTerminated
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage import outbox, purging
from durable.storage.port import TaskHubStore
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_rows_of = chapters.Numbering.rows_of
_take_turn = StreamJudge._take_turn
_close_round = Turn.close_round
_delete = collection._delete
_settle = inbox.settle
_streamed = outbox._streamed
_outs = proposals._outs
_ledger_note = Ledger.note
_tombstone = purging._tombstone

SEALS = "tests/engine/test_seals.py::"


@mutant(outbox, "_streamed", rule="D1", shown_by=("a sender that waits between executions",))
def a_stream_from_an_execution(
    instance_id: InstanceId, row: HistoryRow, receiver: InstanceId, number: int
) -> TaskMessage:
    """The origin of a stream is an execution, not the life.

    What is sent after a continue-as-new seems to be of a stream whose beginning never came.
    """
    message = _streamed(instance_id, row, receiver, number)
    return replace(message, origin=Origin(instance_id, row.execution_id))


@mutant(
    chapters.Numbering,
    "rows_of",
    rule="D1",
    shown_by=("events of a sender that continues as new", "a sender that waits between executions"),
)
def numbers_begin_again_with_each_execution(
    self: chapters.Numbering, chapter: Chapter
) -> list[HistoryRow]:
    """An execution counts what it sends from the beginning.

    Its first messages have numbers that the receiver has had, and are dropped as repeats.
    """
    if any(isinstance(fact, ExecutionStarted) for fact in chapter.decision.facts):
        self.outs = {}
    return _rows_of(self, chapter)


@mutant(proposals, "outs_to_carry", rule="D1", shown_by=("a sender that waits between executions",))
def stream_numbers_not_carried_over(
    outs: dict[InstanceId, int], rows: Sequence[HistoryRow]
) -> dict[str, int]:
    """A new execution does not know how far the streams of its life have come.

    The rows that tell it are deleted, and it begins again at 1.
    """
    del outs, rows
    return {}


@mutant_of_many(rule="D1", shown_by=("one child id in two lives",))
@contextmanager
def stream_numbers_go_on_in_a_new_life() -> Iterator[None]:
    """A new life goes on with the numbers of the life before.

    Its streams are new, and what comes first in them waits for ever for what was never sent.
    """

    def note(
        self: Ledger,
        rows: Sequence[HistoryRow],
        execution_id: ExecutionId,
        *,
        all_rows: Sequence[HistoryRow],
    ) -> None:
        outs = dict(self.outs)
        _ledger_note(self, rows, execution_id, all_rows=all_rows)
        for receiver, number in outs.items():
            self.outs[receiver] = max(number, self.outs.get(receiver, 0))

    def outs_of_all_lives(
        before: InstanceRecord | None, opened: InstanceRecord, state: InstanceState
    ) -> dict[InstanceId, int]:
        return _outs(before and opened, opened, state)

    with replaced(Ledger, "note", note), replaced(proposals, "_outs", outs_of_all_lives):
        yield


@mutant(StreamJudge, "_take_turn", rule="D2: in their order", shown_by=("four events at once",))
def messages_of_a_stream_taken_as_they_come(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """Nobody asks for the number: what comes is taken.

    A repeat is taken twice, and what overtook another is taken before it.
    """
    self.marks[origin] = message.number - 1
    return _take_turn(self, origin, message, index)


@mutant(
    StreamJudge,
    "_take_turn",
    rule="D2: in their order",
    shown_by=("terminated while a child's start is under way", "terminated with its children"),
)
def a_termination_overtakes_the_start(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """The termination of a child does not wait for its turn.

    It finds nothing to end, is dropped, and the child that begins behind it runs on.
    """
    if isinstance(message.event, ExecutionTerminated):
        self.marks[origin] = max(self.marks.get(origin, 0), message.number - 1)
    return _take_turn(self, origin, message, index)


@mutant(StreamJudge, "_take_turn", rule="D2: put aside", shown_by=("four events at once",))
def early_messages_dropped(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """What comes before its turn is dropped.

    It never comes again, and all that follows it waits for it for ever.
    """
    verdict = _take_turn(self, origin, message, index)
    if verdict is not Verdict.EARLY:
        return verdict
    self.steps.pop()
    return Verdict.DROPPED


@mutant(StreamJudge, "take_turn", rule="D2: put aside", shown_by=("four events at once",))
def what_was_put_aside_is_never_taken(
    self: StreamJudge, message: TaskMessage, index: int | None
) -> Verdict:
    """Only what is in the batch is looked at, not what waits for the turn behind it."""
    assert message.origin is not None
    if index is None:
        return Verdict.EARLY
    return self._take_turn(message.origin.to_text(), message, index)


@mutant(collection, "_delete", rule="D2: put aside", shown_by=("four events at once",))
async def what_was_put_aside_is_collected(
    store: TaskHubStore, instance_id: InstanceId, state: InstanceState
) -> None:
    """The collector deletes all that was put aside, also what still waits for its turn."""
    state.stash.garbage = [name for name in state.snapshot.named if name.startswith(PREFIX)]
    await _delete(store, instance_id, state)


@mutant_of_many(rule="D3", shown_by=("receiver purged and born again", "one receiver, two lives"))
@contextmanager
def watermarks_forgotten_by_a_new_life() -> Iterator[None]:
    """A new life has received nothing yet.

    A copy that comes late is taken again, and what a living sender sends next seems too early.
    """

    def newborn(
        before: InstanceRecord | None,
        started: ExecutionStarted,
        execution_id: ExecutionId,
        *,
        now: datetime,
        commit_id: str,
        status: RuntimeStatus,
    ) -> InstanceRecord:
        record = born(before, started, execution_id, now=now, commit_id=commit_id, status=status)
        return replace(record, marks={}, sealed=0)

    with replaced(opening, "born", newborn), replaced(starting, "born", newborn):
        yield


@mutant(purging, "_tombstone", rule="D3", shown_by=("receiver purged and born again",))
def watermarks_forgotten_by_a_purge(
    record: InstanceRecord, environment: Environment
) -> InstanceRecord:
    """What is purged forgets what it has received.

    A copy that comes late is taken again, and what a living sender sends next seems too early.
    """
    return replace(_tombstone(record, environment), marks={}, sealed=0)


@mutant(proposals, "record_after", rule="D3", shown_by=("one receiver, two lives",))
def watermarks_forgotten_at_the_end(
    chapter: Chapter,
    before: InstanceRecord | None,
    rows: Sequence[HistoryRow],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """What has ended needs no watermarks.

    The next message of a living sender seems to be too early in the next life.
    """
    record = record_after(chapter, before, rows, sent=sent, now=now, commit_id=commit_id)
    return replace(record, marks={}) if record.status.is_terminal else record


@mutant(
    warm,
    "remembered",
    rule="D3",
    shown_by=(
        "tests/engine/test_seals.py::test_a_receiver_of_very_many_senders_knows_every_one_of_them",
    ),
)
def what_was_sealed_is_forgotten(record: InstanceRecord | None, seals: Seals) -> Remembered:
    """Watermarks that the sentinel has no room for are written into rows and never read."""
    return remembered(record, replace(seals, count=0))


@mutant(proposals, "settle", rule="D3", shown_by=("event for whoever is alive",))
def what_is_of_no_use_does_not_count(
    admission: Admission, left: Sequence[TaskMessage]
) -> tuple[frozenset[int], dict[str, int]]:
    """The watermark stays where a message is of no use to an instance that has ended.

    In the next life the stream stands still before the message that was dropped.
    """
    steps = [step for step in admission.steps if step.verdict is not Verdict.COUNTED]
    return _settle(replace(admission, steps=steps), left)


@mutant(proposals, "settle", rule="D3", shown_by=("a child id that is free in a moment",))
def what_was_left_open_counts_as_taken(
    admission: Admission, left: Sequence[TaskMessage]
) -> tuple[frozenset[int], dict[str, int]]:
    """The watermark passes messages that came behind the end and were not taken.

    In the round that should judge them they are known.
    """
    open_, _ = _settle(admission, left)
    return open_, _settle(admission, ())[1]


@mutant(Turn, "close_round", rule="D3", shown_by=("a child id that is free in a while",))
def what_was_left_open_is_forgotten(self: Turn) -> bool:
    """A turn has one round: what came behind an end is not looked at again."""
    _close_round(self)
    return False


@mutant(outbox, "_streamed", rule="I", shown_by=("large events of a sender that goes on",))
def a_payload_stays_with_its_sender(
    instance_id: InstanceId, row: HistoryRow, receiver: InstanceId, number: int
) -> TaskMessage:
    """A message names the blob of its sender's row.

    The sender ends or goes on, its row is collected, and the message names what is gone.
    """
    message = _streamed(instance_id, row, receiver, number)
    raised = message.event
    if not row.blobs or not isinstance(raised, EventRaised):
        return message
    return replace(message, event=replace(raised, input=None), blobs=row.blobs)
