"""Take one input: apply it, or hold it while the instance is suspended.

Between ExecutionSuspended and ExecutionResumed inputs are recorded and not applied; a resume
applies them, one by one and in order, as part of its own episode. A terminate works at once.
"""

from collections.abc import Sequence

from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    RewindSent,
    StartRefused,
    TerminationSent,
)
from durable.replay.executor import Execution


def take(execution: Execution, event: HistoryEvent) -> Sequence[EventRaised]:
    """Take an input. Return the events that were held and came to nobody, as the code has ended."""
    match event:
        case ExecutionTerminated():
            execution.drop()
        case ExecutionSuspended():
            if not execution.is_suspended:
                execution.is_suspended = True
                execution.suspended_because = event.reason
            elif event.is_parked:
                execution.suspended_because = event.reason
        case ExecutionResumed():
            return _resume(execution)
        case ExecutionRewound() | StartRefused() | TerminationSent() | RewindSent():
            pass
        case _ if execution.is_suspended:
            execution.held.append(event)
        case _:
            _apply(execution, event)
    return ()


def _resume(execution: Execution) -> Sequence[EventRaised]:
    execution.is_suspended, execution.suspended_because = False, None
    held, execution.held = execution.held, []
    for n, event in enumerate(held):
        _apply(execution, event)
        if execution.is_ended:
            return [late for late in held[n + 1 :] if isinstance(late, EventRaised)]
    return ()


def _apply(execution: Execution, event: HistoryEvent) -> None:
    if isinstance(event, ExecutionStarted):
        execution.start()
    elif not execution.is_ended:
        execution.apply(event)
