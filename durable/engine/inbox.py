"""Admit: judge whether a message is new to the instance, known, or none of its business.

Judged on a state that may be stale; what must not be believed of a stale one is the caller's
business (rule A3). Judging changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.ids import ExecutionId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus


class Verdict(Enum):
    """What a message is to an instance."""

    NEW = auto()
    KNOWN = auto()  # recorded already
    DROPPED = auto()  # of another life or execution, or too late
    UNKNOWN_TASK = auto()  # answers a task that this state has not scheduled


@dataclass(slots=True)
class Ledger:
    """What one execution has scheduled, been answered and been sent, for judging at once."""

    execution_id: ExecutionId | None = None
    scheduled: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    message_ids: set[str] = field(default_factory=set)

    def note(self, rows: Sequence[HistoryRow], execution_id: ExecutionId) -> None:
        """Take committed rows in; those of another execution do not count."""
        if execution_id != self.execution_id:
            self.execution_id = execution_id
            self.scheduled, self.answered, self.message_ids = set(), set(), set()
        for row in rows:
            if row.execution_id != execution_id:
                continue
            if row.message_id is not None:
                self.message_ids.add(row.message_id)
            if isinstance(row.event, TaskScheduled | TimerCreated):
                self.scheduled.add(row.event.event_id)
            task_id = answered_task_id(row.event)
            if task_id is not None:
                self.answered.add(task_id)


def admit(
    record: InstanceRecord | None, ledger: Ledger, messages: Sequence[TaskMessage]
) -> list[Verdict]:
    """Judge each message, as if those before it were taken already."""
    judge = _Judge(record if record is not None and not record.is_stub else None, ledger)
    verdicts: dict[int, Verdict] = {}
    # A start goes first: what else came with it is for the life that it begins.
    starts_first = sorted(
        range(len(messages)),
        key=lambda index: not isinstance(messages[index].event, ExecutionStarted),
    )
    for index in starts_first:
        verdicts[index] = judge.judge(messages[index])
    return [verdicts[index] for index in range(len(messages))]


class _Judge:
    def __init__(self, record: InstanceRecord | None, ledger: Ledger) -> None:
        self.generation = record.generation if record else 0
        self.execution_id = record.execution_id if record else None
        self.life_id = record.life_id if record else None
        self.is_pending = record is not None and record.status is RuntimeStatus.PENDING
        self.is_alive = record is not None and not record.status.is_terminal
        self.ledger = ledger
        self.taken: set[int | str] = set()

    def judge(self, message: TaskMessage) -> Verdict:
        match message.event:
            case ExecutionStarted():
                return self._judge_start(message)
            case EventRaised() | ExecutionTerminated():
                return self._judge_request(message)
            case _:
                task_id = answered_task_id(message.event)
                # A work item is no message to the instance; it comes here only to be looked up.
                return Verdict.DROPPED if task_id is None else self._judge_answer(message, task_id)

    def _judge_start(self, message: TaskMessage) -> Verdict:
        """Rule E2: the start makes the transition it was sent for, and no other."""
        if self.life_id == message.execution_id:
            if not self.is_pending:
                return Verdict.KNOWN
            self.is_pending = False
            return Verdict.NEW
        if self.is_alive or message.generation != self.generation:
            return Verdict.DROPPED
        self.generation += 1
        self.life_id = self.execution_id = message.execution_id
        self.is_alive, self.is_pending = True, False
        return Verdict.NEW

    def _judge_request(self, message: TaskMessage) -> Verdict:
        """Rule E4: a client's message is for the life that the client saw."""
        if not self.is_alive or message.generation != self.generation:
            return Verdict.DROPPED
        identity = message.message_id or ""
        if identity in self._message_ids() or identity in self.taken:
            return Verdict.KNOWN
        self.taken.add(identity)
        return Verdict.NEW

    def _judge_answer(self, message: TaskMessage, task_id: int) -> Verdict:
        if not self.is_alive or message.execution_id != self.execution_id:
            return Verdict.DROPPED
        if self.ledger.execution_id != self.execution_id or task_id not in self.ledger.scheduled:
            return Verdict.UNKNOWN_TASK
        if task_id in self.ledger.answered or task_id in self.taken:
            return Verdict.KNOWN
        self.taken.add(task_id)
        return Verdict.NEW

    def _message_ids(self) -> set[str]:
        return self.ledger.message_ids if self.ledger.execution_id == self.execution_id else set()
