"""decide: one pass of an orchestrator over its history. The only door of this room.

An episode is recorded as OrchestratorStarted, the inputs in the order in which they were applied,
what the code asked for, ExecutionCompleted if it ended, OrchestratorCompleted. The brackets matter:
the time that the code saw belongs to them.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime

from durable.model.errors import MalformedMessageError
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
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.model.values import encode_value
from durable.replay.context import Surroundings
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
    live: Execution | None = None,
    strict_arguments: bool = False,
) -> Decision | Divergence:
    """Apply what arrived after the history; say what follows. Never raises for a user's fault.

    The first of `history`, or of `arrived` where there is no history, is the ExecutionStarted.
    `live` is an execution that stands exactly behind `history`; without one the code is replayed.
    """
    execution = live
    try:
        if execution is None:
            execution = _create(
                _first_start(history, arrived), orchestrator, instance_id, strict=strict_arguments
            )
            _replay(execution, history)
        return _advance(execution, arrived, _episode_time(execution, arrived, now))
    except NonDeterminism as divergence:
        if execution is not None:
            execution.drop()
        return Divergence(mismatch=divergence.mismatch)


def _first_start(
    history: Sequence[HistoryEvent], arrived: Sequence[HistoryEvent]
) -> ExecutionStarted:
    for event in itertools.chain(history, arrived):
        if isinstance(event, ExecutionStarted):
            return event
    raise MalformedMessageError("A history without its ExecutionStarted can't be replayed.")


def _create(
    started: ExecutionStarted, orchestrator: Orchestrator, instance_id: InstanceId, *, strict: bool
) -> Execution:
    surroundings = Surroundings(instance_id=instance_id, name=started.name, input=started.input)
    return Execution(orchestrator, surroundings, strict=strict)


def _replay(execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """Bring the code to where the history ends, checking every episode against what it recorded."""
    recorded: dict[int, Scheduling] = {
        event.event_id: event
        for event in history
        if isinstance(event, TaskScheduled | TimerCreated)
    }
    execution.recorded = recorded
    due, is_over = 0, False
    for event in history:
        match event:
            case OrchestratorStarted():
                execution.surroundings.now = event.timestamp
            case OrchestratorCompleted():
                _check_episode(execution, recorded, due, is_over=is_over)
            case TaskScheduled() | TimerCreated():
                due += 1
            case ExecutionCompleted():
                is_over = True
            case _:
                _apply(execution, event)


def _check_episode(
    execution: Execution, recorded: dict[int, Scheduling], due: int, *, is_over: bool
) -> None:
    """The episode must have asked for as many tasks as it recorded, and ended only if it did."""
    asked = execution.tasks_scheduled
    if asked == due and not (execution.is_ended and not is_over):
        return
    expected, actual = "that the orchestrator goes on waiting", "the end of the orchestrator"
    if asked < due:
        expected = describe(recorded[asked])
        actual = actual if execution.is_ended else NOTHING
    elif asked > due:
        unrecorded = next((a for a in execution.actions if a.task_id == due), None)
        expected, actual = NOTHING, describe(unrecorded or recorded[due]) + " (at this point)"
    raise NonDeterminism(
        Mismatch(task_id=min(asked, due), expected=expected, actual=actual, where=execution.where())
    )


def _apply(execution: Execution, event: HistoryEvent) -> None:
    if isinstance(event, ExecutionStarted):
        execution.start()
    elif isinstance(event, ExecutionTerminated):
        execution.drop()
    elif not execution.is_ended:
        execution.apply(event)


def _episode_time(execution: Execution, arrived: Sequence[HistoryEvent], now: datetime) -> datetime:
    """Never before the last episode, never before a timer that fires in this one."""
    fired = (event.fire_at for event in arrived if isinstance(event, TimerFired))
    return max(now, execution.surroundings.now, *fired)


def _advance(execution: Execution, arrived: Sequence[HistoryEvent], time: datetime) -> Decision:
    execution.recorded = {}
    execution.actions = []
    execution.warnings, warnings = [], execution.warnings
    execution.surroundings.now, execution.surroundings.is_replaying = time, False
    shown_before = execution.surroundings.custom_status
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
        # What a terminated orchestrator did in this very episode counts as not done: nothing is
        # sent, nothing is shown, as if the terminate had come first.
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
        custom_status=shown_before if terminated else execution.surroundings.custom_status,
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
        name = execution.surroundings.name
        text = f"Orchestrator function '{name}' failed: {failure.error_message}"
        status, result = RuntimeStatus.FAILED, encode_value(text, what="failure")
    else:
        status, result, failure = RuntimeStatus.COMPLETED, execution.output, None
    return ExecutionCompleted(
        timestamp=time, orchestration_status=status, result=result, failure_details=failure
    )
