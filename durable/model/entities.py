"""What the record of an entity has beside that of an orchestration, and what it says of a batch.

An entity is a snapshot (decision 14): its state, who holds it, and the places of the messages that
it has accepted and not served. The messages themselves are rows beside the record.

Invariant: places count up for as long as the id exists and are never given twice, so that who
deletes a row late deletes nothing new. A row whose place the record does not name does not exist.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLock:
    """Who holds an entity: the owner's stream, the critical section, and since when.

    `owner` is an `Origin` as text; `execution_id` and `section_id` (the task id of the request) say
    which section; `epoch` counts the locks of this entity.
    """

    owner: str
    execution_id: str
    section_id: int
    lock_set: tuple[str, ...]
    epoch: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRecord:
    """An entity between two batches, but for its state.

    `epoch` counts the locks that were granted. `waiting`: places of what is to be served in order,
    behind a lock or in the next round. `scheduled`: places of signals whose time has not come.
    `given_up`: for which message, given up how often, an operation has failed without being run.
    """

    lock: EntityLock | None = None
    epoch: int = 0
    waiting: frozenset[int] = frozenset()
    scheduled: frozenset[int] = frozenset()
    next_place: int = 0
    last_operation_at: datetime | None = None
    given_up: str = ""

    @property
    def is_idle(self) -> bool:
        """Nobody holds it, and nothing is to be served."""
        return self.lock is None and not self.waiting and not self.scheduled


@dataclass(frozen=True, slots=True)
class Served:
    """One thing that a batch has served: whose, and what it came to.

    `source`: the `Origin` of the stream as text, or the id of a client's message; `number` its
    place in the stream, 0 outside. `what`: `operation`, `lock` or `unlock`. `name` is that of the
    operation. `is_failed`: the operation failed, and changed nothing.
    """

    source: str
    number: int
    what: str
    name: str = ""
    is_failed: bool = False
