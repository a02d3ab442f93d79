"""What callers ask about instances, and what they are told.

Times are aware. Payloads are JSON text, `None` where there is none or none was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from durable.model.entity_ids import is_entity_id
from durable.model.history import HistoryEvent
from durable.model.status import RuntimeStatus


class ReplaceableStates(Enum):
    """Which instances a start may replace: `overridableExistingInstanceStates` of host.json."""

    NON_RUNNING = "NonRunningStates"
    ANY = "AnyState"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestrationStatus:
    """Where an instance stands.

    `reason` says why a suspended instance is parked. `scheduled_at` is when a pending instance may
    begin; `parent_instance_id` is whose child it is. `history` is that of the current execution.
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
    version: str | None = None
    scheduled_at: datetime | None = None
    parent_instance_id: str | None = None
    history: tuple[HistoryEvent, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """Which instances are meant; what is left out excludes nothing.

    Both ends of the time of creation are included. No statuses are all statuses. Entities are
    instances too, unless it is `without_entities`.
    """

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: frozenset[RuntimeStatus] = frozenset()
    id_prefix: str = ""
    without_entities: bool = False

    def has(self, instance_id: str, created_at: datetime, status: RuntimeStatus) -> bool:
        """Say whether an instance is meant."""
        return (
            instance_id.startswith(self.id_prefix)
            and not (self.without_entities and is_entity_id(instance_id))
            and (self.created_from is None or created_at >= self.created_from)
            and (self.created_to is None or created_at <= self.created_to)
            and (not self.statuses or status in self.statuses)
        )


EVERY_INSTANCE = InstanceFilter()


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Some of the instances that were asked for; `token` asks for the next page, if there is one.

    A page may be short, or empty, and still not be the last.
    """

    statuses: Sequence[OrchestrationStatus]
    token: str | None


@dataclass(frozen=True, slots=True)
class Purged:
    """How many instances a purge has deleted; `token` goes on where its time was over."""

    deleted: int
    token: str | None = None

    @property
    def is_complete(self) -> bool:
        """Nothing is left to go on with."""
        return self.token is None
