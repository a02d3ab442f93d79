"""Chapters: the executions that one commit takes an instance through.

Mostly there is one. An orchestrator that continues as new begins its next execution in the same
commit (rule F), so that a generation costs no message; what came behind its end goes on with it.
One that does so again and again without waiting is cut off: it goes on by a message to itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from durable.model.history import (
    EntityLockRequested,
    EntityUnlockSent,
    ExecutionCompleted,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    answered_task_id,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import default_child_id
from durable.model.streams import receivers_of
from durable.replay.decision import Decision

CHAPTERS_MAX = 16


@dataclass(frozen=True, slots=True)
class Chapter:
    """One execution in a commit: its record as it was opened, its inputs, and what they led to."""

    opened: InstanceRecord
    inputs: Sequence[TaskMessage]
    decision: Decision

    @property
    def left(self) -> Sequence[TaskMessage]:
        """The inputs that came behind the end."""
        return self.inputs[self.decision.consumed :]


class Numbering:
    """Gives rows their ordinals, and what they send its place in its stream."""

    def __init__(
        self,
        sequence: int,
        episode: int,
        outs: dict[InstanceId, int],
        *,
        default_version: str | None = None,
    ) -> None:
        """Go on behind this row, in this episode, with these streams.

        `default_version` is that of orchestrations which are started without one.
        """
        self.ordinal = sequence
        self.episode = episode
        self.outs = outs
        self.default_version = default_version

    def rows_of(self, chapter: Chapter) -> list[HistoryRow]:
        """Lay out the facts of a chapter."""
        sources = {id(message.event): message for message in chapter.inputs}
        return [
            self.row(fact, chapter.opened, sources.get(id(fact))) for fact in chapter.decision.facts
        ]

    def row(
        self, fact: HistoryEvent, opened: InstanceRecord, source: TaskMessage | None = None
    ) -> HistoryRow:
        """Lay out one fact; `source` is the message that brought it."""
        self.ordinal += 1
        if isinstance(fact, ExecutionCompleted) and opened.parent != fact.parent_instance:
            fact = replace(fact, parent_instance=opened.parent)  # asked anew by a rewound parent
        if isinstance(fact, SubOrchestrationInstanceCreated) and fact.version is None:
            fact = replace(fact, version=self.default_version)
        numbers = [self._next(receiver) for receiver in receivers_of(fact)]
        # A lock that is handed on keeps the numbers that its owner has given it.
        if numbers and isinstance(fact, EntityLockRequested | EntityUnlockSent):
            fact = replace(fact, numbers=json.dumps(numbers))
            numbers = []
        return HistoryRow(
            ordinal=self.ordinal,
            episode=self.episode,
            execution_id=opened.execution_id,
            event=fact,
            message_id=source.message_id if source else None,
            number=numbers[0] if numbers else None,
            blobs=source.blobs if source else {},
        )

    def _next(self, receiver: InstanceId) -> int:
        """Take the next place in the stream to this receiver."""
        self.outs[receiver] = self.outs.get(receiver, 0) + 1
        return self.outs[receiver]


def outs_to_carry(outs: dict[InstanceId, int], rows: Sequence[HistoryRow]) -> dict[str, int]:
    """Choose the numbers that a new execution must know, when the rows that tell them go.

    A child that got its id from its execution and has answered has ended, and its id is never made
    again: an eternal orchestration must not carry the numbers of all its children for ever.
    """
    answered = {(row.execution_id, answered_task_id(row.event)) for row in rows}
    done = {
        row.event.instance_id
        for row in rows
        if isinstance(row.event, SubOrchestrationInstanceCreated)
        and (row.execution_id, row.event.event_id) in answered
        and row.event.instance_id == default_child_id(row.execution_id, row.event.event_id)
    }
    return {receiver: number for receiver, number in outs.items() if receiver not in done}


def ending_of(rows: Sequence[HistoryRow]) -> HistoryRow | None:
    """Find the row that ended the last chapter."""
    last = rows[-1].execution_id if rows else None
    return next(
        (
            row
            for row in reversed(rows)
            if row.execution_id == last and isinstance(row.event, ExecutionCompleted)
        ),
        None,
    )
