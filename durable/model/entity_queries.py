"""What callers ask about entities, and what they are told. All of it is what was committed.

Times are aware. A state is JSON text, as the record has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from durable.model.entity_ids import START, EntityId
from durable.model.values import decode_value


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """Who holds an entity: a critical section of an orchestration.

    `section_id` is the task id of its request, `lock_set` the instance ids of all that it locks;
    `epoch` counts the locks of this entity, and names this one to who breaks it.
    """

    instance_id: str
    execution_id: str
    section_id: int
    lock_set: tuple[str, ...]
    epoch: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityMetadata:
    """Where an entity stands.

    `exists`: it has a state. `state` is `None` where it has none, or none was asked for. `backlog`:
    how many messages it has accepted and not served, those for a later time among them.
    """

    entity_id: EntityId
    exists: bool
    state: str | None = None
    last_operation_at: datetime | None = None
    locked_by: LockHolder | None = None
    backlog: int = 0

    @property
    def value(self) -> Any:
        """The state as plain JSON values."""
        return decode_value(self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityQuery:
    """Which entities are meant, and what of them is asked for.

    A name may have any case; a `key_prefix` needs a name. Both ends of the time of the last
    operation are included; without a zone they are UTC. `include_state` brings the states,
    `include_transient` brings entities that have none.
    """

    name: str | None = None
    key_prefix: str = ""
    last_modified_from: datetime | None = None
    last_modified_to: datetime | None = None
    include_state: bool = True
    include_transient: bool = False

    def __post_init__(self) -> None:
        if self.name is None and self.key_prefix:
            raise ValueError("Keys that begin alike can be asked for with the entity's name only.")
        if self.name is not None and (not self.name or "@" in self.name):
            raise ValueError(f"No entity can have the name {self.name!r}.")

    @property
    def id_prefix(self) -> str:
        """What the instance ids of all that is meant begin with."""
        if self.name is None:
            return START
        return f"{START}{self.name.lower()}{START}{self.key_prefix}"


EVERY_ENTITY = EntityQuery()


@dataclass(frozen=True, slots=True)
class EntityPage:
    """Some of the entities that were asked for; `token` asks for the next page, if there is one.

    A page may be short, or empty, and still not be the last.
    """

    entities: Sequence[EntityMetadata]
    token: str | None


@dataclass(frozen=True, slots=True)
class CleanEntityStorageResult:
    """What a clean-up has done; `token` goes on where its time was over.

    A lock that is released is asked to go: it is gone when the entity has taken the message.
    """

    number_of_empty_entities_removed: int = 0
    number_of_orphaned_locks_released: int = 0
    token: str | None = None

    @property
    def is_complete(self) -> bool:
        """Nothing is left to go on with."""
        return self.token is None
