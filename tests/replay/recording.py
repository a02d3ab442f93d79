"""An orchestration as data: facts in, decisions out, each decided warm and cold.

`Recording` plays the engine's part without an engine: what a decision says becomes history. Every
episode is decided twice, by the live generator and by a cold replay of the history; the two must
come to the same facts, in each test of this folder.
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from durable.model.failures import FailureDetails
from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.types_of_app import TypesOfApp
from durable.model.values import decode_value, encode_value
from durable.replay.context import DurableOrchestrationContext
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.replay.executor import Execution

START = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCE = InstanceId("instance")
EXECUTION = ExecutionId("e" * 32)

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]
Orchestrator = Callable[..., Any]


def started(input_: Any = None, *, name: str = "orchestrator") -> ExecutionStarted:
    """Start with this input."""
    return ExecutionStarted(
        timestamp=START, name=name, input=encode_value(input_, what="input"), generation=1
    )


def completed(task_id: int, result: Any = None) -> TaskCompleted:
    """Answer a task."""
    text = encode_value(result, what="result")
    return TaskCompleted(timestamp=START, task_scheduled_id=task_id, result=text)


def failed(task_id: int, message: str = "no luck", *, error_type: str = "OSError") -> TaskFailed:
    """Answer a task with a failure."""
    return TaskFailed(
        timestamp=START,
        task_scheduled_id=task_id,
        reason=f"Activity function 'a' failed: {message}",
        details=f"details of {message}",
        failure_details=FailureDetails(error_type=error_type, error_message=message),
    )


def fired(timer_id: int, after_s: float = 0) -> TimerFired:
    """Fire a timer that was due so long after the start."""
    fire_at = START + timedelta(seconds=after_s)
    return TimerFired(timestamp=fire_at, timer_id=timer_id, fire_at=fire_at)


def raised(name: str, data: Any = None) -> EventRaised:
    """Raise an external event."""
    return EventRaised(timestamp=START, name=name, input=encode_value(data, what="data"))


def terminated(reason: Any = None) -> ExecutionTerminated:
    """Ask for the end."""
    return ExecutionTerminated(timestamp=START, input=encode_value(reason, what="reason"))


def suspended(reason: str | None = None) -> ExecutionSuspended:
    """Ask for a pause."""
    return ExecutionSuspended(timestamp=START, reason=reason)


def resumed() -> ExecutionResumed:
    """Ask for the end of a pause."""
    return ExecutionResumed(timestamp=START)


def child_completed(task_id: int, output: Any = None) -> SubOrchestrationInstanceCompleted:
    """Answer a call of a child."""
    text = encode_value(output, what="output")
    return SubOrchestrationInstanceCompleted(
        timestamp=START, task_scheduled_id=task_id, result=text
    )


def child_failed(task_id: int, message: str = "no luck") -> SubOrchestrationInstanceFailed:
    """Answer a call of a child with its failure."""
    return SubOrchestrationInstanceFailed(
        timestamp=START,
        task_scheduled_id=task_id,
        reason=message,
        details=f"details of {message}",
        failure_details=FailureDetails(error_type="OSError", error_message=message),
    )


def served(task_id: int, result: Any = None) -> EntityOperationCompleted:
    """Answer a call of an entity."""
    text = encode_value(result, what="result")
    return EntityOperationCompleted(timestamp=START, task_scheduled_id=task_id, result=text)


def not_served(task_id: int, message: str = "no luck") -> EntityOperationFailed:
    """Answer a call of an entity with the operation's failure."""
    return EntityOperationFailed(
        timestamp=START,
        task_scheduled_id=task_id,
        reason=f"Operation 'o' failed: {message}",
        details=f"details of {message}",
        failure_details=FailureDetails(error_type="OSError", error_message=message),
    )


def granted(task_id: int) -> EntityLockGranted:
    """Grant the locks of a critical section."""
    return EntityLockGranted(timestamp=START, task_scheduled_id=task_id)


def plain(decision: Decision) -> tuple[Any, ...]:
    """Strip a decision down to what is durable; a stack trace may name other frames of ours."""
    return (
        tuple(_without_trace(fact) for fact in decision.facts),
        decision.consumed,
        decision.status,
        decision.output,
        decision.custom_status,
        decision.sets_custom_status,
        decision.continued,
        decision.reason,
    )


def _without_trace(fact: HistoryEvent) -> HistoryEvent:
    if isinstance(fact, ExecutionCompleted) and fact.failure_details is not None:
        bare = replace(fact.failure_details, stack_trace=None, inner_failure=None)
        return replace(fact, failure_details=bare)
    return fact


def decide_cold(
    history: Sequence[HistoryEvent],
    arrived: Sequence[HistoryEvent],
    orchestrator: Orchestrator,
    *,
    after_s: float = 0,
    strict: bool = False,
    execution_id: ExecutionId | None = EXECUTION,
    types: TypesOfApp | None = None,
) -> Decision | Divergence:
    """Decide with nothing but the history."""
    return decide(
        history,
        arrived,
        orchestrator,
        now=START + timedelta(seconds=after_s),
        instance_id=INSTANCE,
        execution_id=execution_id,
        strict_arguments=strict,
        types=types,
    )


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode as it was recorded: where the history ended before it, what came, when."""

    history_length: int
    arrived: tuple[HistoryEvent, ...]
    after_s: float
    decision: Decision


class Recording:
    """One execution and the history that its decisions have made."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        input_: Any = None,
        *,
        start: ExecutionStarted | None = None,
        types: TypesOfApp | None = None,
    ) -> None:
        """Run the first episode."""
        self.history: list[HistoryEvent] = []
        self.episodes: list[Episode] = []
        self._orchestrator = orchestrator
        self._types = types
        self._live: Execution | None = None
        self.last = self.episode(start or started(input_))

    def episode(self, *arrived: HistoryEvent, after_s: float = 0) -> Decision:
        """Decide by the live generator and by a cold replay, and record what both say."""
        cold = decide_cold(
            self.history, arrived, self._orchestrator, after_s=after_s, types=self._types
        )
        warm = decide(
            [],
            arrived,
            self._orchestrator,
            now=START + timedelta(seconds=after_s),
            instance_id=INSTANCE,
            execution_id=EXECUTION,
            live=self._live,
            types=self._types,
        )
        assert isinstance(cold, Decision), cold
        assert isinstance(warm, Decision), warm
        assert plain(warm) == plain(cold), "the live generator and the replay disagree"
        assert not warm.warnings
        assert not cold.warnings
        if cold.execution is not None:
            cold.execution.drop()
        self._live = warm.execution
        self.episodes.append(Episode(len(self.history), arrived, after_s, warm))
        self.history.extend(warm.facts)
        self.last = warm
        return warm

    def each(self, *arrived: HistoryEvent) -> Decision:
        """Give every input an episode of its own."""
        for event in arrived:
            self.episode(event)
        return self.last

    @property
    def output(self) -> Any:
        """The output as the value that it stands for."""
        return decode_value(self.last.output)


def asked(decision: Decision | Divergence) -> list[tuple[Any, ...]]:
    """List what an episode asked for.

    (id, activity, input), (id, due after so many seconds), (id, orchestrator, input, its instance)
    and (id, event, data, its instance). Of entities (id, "call" or "signal", entity, operation,
    input), (id, "lock", entities) and (id, "release", entities, id of the lock).
    """
    assert isinstance(decision, Decision), decision
    return pending_of(decision.facts)


def pending_of(facts: Sequence[HistoryEvent]) -> list[tuple[Any, ...]]:
    """List what these facts scheduled."""
    listed: list[tuple[Any, ...]] = []
    for fact in facts:
        if isinstance(fact, TaskScheduled):
            listed.append((fact.event_id, fact.name, decode_value(fact.input)))
        elif isinstance(fact, TimerCreated):
            listed.append((fact.event_id, (fact.fire_at - START).total_seconds()))
        elif isinstance(fact, SubOrchestrationInstanceCreated | EventSent):
            listed.append((fact.event_id, fact.name, decode_value(fact.input), fact.instance_id))
        elif isinstance(fact, EntityOperationCalled | EntityOperationSignaled):
            kind = "call" if isinstance(fact, EntityOperationCalled) else "signal"
            value = decode_value(fact.input)
            listed.append((fact.event_id, kind, fact.instance_id, fact.operation, value))
        elif isinstance(fact, EntityLockRequested):
            listed.append((fact.event_id, "lock", json.loads(fact.lock_set)))
        elif isinstance(fact, EntityUnlockSent):
            entities = json.loads(fact.lock_set)
            listed.append((fact.event_id, "release", entities, fact.critical_section_id))
    return listed
