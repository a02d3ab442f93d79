"""Decisions that run no code: an instance that is parked or suspended, or ends without it.

Nothing is lost: what arrives is recorded, in order, and a resume applies it. The parking is noted
before what arrived with it, so that a replay holds that back too.
"""

from collections.abc import Sequence
from datetime import datetime

from durable.model.failures import FailureDetails
from durable.model.history import (
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
)
from durable.model.status import RuntimeStatus
from durable.model.values import encode_value
from durable.replay.decision import Decision

REASON_CHARS_MAX = 4096


def park(
    arrived: Sequence[HistoryEvent],
    *,
    now: datetime,
    reason: str,
    custom_status: str | None,
    is_parked: bool,
    parent_instance: str | None = None,
) -> Decision:
    """Record what arrived without running anything; note the parking where it is not noted yet.

    `is_parked`: the instance is suspended already, for whatever reason, and stays so. A resume
    that came to nothing, because the code is still wrong, is parked anew.
    """
    reason = reason[:REASON_CHARS_MAX]
    ends = next((n for n, e in enumerate(arrived) if isinstance(e, ExecutionTerminated)), None)
    inputs = list(arrived if ends is None else arrived[: ends + 1])
    facts: list[HistoryEvent] = [OrchestratorStarted(timestamp=now)]
    is_noted = is_parked and not any(isinstance(e, ExecutionResumed) for e in inputs)
    if ends is None and not is_noted:
        facts.append(ExecutionSuspended(timestamp=now, reason=reason, is_parked=True))
    facts.extend(inputs)
    status, output = RuntimeStatus.SUSPENDED, None
    if ends is not None:
        last = inputs[-1]
        assert isinstance(last, ExecutionTerminated)
        status, output = RuntimeStatus.TERMINATED, last.input
        facts.append(
            ExecutionCompleted(
                timestamp=now,
                orchestration_status=status,
                result=output,
                parent_instance=parent_instance,
            )
        )
    facts.append(OrchestratorCompleted(timestamp=now))
    return Decision(
        facts=tuple(facts),
        consumed=len(inputs),
        status=status,
        output=output,
        custom_status=custom_status,
        reason=reason if status is RuntimeStatus.SUSPENDED else None,
    )


def fail(
    arrived: Sequence[HistoryEvent],
    *,
    now: datetime,
    reason: str,
    error_type: str,
    custom_status: str | None,
    parent_instance: str | None = None,
) -> Decision:
    """Record what arrived, and that the execution has failed for a reason outside of its code."""
    text = encode_value(reason, what="reason")
    ended = ExecutionCompleted(
        timestamp=now,
        orchestration_status=RuntimeStatus.FAILED,
        result=text,
        failure_details=FailureDetails(error_type=error_type, error_message=reason),
        parent_instance=parent_instance,
    )
    return Decision(
        facts=(
            OrchestratorStarted(timestamp=now),
            *arrived,
            ended,
            OrchestratorCompleted(timestamp=now),
        ),
        consumed=len(arrived),
        status=RuntimeStatus.FAILED,
        output=text,
        custom_status=custom_status,
    )
