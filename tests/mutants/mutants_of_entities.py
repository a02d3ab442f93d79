"""Bugs in entities and their locks: order, repeats, undoing, release (rules D, G, L)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from durable.engine import proposals, sections
from durable.engine.entities import EntityProposer
from durable.engine.entity_batches import EntityBatch, Operation, Run
from durable.engine.entity_inbox import EntityJudge
from durable.engine.entity_queue import EntityQueue
from durable.engine.turn import Turn
from durable.engine.verdicts import Step, StreamJudge, Verdict
from durable.model.entities import EntityRecord
from durable.model.environment import Environment
from durable.model.history import (
    EntityLockBroken,
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationSignaled,
    EntityUnlockSent,
    TimerCreated,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.replay import entity_calls
from durable.replay.decision import Decision
from durable.storage import purging
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_accept = EntityBatch.accept
_break = EntityBatch._break
_judge_body = EntityJudge._judge_body
_has_duty = cast("Callable[[Turn], bool]", vars(Turn)["has_duty"].fget)
_lock = EntityBatch._lock
_operate = EntityBatch._operate
_take_turn = StreamJudge._take_turn
_tombstone = purging._tombstone
_with_sections_left = sections.with_sections_left

WAITS = "terminated while it waits for a lock"
HOLDS = "terminated inside a section"
OPPOSITE = "two lockers in opposite order"
RING = "three lockers in a ring"
ORDER = "calls and signals of one sender, in order"
FAILS = "a failed operation between others"
UNAWAITED = "a call that nobody waits for, then out of the section"
TRANSFER = "a transfer between two accounts, and an audit"
HUB = "tests/engine/test_entities_on_a_hub.py::"
LATE = (
    "tests/simulation/test_late_commits_of_rounds.py"
    "::test_what_such_a_round_has_committed_late_is_sent"
)
PLACES = f"{HUB}test_a_place_in_the_queue_is_never_given_twice"
CLEANING = "tests/client/test_cleaning.py::"


@mutant(proposals, "with_sections_left", rule="G: release to the whole set", shown_by=(WAITS, RING))
def a_release_only_if_granted(decision: Decision, rows: Sequence[HistoryRow]) -> Decision:
    """Who ends while it waits for its locks releases nothing.

    The request is granted to a dead owner, and the lock is held for ever (hole H12).
    """
    granted = {
        row.event.task_scheduled_id for row in rows if isinstance(row.event, EntityLockGranted)
    }
    granted |= {
        fact.task_scheduled_id for fact in decision.facts if isinstance(fact, EntityLockGranted)
    }
    known = [
        row
        for row in rows
        if not isinstance(row.event, EntityLockRequested) or row.event.event_id in granted
    ]
    return _with_sections_left(decision, known)


@mutant(proposals, "with_sections_left", rule="G: release at every end", shown_by=(HOLDS,))
def no_release_at_an_end(decision: Decision, rows: Sequence[HistoryRow]) -> Decision:
    """An execution that ends inside a section keeps its locks.

    They are held for ever: nobody is left to release them.
    """
    del rows
    return decision


@mutant(StreamJudge, "_take_turn", rule="G: release in the stream", shown_by=(WAITS, UNAWAITED))
def a_release_out_of_its_turn(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """A release is served as it comes.

    It finds no lock, or one with calls still on their way, and what comes behind it is held for
    ever, or runs beside others (hole H12).
    """
    verdict = _take_turn(self, origin, message, index)
    if verdict is Verdict.EARLY and isinstance(message.event, EntityUnlockSent):
        self.steps.append(Step(Verdict.NEW, replace(message, origin=None), None))
    elif verdict is Verdict.NEW and isinstance(message.event, EntityUnlockSent):
        self.steps[-1] = replace(self.steps[-1], verdict=Verdict.COUNTED)
    return verdict


@mutant(EntityBatch, "accept", rule="G3: a release cancels nothing", shown_by=(WAITS,))
def a_release_cancels_a_waiting_lock(self: EntityBatch, message: TaskMessage) -> None:
    """A release takes back the request that still waits.

    It never goes on to the next entity, where its number is missing for ever (hole H12).
    """
    if isinstance(message.event, EntityUnlockSent):
        for place, waiting in list(self._waiting.items()):
            if waiting.origin == message.origin and isinstance(waiting.event, EntityLockRequested):
                del self._waiting[place]
                return
    _accept(self, message)


@mutant(EntityBatch, "_next_to_serve", rule="G3: in order", shown_by=(WAITS,))
def a_release_cancels_what_waits_before_it(self: EntityBatch) -> int | None:
    """A release goes before whatever waits, be it the request that it belongs to.

    The lock is granted behind it, and nobody releases it.
    """
    for place, waiting in self._waiting.items():
        if isinstance(waiting.event, EntityUnlockSent):
            return place
    lock = self.entity.lock
    for place, waiting in self._waiting.items():
        if lock is None or (waiting.origin and waiting.origin.to_text() == lock.owner):
            return place
    return None


@mutant(EntityBatch, "_next_to_serve", rule="G: others wait", shown_by=(TRANSFER, OPPOSITE))
def a_lock_keeps_nobody_out(self: EntityBatch) -> int | None:
    """Whatever comes is served, whoever holds the entity."""
    return next(iter(self._waiting), None)


@mutant(EntityBatch, "_lock", rule="G1: one after the other", shown_by=(TRANSFER, OPPOSITE))
def the_first_entity_grants_for_all(
    self: EntityBatch, message: TaskMessage, request: EntityLockRequested
) -> None:
    """The first entity answers before the others are locked.

    The section begins while others hold what it needs.
    """
    _lock(self, message, request)
    if request.position == 0 and not isinstance(self.facts[-1], EntityLockGranted):
        waits = Parent.from_json(request.parent_instance or "")
        self.facts.append(
            EntityLockGranted(
                timestamp=self.now,
                task_scheduled_id=waits.task_id,
                parent_instance=request.parent_instance,
            )
        )


@mutant(entity_calls, "_in_locking_order", rule="G: a global order", shown_by=(OPPOSITE, RING))
def locked_in_the_order_of_the_caller(entities: Iterable[InstanceId]) -> tuple[InstanceId, ...]:
    """The set is locked in the order in which the code names it.

    Two that name it differently wait for each other for ever.
    """
    return tuple(dict.fromkeys(entities))


@mutant(EntityBatch, "_next_to_serve", rule="D: in order", shown_by=(ORDER,))
def the_last_comes_first(self: EntityBatch) -> int | None:
    """What came last is served first."""
    lock = self.entity.lock
    for place, waiting in reversed(self._waiting.items()):
        if lock is None or (waiting.origin and waiting.origin.to_text() == lock.owner):
            return place
    return None


@mutant(EntityJudge, "_judge_body", rule="D3: ids of clients", shown_by=("signals of callers",))
def a_clients_signal_counts_as_often_as_it_comes(
    self: EntityJudge, message: TaskMessage
) -> tuple[Verdict, TaskMessage]:
    """Nobody remembers the ids of clients' signals."""
    verdict, taken = _judge_body(self, message)
    if verdict is Verdict.KNOWN and isinstance(message.event, EntityOperationSignaled):
        return Verdict.NEW, taken
    return verdict, taken


@mutant(StreamJudge, "_take_turn", rule="D2: repeats", shown_by=(ORDER, "call of an entity"))
def a_repeated_operation_runs_again(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """A message that an entity has had is served once more."""
    verdict = _take_turn(self, origin, message, index)
    if verdict is Verdict.KNOWN and isinstance(message.event, Operation):
        self.steps.append(Step(Verdict.NEW, message, index))
        return Verdict.NEW
    return verdict


@mutant(EntityBatch, "_operate", rule="decision 6", shown_by=(FAILS,))
async def a_failed_operation_keeps_its_signals(
    self: EntityBatch, message: TaskMessage, event: Operation, run: Run
) -> None:
    """What a failed operation had sent is sent."""
    await _operate(self, message, event, run)
    if self.served[-1].is_failed:
        self.facts.append(
            EntityOperationSignaled(
                timestamp=self.now,
                instance_id=message.instance_id,
                operation=event.operation,
                input=event.input,
            )
        )


@mutant(EntityBatch, "_operate", rule="decision 6", shown_by=(FAILS,))
async def a_failed_operation_leaves_no_state(
    self: EntityBatch, message: TaskMessage, event: Operation, run: Run
) -> None:
    """The state is not put back to what it was before."""
    await _operate(self, message, event, run)
    if self.served[-1].is_failed:
        self.state = None


@mutant(EntityBatch, "accept", rule="G: never early", shown_by=("a signal for later",))
def a_signal_for_later_at_once(self: EntityBatch, message: TaskMessage) -> None:
    """A signal for later is served when it comes."""
    event = message.event
    if isinstance(event, EntityOperationSignaled):
        message = replace(message, event=replace(event, scheduled_time=None))
    _accept(self, message)


@mutant(EntityBatch, "accept", rule="A6: a timer of its own", shown_by=("a signal for later",))
def a_signal_for_later_without_a_timer(self: EntityBatch, message: TaskMessage) -> None:
    """Nothing brings up again what was kept for later."""
    _accept(self, message)
    self.facts = [fact for fact in self.facts if not isinstance(fact, TimerCreated)]


@mutant(EntityProposer, "_kept", rule="A: the queue is rows", shown_by=(OPPOSITE, TRANSFER))
async def what_waits_behind_a_lock_has_no_row(
    self: EntityProposer, batch: EntityBatch
) -> dict[str, object]:
    """What was accepted and can't be served yet is in the memory of one host only."""
    del self, batch
    return {}


@mutant_of_many(
    rule="A: a queue goes on", shown_by=(f"{HUB}test_more_than_a_batch_holds_is_served_in_rounds",)
)
@contextmanager
def a_full_batch_leaves_the_rest() -> Iterator[None]:
    """What a batch has no room for waits until something else comes."""

    def never(self: EntityQueue) -> bool:
        del self
        return False

    with replaced(EntityQueue, "is_runnable", never):
        yield


@mutant(
    EntityBatch,
    "_break",
    rule="G: the epoch",
    shown_by=("tests/engine/test_broken_locks.py::test_only_the_lock_that_was_meant_is_broken",),
)
def whichever_lock_is_broken(
    self: EntityBatch, message: TaskMessage, asked: EntityLockBroken
) -> None:
    """An operator breaks whatever lock there is by now."""
    if self.entity.lock is not None:
        asked = replace(asked, epoch=self.entity.lock.epoch)
    _break(self, message, asked)


@mutant(
    purging,
    "_refuse_if_in_use",
    rule="L",
    shown_by=(f"{CLEANING}test_a_locked_entity_is_not_purged",),
)
def an_entity_is_purged_in_use(instance_id: InstanceId, record: InstanceRecord) -> None:
    """Nobody asks whether the entity is locked, or has something to do."""


@mutant(
    purging,
    "_tombstone",
    rule="E1: an entity's streams go on",
    shown_by=(f"{HUB}test_a_purged_entity_goes_on_where_it_was",),
)
def a_purged_entity_begins_its_streams_anew(
    record: InstanceRecord, environment: Environment
) -> InstanceRecord:
    """After a purge an entity numbers what it sends from 1.

    Its receivers take that for repeats.
    """
    return replace(_tombstone(record, environment), outs={})


@mutant(Turn, "has_duty", rule="A2", shown_by=(LATE,))
def a_round_of_its_own_has_no_duty(self: Turn) -> bool:
    """A round that serves what was kept forgets a commit that had no clear outcome.

    It may be applied late, and nobody sends what follows from it.
    """
    return bool(self.batch) and _has_duty(self)


@mutant(EntityBatch, "record", rule="G: places count up", shown_by=(PLACES,))
def places_are_given_again(self: EntityBatch) -> EntityRecord:
    """An entity that has served all begins to count its places anew.

    A row of a commit that was cut off, or one that is deleted late, is taken for another.
    """
    places = [*self._waiting, *self._scheduled]
    return replace(
        self.entity,
        waiting=frozenset(self._waiting),
        scheduled=frozenset(self._scheduled),
        next_place=max(places, default=-1) + 1,
    )
