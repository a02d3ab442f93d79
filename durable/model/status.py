"""Where an instance stands, and the summary of it that a caller sees."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class RuntimeStatus(Enum):
    """DTFx's OrchestrationStatus; the names are what the tables hold."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    CONTINUED_AS_NEW = "ContinuedAsNew"
    FAILED = "Failed"
    CANCELED = "Canceled"
    TERMINATED = "Terminated"
    PENDING = "Pending"
    SUSPENDED = "Suspended"

    @property
    def is_terminal(self) -> bool:
        """Nothing but a new start brings the instance back to life."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        RuntimeStatus.COMPLETED,
        RuntimeStatus.FAILED,
        RuntimeStatus.CANCELED,
        RuntimeStatus.TERMINATED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestrationStatus:
    """What a status query answers. Payloads are JSON text, `None` where there is none.

    `reason` says why a suspended instance is parked.
    """

    instance_id: str
    name: str
    runtime_status: RuntimeStatus
    created_at: datetime
    updated_at: datetime
    input: str | None
    output: str | None
    custom_status: str | None
    reason: str | None = None
