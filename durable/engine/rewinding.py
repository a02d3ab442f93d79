"""Rewind: a failed instance goes on from before the episode in which it failed.

The last episode counts as not done. What it consumed comes again, but for the failed answer that
ended it; and every task that still owes an answer is asked for anew, for answers that came after
the end were dropped. Where a resume ended it, what that let go comes again too, but for all failed
answers. Children are not started anew: each is asked to answer, and rewound itself if it had
failed. Only one that is no more (purged, replaced), or was refused, is begun again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.ledger import Ledger
from durable.model.history import (
    EntityOperationCalled,
    EntityOperationFailed,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionSuspended,
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
    consumed = [row for row in rows if row.episode == ended.episode and _is_input(row.event)]
    voided = {ended.episode, *_held_episodes(rows, consumed)}
    if len(voided) > 1:
        listed = [row for row in rows if row.episode in voided and _is_input(row.event)]
        consumed = [row for row in listed if not isinstance(row.event, FAILED)]
    elif consumed and isinstance(consumed[-1].event, FAILED):
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
    held = [
        replace(
            new[0],
            event=ExecutionRewound(timestamp=new[0].event.timestamp, voided_episode=episode),
            message_id=None,
        )
        for episode in sorted(voided - {ended.episode})
    ]
    return [row for row in rows if row.episode not in voided], [*new[:1], *held, *old, *new[1:]]


def _held_episodes(rows: Sequence[HistoryRow], consumed: Sequence[HistoryRow]) -> set[int]:
    """Find where that was recorded, without being applied, which a resume let go and which failed.

    In these episodes no code ran. Nothing is found where no answer among them is a failed one: the
    code has failed by itself.
    """
    last = consumed[-1] if consumed else None
    if last is None or not isinstance(last.event, ExecutionResumed):
        return set()
    since = _suspended_in([row for row in rows if row.ordinal < last.ordinal])
    held = [row for row in rows if since is not None and since < row.episode < last.episode]
    if not any(isinstance(row.event, FAILED) for row in held):
        return set()
    return {row.episode for row in held}


def _suspended_in(rows: Sequence[HistoryRow]) -> int | None:
    """Find the episode behind which nothing was applied any more.

    One that parked has applied nothing either. A resume that was parked anew has let nothing go.
    """
    since: int | None = None
    is_parked = False
    for row in rows:
        match row.event:
            case OrchestratorStarted():
                is_parked = False
            case ExecutionSuspended():
                is_parked = is_parked or row.event.is_parked
                if since is None:
                    since = row.episode - 1 if is_parked else row.episode
            case ExecutionResumed() if not is_parked:
                since = None
            case _:
                pass
    return since


def _is_input(event: HistoryEvent) -> bool:
    if isinstance(event, ExecutionSuspended) and event.is_parked:
        return False  # the engine's own note; what was parked is let go
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
