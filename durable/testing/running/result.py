"""What an orchestration came to, in the words of its test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from durable.model.failures import FailureDetails
from durable.model.history import HistoryEvent
from durable.model.status import RuntimeStatus
from durable.model.values import decode_value
from durable.replay.determinism import describe
from durable.testing.running.instance import InstanceUnderTest
from durable.testing.running.requests import (
    Call,
    ChildCall,
    EntityCall,
    EntitySignal,
    LockRequest,
    Requests,
    SentEvent,
    Timer,
)


class NotCompletedError(AssertionError):
    """The test wants the output of an orchestration that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestrationResult:
    """Where an orchestration stands at the end of its run.

    `output` is the value behind the JSON that would be stored; of a failed one it is the text of
    the failure, as in its status. `executions` are the histories: the last is the present one,
    those before it continued as new. `open_tasks` names what was asked for and has no answer.
    `elapsed` is virtual time. `children` are the instances that
    ran beside it, by id. `entities` are the states of all entities that have one, by instance id,
    `@name@key`; `locked_entities` are held at the end of the run, by anybody.
    """

    instance_id: str
    name: str
    status: RuntimeStatus
    output: Any
    custom_status: Any
    failure: FailureDetails | None
    executions: tuple[tuple[HistoryEvent, ...], ...]
    calls: tuple[Call, ...]
    child_calls: tuple[ChildCall, ...]
    timers: tuple[Timer, ...]
    sent_events: tuple[SentEvent, ...]
    elapsed: timedelta
    warnings: tuple[str, ...] = ()
    children: "Mapping[str, OrchestrationResult]" = field(default_factory=dict)
    open_tasks: tuple[str, ...] = ()
    entity_calls: tuple[EntityCall, ...] = ()
    signals: tuple[EntitySignal, ...] = ()
    locks: tuple[LockRequest, ...] = ()
    entities: Mapping[str, Any] = field(default_factory=dict)
    locked_entities: tuple[str, ...] = ()

    @property
    def history(self) -> tuple[HistoryEvent, ...]:
        """The history of the present execution."""
        return self.executions[-1]

    @property
    def is_completed(self) -> bool:
        """Whether it returned."""
        return self.status is RuntimeStatus.COMPLETED

    @property
    def called(self) -> list[tuple[str, Any]]:
        """The activities that were called, each with its input, in order."""
        return [(call.name, call.input) for call in self.calls]

    def inputs_of(self, name: str) -> list[Any]:
        """The inputs of all calls of this activity, in order."""
        return [call.input for call in self.calls if call.name == name]

    def value(self) -> Any:
        """Return the output, or raise `NotCompletedError` telling why there is none."""
        if self.is_completed:
            return self.output
        told = f"'{self.name}' ({self.instance_id}) is {self.status.value}"
        if self.failure is not None:
            told += f": {self.failure.error_type}: {self.failure.error_message}"
            if self.failure.stack_trace:
                told += f"\n{self.failure.stack_trace}"
        elif self.status is RuntimeStatus.RUNNING:
            waits = ", ".join(self.open_tasks) or "an event that the test does not raise"
            told += f" and waits for {waits}"
        raise NotCompletedError(told)


def result_of(
    instance: InstanceUnderTest,
    requests: Requests,
    *,
    began: datetime,
    children: Mapping[str, OrchestrationResult] | None = None,
    entities: Mapping[str, Any] | None = None,
    locked_entities: tuple[str, ...] = (),
) -> OrchestrationResult:
    """Describe an instance as it stands."""
    return OrchestrationResult(
        instance_id=instance.instance_id,
        name=instance.name,
        status=instance.status,
        output=decode_value(instance.output),
        custom_status=decode_value(instance.custom_status),
        failure=instance.failure,
        executions=(*instance.ended, tuple(instance.history)),
        calls=tuple(requests.calls),
        child_calls=tuple(requests.child_calls),
        timers=tuple(requests.timers),
        sent_events=tuple(requests.sent_events),
        elapsed=(instance.updated_at or began) - began,
        warnings=tuple(instance.warnings),
        children=children or {},
        open_tasks=tuple(describe(task) for task in instance.open_tasks()),
        entity_calls=tuple(requests.entity_calls),
        signals=tuple(requests.signals),
        locks=tuple(requests.locks),
        entities=entities or {},
        locked_entities=locked_entities,
    )
