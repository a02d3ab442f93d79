"""The state of a whole task hub: immutable, hashable, equal where it means the same.

Paper section 4 has a bag of components. Ours are instances (`O_d`, with the activities `A_i` that
they wait for), entities (`E_k`, with their queues), child starts on their way, and the callers'
script.
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


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance: how often it lived, where its code stands, and what is on its way to it."""

    generation: int
    local: Local
    parent: Caller | None = None
    children: int = 0
    answers: tuple[Answer, ...] = ()
    timers: tuple[tuple[int, datetime], ...] = ()
    mail: tuple[Mail, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return isinstance(self.local, Execution) or self.local.status == "Running"


@dataclass(frozen=True, slots=True)
class ChildStart:
    """A start on its way from a parent, which waits for the child while it lives."""

    origin: Origin
    instance_id: str
    name: str
    argument: Value
    parent: Caller | None


@dataclass(frozen=True, slots=True)
class HubState:
    """All of a hub. `clock` stands still for a program that never looks at it."""

    clock: datetime = BEGINNING
    tells_time: bool = False
    actions_done: int = 0
    instances: tuple[tuple[str, Instance], ...] = ()
    starts: tuple[ChildStart, ...] = ()
    entities: tuple[tuple[str, EntityState], ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that can happen: by which rule, and what then is."""

    rule: str
    state: HubState
