"""Admit: judge what each message is to the instance, and in which order it is taken.

Judged on a state that may be stale; what must not be believed of a stale one is the caller's
business (rule A3). Judging changes nothing.

Rule 1. A client's start goes first: what else came with it is for the life that it begins.
Rule 2. A numbered message is taken in its turn (rule D). Its turn moves the watermark also when
        its body is of no use: to an instance that has ended, it must not block the stream.
Rule 3. Behind a terminate nothing is judged: the round after it knows what is left to judge by.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.entity_inbox import EntityJudge
from durable.engine.verdicts import RECORDED, Admission, Standing, Step, StreamJudge, Verdict
from durable.model.births import orchestration_instance, start_anew
from durable.model.entity_ids import is_entity_id
from durable.model.envelopes import REQUESTS
from durable.model.history import (
    EventRaised,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    StartRefused,
    answered_task_id,
)
from durable.model.messages import TaskMessage
from durable.model.parents import life_again
from durable.model.status import RuntimeStatus

__all__ = ["RECORDED", "Admission", "Standing", "Step", "Verdict", "admit", "settle"]


def admit(standing: Standing, messages: Sequence[TaskMessage], now: datetime) -> Admission:
    """Judge each message, as if those before it were taken already."""
    judge: _Judge | EntityJudge
    judge = EntityJudge(standing) if is_entity_id(standing.instance_id) else _Judge(standing, now)
    admission = Admission([Verdict.LATER] * len(messages), judge.steps)
    for message in standing.stash.ready(judge.marks):
        judge.take_turn(message, None)
    for index in sorted(range(len(messages)), key=lambda index: _turn(messages[index])):
        admission.verdicts[index] = judge.judge(messages[index], index)
    admission.has_work = standing.queue.is_runnable
    return admission


def settle(
    admission: Admission, left: Sequence[TaskMessage]
) -> tuple[frozenset[int], dict[str, int]]:
    """Say, of the inputs that the decision has `left`, what stays open, and which marks move.

    A stream stands still at the first of its messages that was left: all behind it stay open too.
    """
    unread = {id(message) for message in left}
    open_: set[int] = set()
    marks: dict[str, int] = {}
    still: set[str] = set()
    for step in admission.steps:
        origin = step.message.origin.to_text() if step.message.origin else None
        if id(step.message) in unread or origin in still:
            if step.index is not None:
                open_.add(step.index)
            if origin is not None:
                still.add(origin)
        elif origin is not None and step.verdict is not Verdict.EARLY:
            marks[origin] = step.message.number
    return frozenset(open_), marks


def _turn(message: TaskMessage) -> tuple[bool, int]:
    if message.origin is not None:
        return True, message.number
    return not isinstance(message.event, ExecutionStarted), 0


class _Judge(StreamJudge):
    def __init__(self, standing: Standing, now: datetime) -> None:
        super().__init__(standing)
        record = standing.record
        self.instance_id = standing.instance_id
        self.generation = record.generation if record else 0
        self.execution_id = record.execution_id if record else None
        self.life_id = record.life_id if record else None
        self.is_there = record is not None and not record.is_absent
        self.is_alive = record is not None and record.is_alive
        # A tombstone keeps the status: what is purged can't be rewound.
        self.has_failed = (
            record is not None and not record.is_absent and record.status is RuntimeStatus.FAILED
        ) and standing.is_rewindable
        self.is_pending = self.is_alive and record is not None and record.is_pending
        due_at = record.scheduled_at if record is not None and self.is_pending else None
        self.is_waiting = due_at is not None and due_at > now
        self.last_episode = record.episode if record else 0
        self.taken: set[int | str] = set()

    def _judge_body(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        if self.is_ending:
            return Verdict.LATER, message
        if isinstance(message.event, ExecutionStarted):
            return self._judge_start(message), message
        if isinstance(message.event, REQUESTS):
            return self._judge_request(message), message
        task_id = answered_task_id(message.event)
        # A work item is no message to the instance; it comes here only to be looked up.
        verdict = Verdict.DROPPED if task_id is None else self._judge_answer(message, task_id)
        return verdict, message

    def _judge_start(self, message: TaskMessage) -> Verdict:
        """Rule E2: the start makes the transition it was sent for, and no other."""
        if message.execution_id in {self.execution_id, self.life_id}:
            if not self.is_pending or message.execution_id != self.execution_id:
                return Verdict.KNOWN
            self.is_pending = self.is_waiting = False
            return Verdict.NEW
        if self.is_alive or message.generation != self.generation:
            return Verdict.DROPPED
        if message.replaced_episode not in (None, self.last_episode):
            return Verdict.DROPPED  # refused: a rewind had brought back what it was to replace
        self._begin_life(message)
        return Verdict.NEW

    def _begin_life(self, message: TaskMessage) -> None:
        self.generation += 1
        self.life_id = self.execution_id = message.execution_id
        self.is_alive, self.is_pending, self.is_waiting = True, False, False
        self.is_there, self.has_failed = True, False

    def _judge_request(self, message: TaskMessage) -> Verdict:
        """Rule E4: a client's message is for the life that the client saw."""
        is_rewind = isinstance(message.event, ExecutionRewound)
        if message.generation != self.generation or message.generation == 0:
            return Verdict.DROPPED
        identity = message.message_id or ""
        if self._has_had(identity):
            return Verdict.KNOWN
        if not (self._can_rewind(message.event) if is_rewind else self.is_alive):
            return Verdict.DROPPED
        if self.is_waiting and not isinstance(message.event, ExecutionTerminated):
            if self.standing.stash.holds(message):
                return Verdict.KNOWN
            self.taken.add(identity)
            return Verdict.WAITING
        self.taken.add(identity)
        if is_rewind:
            self.is_alive, self.has_failed = True, False
        self.is_ending = isinstance(message.event, ExecutionTerminated)
        return Verdict.NEW

    def _can_rewind(self, event: HistoryEvent) -> bool:
        """Whether it has failed, and in the episode that the client saw, if it says so."""
        seen = getattr(event, "voided_episode", -1)
        return self.has_failed and seen in (-1, self.last_episode)

    def _judge_answer(self, message: TaskMessage, task_id: int) -> Verdict:
        if not self.is_alive or message.execution_id != self.execution_id:
            return Verdict.DROPPED
        ledger = self.standing.ledger
        if ledger.execution_id != self.execution_id or task_id not in ledger.asked:
            return Verdict.UNKNOWN_TASK
        if not ledger.expects(task_id, message.event):
            return Verdict.DROPPED
        expected = ledger.runs.get(task_id)
        run = getattr(message.event, "run", expected)
        if (run or 0) > (expected or 0):
            return Verdict.UNKNOWN_TASK  # of a rewind that this state has not heard of
        if run != expected or task_id in ledger.answered or task_id in self.taken:
            return Verdict.KNOWN
        self.taken.add(task_id)
        return Verdict.NEW

    def _judge_sent(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        """Judge what another instance sent, in its turn (rules D2, E3)."""
        verdict = Verdict.COUNTED
        match message.event:
            case ExecutionStarted():
                return self._judge_child_start(message, message.event)
            case ExecutionRewound():
                return self._judge_child_start(message, start_anew(message.event))
            case ExecutionTerminated() if self.is_alive and self._is_meant(message):
                self.is_ending = True
                verdict = Verdict.NEW
            case EventRaised() if self.is_alive:
                verdict = Verdict.WAITING if self.is_waiting else Verdict.NEW
        return verdict, message

    def _is_meant(self, message: TaskMessage) -> bool:
        """Whether the life that a parent means is this one, or one begun in its place."""
        offered = message.execution_id
        return self.life_id is not None and self.life_id in (
            offered,
            life_again(offered or self.life_id, self.generation),
        )

    def _judge_child_start(
        self, message: TaskMessage, started: ExecutionStarted
    ) -> tuple[Verdict, TaskMessage]:
        """Rule E3: a new life where none is; else the parent must hear that there is none."""
        if self.is_there and self._is_meant(message):
            return self._judge_asked_again(message, started)
        if not self.is_alive:
            life_id = message.execution_id
            assert life_id is not None
            if isinstance(message.event, ExecutionRewound) or self._is_meant(message):
                life_id = life_again(life_id, self.generation + 1)
            message = replace(message, execution_id=life_id)
            self._begin_life(message)
            names = orchestration_instance(self.instance_id, life_id)
            event = replace(started, generation=self.generation, orchestration_instance=names)
            return Verdict.NEW, replace(message, event=event)
        if started.parent_instance is None:
            return Verdict.COUNTED, message  # detached: there is nobody to tell
        refused = StartRefused(
            timestamp=started.timestamp,
            name=started.name,
            parent_instance=started.parent_instance,
        )
        # To say so is a row, and rows are for what has begun.
        verdict = Verdict.WAITING if self.is_waiting else Verdict.NEW
        return verdict, replace(message, event=refused, blobs={})

    def _judge_asked_again(
        self, message: TaskMessage, started: ExecutionStarted
    ) -> tuple[Verdict, TaskMessage]:
        """A rewound parent asks for what it has asked for: it gets the answer that there will be.

        What has ended answers at once, in an episode that is nothing else.
        """
        if started.parent_instance is None:
            return Verdict.COUNTED, message
        self.is_ending = not (self.is_alive or self.has_failed)
        self.is_alive, self.has_failed = self.is_alive or self.has_failed, False
        parent = started.parent_instance
        asked = ExecutionRewound(timestamp=started.timestamp, parent_instance=parent)
        return Verdict.NEW, replace(message, event=asked, blobs={})

    def _has_had(self, identity: str) -> bool:
        if identity in self.taken:
            return True
        ledger = self.standing.ledger
        if ledger.life_id != self.life_id:
            return False
        return identity in ledger.message_ids or identity in self.standing.remembered.message_ids
