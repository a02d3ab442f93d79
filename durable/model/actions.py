"""OrchestratorAction: what an orchestrator asks for, before it is a fact. Imperative names."""

from dataclasses import dataclass
from datetime import datetime

from durable.model.history import Scheduling, TaskScheduled, TimerCreated


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorAction:
    """A request with the id that its answer will name."""

    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTask(OrchestratorAction):
    """Run an activity."""

    name: str
    input: str | None

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return TaskScheduled(
            timestamp=timestamp, event_id=self.task_id, name=self.name, input=self.input
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTimer(OrchestratorAction):
    """Send a `TimerFired` when the time has come."""

    fire_at: datetime

    def to_fact(self, timestamp: datetime) -> Scheduling:
        """Note that this was asked for."""
        return TimerCreated(timestamp=timestamp, event_id=self.task_id, fire_at=self.fire_at)


Action = ScheduleTask | CreateTimer
