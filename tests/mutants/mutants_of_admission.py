"""Bugs in judging messages: what is fresh, known, of this life and this execution (A3, D, E)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from durable.client import starting
from durable.engine import opening
from durable.engine.coalescer import Submission
from durable.engine.inbox import Verdict, _Judge
from durable.engine.ledger import Ledger
from durable.engine.orchestrations import Orchestrations
from durable.engine.turn import Turn
from durable.model.births import born
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import EventRaised, ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage.payloads import fetch_all
from durable.storage.port import BlobMissing, ETag, TaskHubStore
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_advance = Orchestrations.advance
_commit = Orchestrations._commit
_note = Ledger.note
_judge_answer = _Judge._judge_answer
_judge_request = _Judge._judge_request
_judge_start = _Judge._judge_start
_put = starting._put
_make_pending = starting._make_pending


@mutant(Orchestrations, "_needs_fresh", rule="A3", shown_by=("race, then its loser",))
def dropped_on_a_stale_cache(self: Orchestrations, turn: Turn) -> bool:
    """A message of another life or execution is dropped on the cache's word.

    It was for the life that another host has begun meanwhile (hole H3a).
    """
    return Verdict.UNKNOWN_TASK in turn.verdicts or any(one.duty for one in turn.batch)


@mutant(Orchestrations, "_needs_fresh", rule="A3")
def known_judged_on_the_cache(self: Orchestrations, turn: Turn) -> bool:
    """A redelivered message is known on the cache's word (hole H3b).

    The store has unsent episodes that the cache has never heard of.
    """
    if Verdict.UNKNOWN_TASK in turn.verdicts:
        return True
    return Verdict.NEW not in turn.verdicts and Verdict.DROPPED in turn.verdicts


@mutant(Orchestrations, "_needs_fresh", rule="A3")
def unknown_task_dropped_on_a_stale_cache(self: Orchestrations, turn: Turn) -> bool:
    """The answer to a task that the cache has not heard of is dropped.

    Another host scheduled it meanwhile, and the result is lost (hole H3a).
    """
    if any(one.duty for one in turn.batch):
        return True
    return Verdict.NEW not in turn.verdicts and Verdict.DROPPED in turn.verdicts


@mutant(
    _Judge,
    "_judge_answer",
    rule="D2: answer of an old execution",
    shown_by=("started again with another input",),
)
def an_answer_for_any_execution(self: _Judge, message: TaskMessage, task_id: int) -> Verdict:
    """An answer is taken by its task id, whatever execution asked.

    The result of an ended life answers a task of the next one.
    """
    mine = replace(message, execution_id=self.execution_id)
    return _judge_answer(self, mine, task_id)


@mutant(_Judge, "_judge_answer", rule="D2: no dedupe of answers")
def a_result_taken_twice(self: _Judge, message: TaskMessage, task_id: int) -> Verdict:
    """Nobody asks whether the task was answered already.

    The second copy of a result is recorded as well.
    """
    verdict = _judge_answer(self, message, task_id)
    return Verdict.NEW if verdict is Verdict.KNOWN else verdict


@mutant(
    Ledger,
    "note",
    rule="semantics 5.4: dedupe by the wrong key",
    shown_by=("race, then its loser",),
)
def answers_known_by_the_task_id_alone(
    self: Ledger,
    rows: Sequence[HistoryRow],
    execution_id: ExecutionId,
    *,
    all_rows: Sequence[HistoryRow],
) -> None:
    """What the execution before was answered counts for this one.

    The first results of a second life are dropped as known.
    """
    self.execution_id = execution_id  # so that the original forgets nothing
    mine = [replace(row, execution_id=execution_id) for row in rows]
    _note(self, mine, execution_id, all_rows=all_rows)


@mutant(Orchestrations, "advance", rule="semantics 5.4: dedupe by the wrong key")
async def events_known_by_their_name(
    self: Orchestrations, instance_id: InstanceId, batch: Sequence[Submission]
) -> None:
    """An event is known by its name, not by the id of its message.

    The second one of a name is dropped as a repeat.
    """
    for one in batch:
        if isinstance(one.message.event, EventRaised):
            one.message = replace(one.message, message_id=one.message.event.name)
    await _advance(self, instance_id, batch)


@mutant(
    _Judge,
    "_judge_request",
    rule="D3: ids of requests forgotten",
    shown_by=("events, an activity after each",),
)
def an_event_recorded_twice(self: _Judge, message: TaskMessage) -> Verdict:
    """The ids of what clients sent are not kept.

    An event that is delivered again is recorded again, and read twice.
    """
    verdict = _judge_request(self, message)
    return Verdict.NEW if verdict is Verdict.KNOWN and self.is_alive else verdict


@mutant(Orchestrations, "_commit", rule="D4", shown_by=("large values, twice",))
async def payloads_fetched_before_known_is_asked(self: Orchestrations, turn: Turn) -> None:
    """Payloads are fetched first and judged then.

    A repeat for a life that was collected names a blob that is gone, and is buried as unreadable.
    """
    try:
        await fetch_all(self._store, [(m.event, m.blobs) for m in turn.messages])
    except BlobMissing as missing:
        raise MalformedMessageError(f"blob {missing} is gone") from missing
    await _commit(self, turn)


@mutant_of_many(rule="E1", shown_by=("started again with another input",))
@contextmanager
def numbers_begin_again_with_each_life() -> Iterator[None]:
    """A new life counts its rows and episodes from the beginning.

    It overwrites the history of the life before, and whoever slept over that deletes and sends the
    wrong ones (hole H16).
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
        return replace(record, sequence=-1, base=0, episode=0)

    with replaced(opening, "born", newborn), replaced(starting, "born", newborn):
        yield


@mutant_of_many(rule="E2")
@contextmanager
def create_then_put() -> Iterator[None]:
    """The client makes the record, then puts the message.

    If it dies in between the instance is pending for ever, and a second call says that it exists
    (hole H10).
    """

    async def put_nothing(
        store: TaskHubStore, environment: Environment, message: TaskMessage
    ) -> None:
        del store, environment, message

    async def make_pending_then_put(
        store: TaskHubStore,
        environment: Environment,
        message: TaskMessage,
        started: ExecutionStarted,
        *,
        before: InstanceRecord | None,
        etag: ETag | None,
    ) -> None:
        await _make_pending(store, environment, message, started, before=before, etag=etag)
        await _put(store, environment, message)

    with (
        replaced(starting, "_put", put_nothing),
        replaced(starting, "_make_pending", make_pending_then_put),
    ):
        yield


@mutant(_Judge, "_judge_start", rule="E2")
def the_receiver_never_makes_the_transition(self: _Judge, message: TaskMessage) -> Verdict:
    """A start that finds no record of its life is dropped.

    The client, which puts it first, makes the record afterwards, and the instance is pending for
    ever (hole H10).
    """
    if self.life_id != message.execution_id:
        return Verdict.DROPPED
    return _judge_start(self, message)


@mutant(_Judge, "_judge_start", rule="E2", shown_by=("started again with another input",))
def a_start_of_an_earlier_life_starts_again(self: _Judge, message: TaskMessage) -> Verdict:
    """The generation that a start replaces is not compared.

    The message of an earlier life, come once more after the end of a later one, begins a ghost
    (hole H8).
    """
    return _judge_start(self, replace(message, generation=self.generation))


@mutant(_Judge, "_judge_start", rule="E2")
def a_second_start_message_starts_again(self: _Judge, message: TaskMessage) -> Verdict:
    """Whether this very start was taken is not asked.

    Come once more after the end, it runs the orchestration again.
    """
    if self.is_alive:
        return _judge_start(self, message)
    self._begin_life(message)
    return Verdict.NEW


@mutant(starting, "_refuse_if_alive", rule="E2", shown_by=("started while alive",))
def a_start_replaces_a_live_instance(
    instance_id: InstanceId, before: InstanceRecord | None
) -> None:
    """A start under the id of a live instance is not refused.

    It begins the next life over the running one.
    """


@mutant(_Judge, "_judge_request", rule="E2")
def events_before_the_first_episode_dropped(self: _Judge, message: TaskMessage) -> Verdict:
    """A pending instance counts as not alive yet.

    An event that overtakes the start message is dropped.
    """
    return Verdict.DROPPED if self.is_pending else _judge_request(self, message)


@mutant(_Judge, "_judge_request", rule="E4", shown_by=("messages of one life for the next",))
def events_for_any_life(self: _Judge, message: TaskMessage) -> Verdict:
    """The generation that a client saw is not compared.

    An event for an ended life is taken by the next one.
    """
    return _judge_request(self, replace(message, generation=self.generation))
