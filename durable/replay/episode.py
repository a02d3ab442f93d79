"""decide: one pass of an orchestrator over its history. The only door of this room.

An episode is recorded as OrchestratorStarted, the inputs in the order in which they were applied,
what the code asked for, ExecutionCompleted if it ended, OrchestratorCompleted. The brackets matter:
the time that the code saw belongs to them.
"""

import itertools
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    StartRefused,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.status import RuntimeStatus
from durable.model.types_of_app import NoTypes, TypesOfApp
from durable.model.values import encode_value
from durable.replay.code import Orchestrator
from durable.replay.decision import Continuation, Decision, Divergence
from durable.replay.determinism import NonDeterminism
from durable.replay.docket import Docket
from durable.replay.executor import Execution
from durable.replay.replaying import replay
from durable.replay.surroundings import HTTP_POLL, Surroundings
from durable.replay.suspension import take


def decide(
    history: Sequence[HistoryEvent],
    arrived: Sequence[HistoryEvent],
    orchestrator: Orchestrator,
    *,
    now: datetime,
    instance_id: InstanceId,
    execution_id: ExecutionId | None = None,
    live: Execution | None = None,
    strict_arguments: bool = False,
    types: TypesOfApp | None = None,
    http_poll: timedelta = HTTP_POLL,
) -> Decision | Divergence:
    """Apply what arrived after the history; say what follows. Never raises for a user's fault.

    The first ExecutionStarted of `history`, or of `arrived`, begins the execution; the history is
    that of this execution alone, without the episode that a rewind has made void. `live` is an
    execution that stands exactly behind `history`; without one the code is replayed.
    `execution_id` is taken from the start where it is not given. `http_poll` is how long
    `call_http` waits where a 202 does not say.
    """
    execution = live
    try:
        if execution is None:
            started = _first_start(history, arrived)
            surroundings = Surroundings(
                instance_id=instance_id,
                name=started.name,
                input=started.input,
                docket=Docket(version=started.version, strict=strict_arguments),
                execution_id=execution_id or _execution_id_of(started),
                version=started.version,
                parent_instance=started.parent_instance,
                types=types or NoTypes(),
                http_poll=http_poll,
            )
            execution = Execution(orchestrator, surroundings)
            replay(execution, history)
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


def _execution_id_of(started: ExecutionStarted) -> ExecutionId | None:
    """Read it out of DTFx's OrchestrationInstance, where there is one."""
    try:
        return ExecutionId(json.loads(started.orchestration_instance or "{}")["ExecutionId"])
    except (KeyError, TypeError, ValueError):
        return None


def _episode_time(execution: Execution, arrived: Sequence[HistoryEvent], now: datetime) -> datetime:
    """Never before the last episode, never before a timer that fires in this one."""
    fired = (event.fire_at for event in arrived if isinstance(event, TimerFired))
    return max(now, execution.surroundings.now, *fired)


def _advance(execution: Execution, arrived: Sequence[HistoryEvent], time: datetime) -> Decision:
    docket, surroundings = execution.docket, execution.surroundings
    docket.recorded, docket.actions = {}, []
    docket.warnings, warnings = [], docket.warnings
    surroundings.begin_episode(time)
    surroundings.is_replaying = False
    shown = surroundings.custom_status, surroundings.sets_custom_status
    surroundings.note(OrchestratorStarted(timestamp=time))
    taken, carried = _take_each(execution, arrived)
    last = taken[-1] if taken else None
    terminated = isinstance(last, ExecutionTerminated)
    reason = last.input if isinstance(last, ExecutionTerminated) else None
    ended = _ending(execution, time, terminated=terminated, reason=reason)
    behind: list[HistoryEvent] = []
    if not terminated:
        # What a terminated orchestrator did in this very episode counts as not done: nothing is
        # sent, nothing is shown, as if the terminate had come first.
        behind.extend(action.to_fact(time) for action in docket.actions)
        shown = surroundings.custom_status, surroundings.sets_custom_status
    docket.actions = []
    if ended is not None:
        behind.append(ended)
    behind.append(OrchestratorCompleted(timestamp=time))
    surroundings.note(*behind)
    continued = _continuation(execution, ended, carried)
    return Decision(
        facts=(OrchestratorStarted(timestamp=time), *taken, *behind),
        consumed=len(taken),
        status=_status(execution, ended),
        output=ended.result if ended and continued is None else None,
        custom_status=shown[0],
        sets_custom_status=shown[1],
        continued=continued,
        execution=execution if continued is None else None,
        reason=execution.suspended_because if ended is None else None,
        warnings=tuple(warnings),
    )


def _take_each(
    execution: Execution, arrived: Sequence[HistoryEvent]
) -> tuple[Sequence[HistoryEvent], Sequence[EventRaised]]:
    """Take inputs until the code ends. Return them, and the held events that it left over.

    A refusal that comes right behind the end is taken too: the one that was refused waits for it.
    """
    left: Sequence[EventRaised] = ()
    for n, event in enumerate(arrived):
        if execution.is_ended and not isinstance(event, StartRefused):
            return arrived[:n], left
        execution.surroundings.note(event)
        left = take(execution, event) or left
    return arrived, left


def _continuation(
    execution: Execution, ended: ExecutionCompleted | None, held: Sequence[EventRaised]
) -> Continuation | None:
    if ended is None or ended.orchestration_status is not RuntimeStatus.CONTINUED_AS_NEW:
        return None
    execution.drop()
    return Continuation(input=ended.result or "null", carried=(*execution.unread(), *held))


def _status(execution: Execution, ended: ExecutionCompleted | None) -> RuntimeStatus:
    if ended is not None:
        return ended.orchestration_status
    return RuntimeStatus.SUSPENDED if execution.is_suspended else RuntimeStatus.RUNNING


def _ending(
    execution: Execution, time: datetime, *, terminated: bool, reason: str | None
) -> ExecutionCompleted | None:
    failure = execution.failure
    if terminated:
        status, result, failure = RuntimeStatus.TERMINATED, reason, None
    elif not execution.is_ended:
        return None
    elif failure is not None:
        name = execution.surroundings.name
        text = f"Orchestrator function '{name}' failed: {failure.text}"
        status, result = RuntimeStatus.FAILED, encode_value(text, what="failure")
    elif execution.continues is not None:
        # No end of the child: the execution that follows answers the parent.
        return ExecutionCompleted(
            timestamp=time,
            orchestration_status=RuntimeStatus.CONTINUED_AS_NEW,
            result=execution.continues,
        )
    else:
        status, result = RuntimeStatus.COMPLETED, execution.output
    return ExecutionCompleted(
        timestamp=time,
        orchestration_status=status,
        result=result,
        failure_details=failure,
        parent_instance=execution.surroundings.parent_instance,
    )
