"""Rewind: a failed instance goes on from before the episode in which it failed.

The last episode counts as not done. What it consumed comes again, but for the failed answer that
ended it; and every task that still owes an answer is asked for anew, for answers that came after
the end were dropped. Children are not started anew: each is asked to answer, and rewound itself if
it had failed. Only one that is no more (purged, replaced), or was refused, is begun again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.ledger import Ledger
from durable.model.history import (
    EntityOperationCalled,
    EntityOperationFailed,
    ExecutionCompleted,
    ExecutionRewound,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    RewindSent,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import life_of_child
from durable.replay.decision import Decision
from durable.storage.outbox import sends
from durable.storage.payloads import fetch_all
from durable.storage.port import BlobStore

FAILED = TaskFailed | SubOrchestrationInstanceFailed | EntityOperationFailed


async def rewound(
    store: BlobStore, rows: Sequence[HistoryRow], inputs: Sequence[TaskMessage]
) -> tuple[list[HistoryRow], list[TaskMessage]]:
    """Return the rows that still count, and the inputs with the old ones that come again."""
    ended = next(row for row in reversed(rows) if isinstance(row.event, ExecutionCompleted))
    voided = [row for row in rows if row.episode == ended.episode]
    consumed = [row for row in voided if _is_input(row.event)]
    if consumed and isinstance(consumed[-1].event, FAILED):
        consumed.pop()
    events = await fetch_all(store, [(row.event, row.blobs) for row in consumed])
    old = [
        replace(inputs[0], event=event, blobs=row.blobs, message_id=row.message_id)
        for row, event in zip(consumed, events, strict=True)
    ]
    new = [
        replace(m, event=replace(m.event, voided_episode=ended.episode))
        if isinstance(m.event, ExecutionRewound)
        else m
        for m in inputs
    ]
    return [row for row in rows if row.episode != ended.episode], [*new[:1], *old, *new[1:]]


def _is_input(event: HistoryEvent) -> bool:
    return not sends(event) and not isinstance(
        event, OrchestratorStarted | OrchestratorCompleted | ExecutionCompleted | ExecutionRewound
    )


async def with_tasks_asked_anew(
    store: BlobStore, decision: Decision, rows: Sequence[HistoryRow]
) -> Decision:
    """Add to the decision over a rewind what its open tasks are asked for anew with.

    `rows` are those that count; what the decision itself asks for is not among them. Raises
    `BlobMissing` where an input is gone.
    """
    if decision.status.is_terminal or decision.continued is not None:
        return decision  # nobody waits any more
    *facts, completed = decision.facts
    ledger = Ledger()
    if rows:
        ledger.note(rows, rows[0].execution_id, all_rows=rows)
    answered = ledger.answered | {answered_task_id(fact) for fact in facts}
    open_ = [row for row in rows if sends(row.event) and row.event.event_id not in answered]
    events = await fetch_all(store, [(row.event, row.blobs) for row in open_])
    filled = [replace(row, event=event) for row, event in zip(open_, events, strict=True)]
    anew = _asked_anew(filled, ledger.runs, completed.timestamp)
    return replace(decision, facts=(*facts, *anew, completed))


def _asked_anew(
    rows: Sequence[HistoryRow], runs: Mapping[int, int], time: datetime
) -> list[HistoryEvent]:
    facts: list[HistoryEvent] = []
    seen: set[int] = set()
    for row in rows:
        fact = row.event
        if fact.event_id in seen:
            continue
        run = runs.get(fact.event_id, 0) + 1
        match fact:
            case TaskScheduled() | TimerCreated() | EntityOperationCalled():
                facts.append(replace(fact, timestamp=time, run=run))
            case SubOrchestrationInstanceCreated(is_detached=False):
                life_id = life_of_child(row.execution_id, fact.event_id)
                facts.append(
                    RewindSent(
                        timestamp=time,
                        instance_id=fact.instance_id,
                        life_id=life_id,
                        task_scheduled_id=fact.event_id,
                        run=run,
                        name=fact.name,
                        version=fact.version,
                        input=fact.input,
                    )
                )
            case _:
                continue
        seen.add(fact.event_id)
    return facts


def again(opened: InstanceRecord, rewind: HistoryEvent, *, now: datetime) -> Decision:
    """Let a child that has ended, and not failed, give its answer once more."""
    ended = ExecutionCompleted(
        timestamp=now, orchestration_status=opened.status, result=opened.output
    )
    started, completed = OrchestratorStarted(timestamp=now), OrchestratorCompleted(timestamp=now)
    return Decision(
        facts=(started, rewind, ended, completed),
        consumed=1,
        status=opened.status,
        output=opened.output,
        custom_status=opened.custom_status,
    )
