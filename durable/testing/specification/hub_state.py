"""The state of a whole task hub: immutable, hashable, equal where it means the same.

Paper section 4 has a bag of components. Ours are instances (`O_d`, with the activities `A_i` that
they wait for), entities (`E_k`, with their queues), parcels (what instances send to each other),
and the callers' script.
Answers that nobody waits for are not kept: they would be consumed without effect.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from durable.testing.programs.syntax import Value
from durable.testing.specification.entities import Caller, EntityState, Origin
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.inputs import Answer, EventArrived, Mail

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""What the clock says while no timer has fired."""


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution that was accepted and has not begun."""

    name: str
    argument: Value
    custom_status: Value = None
    carried: tuple[EventArrived, ...] = ()


Local: TypeAlias = Execution | Orchestrating
Ender: TypeAlias = tuple[Origin, int]
"""Who ends a child: the life of its parent, which was terminated, and the task that it was."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance: how often it lived, where its code stands, and what is on its way to it.

    `ended_by` is set where its parent was terminated and the end is on its way. One that was purged
    is not there for anybody; only its numbers count on.
    """

    generation: int
    local: Local
    parent: Caller | None = None
    children: int = 0
    answers: tuple[Answer, ...] = ()
    timers: tuple[tuple[int, datetime], ...] = ()
    mail: tuple[Mail, ...] = ()
    ended_by: Ender | None = None
    is_purged: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return isinstance(self.local, Execution) or not self.local.is_over


@dataclass(frozen=True, slots=True)
class StartParcel:
    """A start from another instance: a child's while there is a parent that waits for it."""

    origin: Origin
    instance_id: str
    name: str
    argument: Value
    parent: Caller | None
    ended_by: Ender | None = None


@dataclass(frozen=True, slots=True)
class EventParcel:
    """An external event from another instance."""

    origin: Origin
    instance_id: str
    event: EventArrived


@dataclass(frozen=True, slots=True)
class EndParcel:
    """The end of a child whose parent was terminated; it is for that life alone."""

    origin: Origin
    instance_id: str
    task_id: int
    reason: str | None

    @property
    def ender(self) -> Ender:
        """What the life that is meant says of itself."""
        return (self.origin, self.task_id)


Parcel: TypeAlias = StartParcel | EventParcel | EndParcel


@dataclass(frozen=True, slots=True)
class HubState:
    """All of a hub. `clock` stands still for a program that never looks at it."""

    clock: datetime = BEGINNING
    tells_time: bool = False
    actions_done: int = 0
    instances: tuple[tuple[str, Instance], ...] = ()
    parcels: tuple[Parcel, ...] = ()
    entities: tuple[tuple[str, EntityState], ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that can happen: by which rule, and what then is."""

    rule: str
    state: HubState
