"""decide: one pass of an orchestrator over its history. The only door of this room.

An episode is recorded as OrchestratorStarted, the inputs in the order in which they were applied,
what the code asked for, ExecutionCompleted if it ended, OrchestratorCompleted. The brackets matter:
the time that the code saw belongs to them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from durable.model.history import (
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    Scheduling,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.status import RuntimeStatus
from durable.model.values import encode_value
from durable.replay.context import DurableOrchestrationContext
from durable.replay.decision import Decision, Divergence
from durable.replay.determinism import NOTHING, Mismatch, NonDeterminism, describe
from durable.replay.executor import Execution, Orchestrator


def decide(
    history: Sequence[HistoryEvent],
    arrived: Sequence[HistoryEvent],
    orchestrator: Orchestrator,
    *,
    now: datetime,
    instance_id: InstanceId,
    execution_id: ExecutionId,
    live: Execution | None = None,
    strict_arguments: bool = False,
) -> Decision | Divergence:
    """Apply what arrived after the history and say what follows. Never raises for the user's faults.

    The first of `history`, or of `arrived` where there is no history, is the ExecutionStarted.
    `live` is an execution that stands exactly behind `history`; without one the code is replayed.
    """
    execution = live
    try:
        if execution is None:
            execution = _create(
                (*history, *arrived), orchestrator, instance_id, execution_id, strict_arguments
            )
            _replay(execution, history)
        return _advance(execution, arrived, _episode_time(execution, arrived, now))
    except NonDeterminism as divergence:
        if execution is not None:
            execution.drop()
        return Divergence(mismatch=divergence.mismatch)


def _create(
    events: Iterable[HistoryEvent],
    orchestrator: Orchestrator,
    instance_id: InstanceId,
    execution_id: ExecutionId,
    strict: bool,
) -> Execution:
    started = next(event for event in events if isinstance(event, ExecutionStarted))
    context = DurableOrchestrationContext(
        instance_id=instance_id,
        execution_id=execution_id,
        name=started.name,
        input_=started.input,
    )
    return Execution(orchestrator, context, strict=strict)


def _replay(execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """Bring the code to where the history ends, checking every episode against what it recorded."""
    recorded: dict[int, Scheduling] = {
        event.event_id: event for event in history if isinstance(event, TaskScheduled | TimerCreated)
    }
    execution.recorded = recorded
    due = 0
    for event in history:
        match event:
            case OrchestratorStarted():
                execution.context._begin_episode(event.timestamp, is_replaying=True)  # noqa: SLF001
            case OrchestratorCompleted():
                _check_episode(execution, recorded, due)
            case TaskScheduled() | TimerCreated():
                due += 1
            case ExecutionCompleted():
                pass
            case _:
                _apply(execution, event)


def _check_episode(execution: Execution, recorded: dict[int, Scheduling], due: int) -> None:
    """The episode must have asked for as many tasks as it recorded: no more, no fewer."""
    asked = execution.tasks_scheduled
    if asked == due:
        return
    if asked < due:
        task_id, expected, actual = asked, describe(recorded[asked]), NOTHING
    else:
        task_id, expected = due, NOTHING
        unrecorded = next((a for a in execution.actions if a.task_id == due), None)
        actual = describe(unrecorded or recorded[due]) + " (at this point)"
    if execution.is_ended and actual == NOTHING:
        actual = "the end of the orchestrator"
    raise NonDeterminism(
        Mismatch(task_id=task_id, expected=expected, actual=actual, where=execution.where())
    )


def _apply(execution: Execution, event: HistoryEvent) -> None:
    if isinstance(event, ExecutionStarted):
        execution.start()
    elif isinstance(event, ExecutionTerminated):
        execution.drop()
    elif not execution.is_ended:
        execution.apply(event)


def _episode_time(
    execution: Execution, arrived: Sequence[HistoryEvent], now: datetime
) -> datetime:
    """Never before the last episode, never before a timer that fires in this one."""
    fired = (event.fire_at for event in arrived if isinstance(event, TimerFired))
    return max(now, execution.context._now, *fired)  # noqa: SLF001


def _advance(execution: Execution, arrived: Sequence[HistoryEvent], time: datetime) -> Decision:
    execution.recorded = {}
    execution.actions = []
    execution.warnings, warnings = [], execution.warnings
    execution.context._begin_episode(time, is_replaying=False)  # noqa: SLF001
    consumed = 0
    reason: str | None = None
    terminated = False
    for event in arrived:
        if execution.is_ended:
            break
        _apply(execution, event)
        consumed += 1
        if isinstance(event, ExecutionTerminated):
            terminated, reason = True, event.input
    facts: list[HistoryEvent] = [OrchestratorStarted(timestamp=time), *arrived[:consumed]]
    ended = _ending(execution, time, terminated=terminated, reason=reason)
    if not terminated:
        # What a terminated orchestrator asked for in this very episode is not sent any more.
        facts.extend(action.to_fact(time) for action in execution.actions)
    execution.actions = []
    if ended is not None:
        facts.append(ended)
    facts.append(OrchestratorCompleted(timestamp=time))
    return Decision(
        facts=tuple(facts),
        consumed=consumed,
        status=ended.orchestration_status if ended else RuntimeStatus.RUNNING,
        output=ended.result if ended else None,
        custom_status=execution.context._custom_status,  # noqa: SLF001
        execution=execution,
        warnings=tuple(warnings),
    )


def _ending(
    execution: Execution, time: datetime, *, terminated: bool, reason: str | None
) -> ExecutionCompleted | None:
    if terminated:
        status, result, failure = RuntimeStatus.TERMINATED, reason, None
    elif not execution.is_ended:
        return None
    elif execution.failure is not None:
        failure = execution.failure
        name = execution.context._name  # noqa: SLF001
        text = f"Orchestrator function '{name}' failed: {failure.error_message}"
        status, result = RuntimeStatus.FAILED, encode_value(text, what="failure")
    else:
        status, result, failure = RuntimeStatus.COMPLETED, execution.output, None
    return ExecutionCompleted(
        timestamp=time, orchestration_status=status, result=result, failure_details=failure
    )
