"""What the callers of a program do, each at its time."""

from dataclasses import dataclass
from typing import TypeAlias

from durable.testing.programs.values import Value

ENTITY_KEY = "1"
"""Of each name there is one entity, under this key."""


def entity_instance_id(name: str) -> str:
    """Give the instance id of the entity of this name."""
    return f"@{name}@{ENTITY_KEY}"


@dataclass(frozen=True, slots=True)
class Start:
    """Start an instance so many virtual seconds after the beginning; refused while one is alive.

    Its code begins `delay_s` seconds later. It is alive meanwhile.
    """

    instance_id: str
    orchestration: str
    argument: Value = None
    at_s: int = 0
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class RaiseEvent:
    """Raise an external event to a live instance; refused where there is none."""

    instance_id: str
    name: str
    data: Value = None
    at_s: int = 0


@dataclass(frozen=True, slots=True)
class Terminate:
    """Terminate a live instance, and all that it waits for below it; refused where there is none.

    With `is_recursive=False` its children run on.
    """

    instance_id: str
    reason: str = "enough"
    at_s: int = 0
    is_recursive: bool = True


@dataclass(frozen=True, slots=True)
class Suspend:
    """Suspend a live instance; refused where there is none."""

    instance_id: str
    at_s: int = 0


@dataclass(frozen=True, slots=True)
class Resume:
    """Resume a live instance; refused where there is none."""

    instance_id: str
    at_s: int = 0


@dataclass(frozen=True, slots=True)
class Purge:
    """Forget an instance that has ended; refused where there is none."""

    instance_id: str
    at_s: int = 0


@dataclass(frozen=True, slots=True)
class Signal:
    """Send an operation to an entity; never refused. No two signals of callers have an order.

    With `after_s` it is for so many seconds later, and not served before.
    """

    entity: str
    operation: str
    argument: Value = None
    at_s: int = 0
    after_s: int = 0

    @property
    def instance_id(self) -> str:
        """The instance that it is for."""
        return entity_instance_id(self.entity)


CallerAction: TypeAlias = Start | RaiseEvent | Terminate | Suspend | Resume | Purge | Signal
