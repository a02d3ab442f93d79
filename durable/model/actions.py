"""OrchestratorAction: what an orchestrator asks for, before it is a fact. Imperative names."""

import json
from dataclasses import dataclass
from datetime import datetime

from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventSent,
    Scheduling,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorAction:
    """A request with the id that its answer will name."""

    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTask(OrchestratorAction):
    """Run an activity."""

    name: str
    input: str | None
    attempt: int | None = None
    timeout_ms: int | None = None

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return TaskScheduled(
            timestamp=timestamp,
            event_id=self.task_id,
            name=self.name,
            input=self.input,
            attempt=self.attempt,
            timeout_ms=self.timeout_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTimer(OrchestratorAction):
    """Send a `TimerFired` when the time has come."""

    fire_at: datetime

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return TimerCreated(timestamp=timestamp, event_id=self.task_id, fire_at=self.fire_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSubOrchestration(OrchestratorAction):
    """Start another orchestration; detached, it owes no answer."""

    name: str
    instance_id: str
    input: str | None
    version: str | None = None
    is_detached: bool = False

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return SubOrchestrationInstanceCreated(
            timestamp=timestamp,
            event_id=self.task_id,
            name=self.name,
            instance_id=self.instance_id,
            input=self.input,
            version=self.version,
            is_detached=self.is_detached,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEvent(OrchestratorAction):
    """Raise an external event to another instance."""

    instance_id: str
    name: str
    input: str | None

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return EventSent(
            timestamp=timestamp,
            event_id=self.task_id,
            instance_id=self.instance_id,
            name=self.name,
            input=self.input,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntity(OrchestratorAction):
    """Run an operation of an entity; `instance_id` is the entity's."""

    instance_id: str
    operation: str
    input: str | None

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return EntityOperationCalled(
            timestamp=timestamp,
            event_id=self.task_id,
            instance_id=self.instance_id,
            operation=self.operation,
            input=self.input,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalEntity(OrchestratorAction):
    """Run an operation of an entity and don't wait for it; not before its time, if it has one."""

    instance_id: str
    operation: str
    input: str | None
    scheduled_time: datetime | None = None

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return EntityOperationSignaled(
            timestamp=timestamp,
            event_id=self.task_id,
            instance_id=self.instance_id,
            operation=self.operation,
            input=self.input,
            scheduled_time=self.scheduled_time,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntities(OrchestratorAction):
    """Lock these entities one by one, in this order; each is in it once."""

    lock_set: tuple[str, ...]

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return EntityLockRequested(
            timestamp=timestamp, event_id=self.task_id, lock_set=json.dumps(self.lock_set)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockEntities(OrchestratorAction):
    """Leave the critical section that was asked for under this task id."""

    lock_set: tuple[str, ...]
    critical_section_id: int

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return EntityUnlockSent(
            timestamp=timestamp,
            event_id=self.task_id,
            lock_set=json.dumps(self.lock_set),
            critical_section_id=self.critical_section_id,
        )


Action = (
    ScheduleTask
    | CreateTimer
    | CreateSubOrchestration
    | SendEvent
    | CallEntity
    | SignalEntity
    | LockEntities
    | UnlockEntities
)
