"""Bring the code to where its history ends, checking each episode against what it recorded."""

from collections.abc import Mapping, Sequence

from durable.model.history import (
    EntityOperationCalled,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionSuspended,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    Scheduling,
    TaskScheduled,
    TimerCreated,
)
from durable.model.status import RuntimeStatus
from durable.replay.determinism import NOTHING, Mismatch, NonDeterminism, describe, event_of
from durable.replay.executor import Execution
from durable.replay.suspension import take

WAITING = "that the orchestrator goes on waiting"
THE_END = "the end of the orchestrator"
ERROR_CHARS_MAX = 500


def replay(execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """Run the code over this history. Raises `NonDeterminism` where it does something else."""
    asked = [event for event in history if isinstance(event, Scheduling) and _is_of_code(event)]
    recorded = {event.event_id: event for event in asked}
    execution.docket.recorded = recorded
    due, is_parked = 0, False
    end: ExecutionCompleted | None = None
    for event in history:
        execution.surroundings.note(event)
        match event:
            case OrchestratorStarted():
                is_parked = False
                execution.surroundings.begin_episode(event.timestamp)
            case OrchestratorCompleted():
                if end is None or end.orchestration_status is not RuntimeStatus.TERMINATED:
                    _check_episode(execution, recorded, due, is_over=end is not None)
                    _check_end(execution, end)
            case ExecutionCompleted():
                end = event
            case _ if isinstance(event, Scheduling):
                # Behind the end the engine releases what the code has left open.
                due += 1 if _is_of_code(event) and end is None else 0
            case ExecutionResumed() if is_parked:
                pass  # the resume that this episode came from found no code that fits
            case _:
                is_parked = is_parked or (isinstance(event, ExecutionSuspended) and event.is_parked)
                take(execution, event)


def _is_of_code(event: Scheduling) -> bool:
    """Whether the code asked for this.

    A rewind has tasks asked for anew, and the engine releases the sections of who has ended.
    """
    repeatable = TaskScheduled | TimerCreated | EntityOperationCalled
    is_repeat = isinstance(event, repeatable) and event.run is not None
    return event.event_id >= 0 and not is_repeat


def _check_episode(
    execution: Execution, recorded: Mapping[int, Scheduling], due: int, *, is_over: bool
) -> None:
    """The episode must have asked for as many tasks as it recorded, and ended only if it did."""
    asked = execution.tasks_scheduled
    if asked == due and not (execution.is_ended and not is_over):
        return
    expected, actual, event = WAITING, _end_of(execution), None
    if asked < due:
        event = event_of(recorded[asked])
        expected = describe(recorded[asked])
        actual = _end_of(execution) if execution.is_ended else NOTHING
    elif asked > due:
        unrecorded = next((a for a in execution.docket.actions if a.task_id == due), None)
        expected, actual = NOTHING, describe(unrecorded or recorded[due]) + " (at this point)"
    raise NonDeterminism(_mismatch(execution, min(asked, due), expected, actual, event))


def _check_end(execution: Execution, end: ExecutionCompleted | None) -> None:
    """An execution that is over must have ended as it did, with what it returned."""
    if end is None:
        return
    event = type(end).__name__
    task_id = execution.tasks_scheduled
    now = _status_of(execution)
    then = end.orchestration_status
    if now is not then:
        actual = WAITING if now is None else _end_of(execution, now.value)
        expected = f"{THE_END} ({then.value})"
        raise NonDeterminism(_mismatch(execution, task_id, expected, actual, event))
    output = execution.output if execution.continues is None else execution.continues
    if then is RuntimeStatus.FAILED or output == end.result:
        return
    mismatch = _mismatch(
        execution, task_id, f"{THE_END} with {end.result}", f"{THE_END} with {output}", event
    )
    if execution.docket.strict:
        raise NonDeterminism(mismatch)
    execution.docket.warnings.append(mismatch.explain())


def _end_of(execution: Execution, status: str | None = None) -> str:
    """Name the end, and what it failed with: else nobody could tell a fault from a `return`."""
    error = _error_of(execution)
    told = status if error is None else f"{RuntimeStatus.FAILED.value}: {error}"
    return f"{THE_END} ({told})" if told else THE_END


def _error_of(execution: Execution) -> str | None:
    """Tell an error in one line: that of a failed task has a whole traceback in its text."""
    failure = execution.failure
    if failure is None:
        return None
    line = failure.error_message.partition("\n")[0].strip()
    return f"{failure.error_type}: {line}"[:ERROR_CHARS_MAX] if line else failure.error_type


def _status_of(execution: Execution) -> RuntimeStatus | None:
    if not execution.is_ended:
        return None
    if execution.failure is not None:
        return RuntimeStatus.FAILED
    if execution.continues is not None:
        return RuntimeStatus.CONTINUED_AS_NEW
    return RuntimeStatus.COMPLETED


def _mismatch(
    execution: Execution, task_id: int, expected: str, actual: str, event: str | None
) -> Mismatch:
    return Mismatch(
        task_id=task_id,
        event=event,
        expected=expected,
        actual=actual,
        where=execution.where(),
        version=execution.surroundings.version,
        error=_error_of(execution) if actual.startswith(THE_END) else None,
    )
