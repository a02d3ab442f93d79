"""Decisions that run no code: an instance that is parked, and one that is ended while it is.

Nothing is lost: what arrives for a parked instance is recorded, in order, and waits there.
"""

from collections.abc import Sequence
from datetime import datetime

from durable.model.history import (
    ExecutionCompleted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
)
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision

REASON_CHARS_MAX = 4096


def park(
    arrived: Sequence[HistoryEvent],
    *,
    now: datetime,
    reason: str,
    custom_status: str | None,
    is_parked: bool,
) -> Decision:
    """Record what arrived without running anything; note the parking where it is not noted yet."""
    facts: list[HistoryEvent] = [OrchestratorStarted(timestamp=now)]
    reason = reason[:REASON_CHARS_MAX]
    status, output, consumed = RuntimeStatus.SUSPENDED, None, 0
    for event in arrived:
        facts.append(event)
        consumed += 1
        if isinstance(event, ExecutionTerminated):
            status, output = RuntimeStatus.TERMINATED, event.input
            facts.append(
                ExecutionCompleted(timestamp=now, orchestration_status=status, result=output)
            )
            break
    if status is RuntimeStatus.SUSPENDED and not is_parked:
        facts.append(ExecutionSuspended(timestamp=now, reason=reason))
    facts.append(OrchestratorCompleted(timestamp=now))
    return Decision(
        facts=tuple(facts),
        consumed=consumed,
        status=status,
        output=output,
        custom_status=custom_status,
        reason=reason if status is RuntimeStatus.SUSPENDED else None,
    )
