"""EntityClient: what a durable client can do with entities.

`signal_entity` and `read_entity_state` are 1.7's, in names, defaults and values; but that 1.7 loses
an input that is false (0, an empty text or list). What 1.7 lacks has other names.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from durable.functions.client_binding import OpenHub
from durable.functions.entity import EntityStateResponse
from durable.functions.errors import EntityFunctionNotFoundError
from durable.model.entity_ids import EntityId, entity_id_of
from durable.model.entity_queries import (
    EVERY_ENTITY,
    CleanEntityStorageResult,
    EntityMetadata,
    EntityQuery,
)
from durable.model.errors import InvalidInstanceIdError


class EntityClient(ABC):
    """A caller of the entities of a task hub.

    An entity is an `EntityId` or its instance id, `@name@key`; another text is a `ValueError`, all
    else a `TypeError`.
    """

    @property
    @abstractmethod
    def _hub(self) -> OpenHub: ...

    @abstractmethod
    async def _hub_named(self, task_hub: str | None, connection_name: str | None) -> OpenHub: ...

    async def signal_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  (1.7's name)
        operation_name: str,
        operation_input: Any | None = None,
        task_hub_name: str | None = None,
        connection_name: str | None = None,
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Have an operation of an entity run, once, and don't wait for it.

        `scheduled_time`: not before it (UTC where it has no zone). Between two signals of clients
        there is no order. Raises `EntityFunctionNotFoundError` where this app's hub has no entity
        of that name, `InvalidInstanceIdError`, `InvalidPayloadError`, or `ValueError` for an
        operation without a name.
        """
        entity_id = entity_id_of(entityId)
        hub = await self._hub_named(task_hub_name, connection_name)
        if hub.entities is not None and entity_id.name.lower() not in hub.entities:
            raise EntityFunctionNotFoundError(entity_id.name, hub.entities)
        await hub.client.signal_entity(
            entity_id, operation_name, operation_input, scheduled_time=scheduled_time
        )

    async def read_entity_state(
        self,
        entityId: EntityId | str,  # noqa: N803
        task_hub_name: str | None = None,
        connection_name: str | None = None,
    ) -> EntityStateResponse:
        """Read the state that was committed last, as plain JSON values; no lock is waited for."""
        entity_id = entity_id_of(entityId)
        hub = await self._hub_named(task_hub_name, connection_name)
        try:
            entity = await hub.client.read_entity(entity_id)
        except InvalidInstanceIdError:
            entity = None  # no such entity can exist
        if entity is None:
            return EntityStateResponse(entity_exists=False)
        return EntityStateResponse(entity_exists=True, entity_state=entity.value)

    async def read_entity(
        self,
        entity_id: EntityId | str,
        *,
        with_state: bool = True,
        include_transient: bool = False,
    ) -> EntityMetadata | None:
        """Read where an entity stands: state, last operation, lock, backlog; no lock is waited for.

        `None` where it has no state, unless `include_transient` and there is something of it: a
        lock, or messages that it has not served.
        """
        return await self._hub.client.read_entity(
            entity_id, with_state=with_state, include_transient=include_transient
        )

    async def list_entities(
        self, query: EntityQuery = EVERY_ENTITY
    ) -> AsyncIterator[EntityMetadata]:
        """List the entities that fit one by one, reading page after page as they are asked for."""
        async for entity in self._hub.client.list_entities(query):
            yield entity

    async def clean_entity_storage(
        self, *, remove_empty_entities: bool = True, release_orphaned_locks: bool = True
    ) -> CleanEntityStorageResult:
        """Delete what is kept of empty entities, and free those whose owner is gone.

        However long that takes; what an invocation that is cut off has not done, the next call
        does. An entity is empty if it has no state, no lock and nothing to serve.
        """
        removed = released = 0
        token: str | None = None
        while True:
            done = await self._hub.client.clean_entities(
                remove_empty_entities=remove_empty_entities,
                release_orphaned_locks=release_orphaned_locks,
                token=token,
            )
            removed += done.number_of_empty_entities_removed
            released += done.number_of_orphaned_locks_released
            token = done.token
            if token is None:
                return CleanEntityStorageResult(removed, released)

    async def break_lock(
        self, entity_id: EntityId | str, *, epoch: int, reason: str | None = None
    ) -> None:
        """Take an entity from whoever holds it by the lock of this epoch: for operators.

        `read_entity(...).locked_by` has the epoch. The section is not told. Raises
        `LockNotHeldError` where that lock is not held, and says who holds the entity.
        """
        await self._hub.client.break_lock(entity_id, epoch=epoch, reason=reason)
