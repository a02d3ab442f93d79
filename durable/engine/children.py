"""Children of an execution that is terminated end with it (those that still owe their answer)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.model.history import (
    ExecutionCompleted,
    ExecutionTerminated,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TerminationSent,
    answered_task_id,
)
from durable.model.instance import HistoryRow
from durable.model.parents import life_of_child
from durable.replay.decision import Decision


def with_children_ended(decision: Decision, rows: Sequence[HistoryRow]) -> Decision:
    """Add to a termination that of the open children; `rows` are those of the execution.

    They stand before the end, in the order in which the children were started. A child that the
    terminated episode would have started was never asked for.
    """
    asked = next((e for e in decision.facts if isinstance(e, ExecutionTerminated)), None)
    if asked is None or not asked.is_recursive:
        return decision
    facts: list[HistoryEvent] = []
    for fact in decision.facts:
        if isinstance(fact, ExecutionCompleted):
            facts.extend(_terminations(decision, rows, asked.input, fact.timestamp))
        facts.append(fact)
    return replace(decision, facts=tuple(facts))


def _terminations(
    decision: Decision, rows: Sequence[HistoryRow], reason: str | None, time: datetime
) -> list[TerminationSent]:
    events = [*(row.event for row in rows), *decision.facts]
    answered = {answered_task_id(event) for event in events}
    return [
        TerminationSent(
            timestamp=time,
            instance_id=row.event.instance_id,
            life_id=life_of_child(row.execution_id, row.event.event_id),
            input=reason,
        )
        for row in rows
        if isinstance(row.event, SubOrchestrationInstanceCreated)
        and not row.event.is_detached
        and row.event.event_id not in answered
    ]
