"""A decision → the rows and the record to commit."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from durable.model.history import ExecutionCompleted, HistoryEvent, TaskScheduled, TimerCreated
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.replay.decision import Decision


def rows_of(
    decision: Decision, record: InstanceRecord, sources: Mapping[int, TaskMessage]
) -> tuple[HistoryRow, ...]:
    """Number the facts; `sources` tells, by the identity of the event, which message brought it."""
    rows = []
    for ordinal, fact in enumerate(decision.facts, record.sequence + 1):
        source = sources.get(id(fact))
        rows.append(
            HistoryRow(
                ordinal=ordinal,
                episode=record.episode + 1,
                execution_id=record.execution_id,
                event=fact,
                message_id=source.message_id if source else None,
                blobs=source.blobs if source else {},
            )
        )
    return tuple(rows)


def record_after(
    decision: Decision,
    before: InstanceRecord | None,
    opened: InstanceRecord,
    rows: tuple[HistoryRow, ...],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """Make the record that these rows leave behind.

    `before` is what stands in the store, `opened` the same after a start that is part of this
    episode. Rule A6: the episode is unsent if it sends anything or changes what lists show.
    """
    episode = opened.episode + 1
    shown = (decision.status, decision.custom_status, opened.generation)
    shows = before is None or shown != (before.status, before.custom_status, before.generation)
    unsent = opened.unsent - sent
    if shows or any(sends(row.event) for row in rows):
        unsent |= {episode}
    ending = next((row for row in rows if isinstance(row.event, ExecutionCompleted)), None)
    is_counted = opened.status_sequence > (before.status_sequence if before else 0)
    return replace(
        opened,
        status=decision.status,
        custom_status=decision.custom_status,
        reason=decision.reason,
        output=decision.output,
        blobs={"Output": ending.blobs["Result"]} if ending and "Result" in ending.blobs else {},
        completed_at=now if ending else None,
        updated_at=max(now, before.updated_at) if before else now,
        sequence=opened.sequence + len(rows),
        episode=episode,
        unsent=unsent,
        status_sequence=opened.status_sequence + (1 if shows and not is_counted else 0),
        commit_id=commit_id,
    )


def sends(event: HistoryEvent) -> bool:
    """Say whether the fact asks for a message."""
    return isinstance(event, TaskScheduled | TimerCreated)
