"""EntityClient: what a program outside of orchestrations can do with entities."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from durable.client import cleaning, entities, signals
from durable.model.converters import Converter
from durable.model.entity_ids import EntityId, entity_id_of, instance_id_of
from durable.model.entity_queries import (
    EVERY_ENTITY,
    CleanEntityStorageResult,
    EntityMetadata,
    EntityPage,
    EntityQuery,
)
from durable.model.environment import Environment
from durable.model.errors import InstanceNotFoundError, LockNotHeldError
from durable.model.naming import checked_name, checked_reason
from durable.model.values import encode_value
from durable.storage.port import TaskHubStore

PAGE_ROWS = 100
CLEANING_BUDGET_S = 60.0


class EntityClient:
    """A caller of the entities of one task hub.

    An entity is an `EntityId` or its instance id, `@name@key`; another text is a `ValueError`, all
    else a `TypeError`. Any call raises `InvalidInstanceIdError` for an id that no store could hold,
    and a `StorageFault` where storage stays away.
    """

    def __init__(
        self, store: TaskHubStore, environment: Environment, *, converter: Converter | None = None
    ) -> None:
        """Call through this store; `converter` writes inputs."""
        self._store = store
        self._environment = environment
        self._converter = converter

    async def signal_entity(
        self,
        entity_id: EntityId | str,
        operation: str,
        input_: Any = None,
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Send an operation to an entity, which begins to be by it; there is no answer.

        It is served once, at `scheduled_time` or soon after it (UTC where it has no zone), or as
        soon as the entity comes to it. Between two signals of clients there is no order. Raises
        `InvalidPayloadError`, `ValueError` for an operation without a name, or `OutcomeUnknown`:
        then it may or may not have been sent, and sending again is another signal.
        """
        receiver, name = entity_id_of(entity_id), checked_name(operation, "an operation")
        text = None
        if input_ is not None:
            what = f"input of operation '{name}'"
            text = encode_value(input_, what=what, converter=self._converter)
        await signals.send_signal(
            self._store,
            self._environment,
            receiver,
            name,
            text,
            scheduled_time=scheduled_time,
        )

    async def read_entity(
        self,
        entity_id: EntityId | str,
        *,
        with_state: bool = True,
        include_transient: bool = False,
    ) -> EntityMetadata | None:
        """Read where an entity stands, as it was last committed; no lock is waited for.

        `None` where it has no state, unless `include_transient` and there is an entity that holds a
        lock, or has something to serve, or has not been cleaned away. Raises `PayloadLostError`.
        """
        return await entities.read_entity(
            self._store,
            entity_id_of(entity_id),
            with_state=with_state,
            include_transient=include_transient,
        )

    async def list_entity_page(
        self, query: EntityQuery = EVERY_ENTITY, *, top: int = PAGE_ROWS, token: str | None = None
    ) -> EntityPage:
        """Read one page of entities, in the order of ids; `token` is that of the page before.

        Which there are may be a little behind. Raises `InvalidTokenError`.
        """
        return await entities.list_page(self._store, query, top=top, token=token)

    async def list_entities(
        self, query: EntityQuery = EVERY_ENTITY
    ) -> AsyncIterator[EntityMetadata]:
        """Go through entities, page by page: `async for entity in client.list_entities(...)`."""
        token: str | None = None
        while True:
            page = await self.list_entity_page(query, token=token)
            for entity in page.entities:
                yield entity
            token = page.token
            if token is None:
                return

    async def clean_entities(
        self,
        *,
        remove_empty_entities: bool = True,
        release_orphaned_locks: bool = True,
        token: str | None = None,
        budget_s: float = CLEANING_BUDGET_S,
    ) -> CleanEntityStorageResult:
        """Purge entities without a state that have nothing to serve, and free orphaned locks.

        A lock is orphaned if the life of its owner has been over for 5 minutes. It goes on until
        all entities were visited or the time is over; with the token that comes back it goes on
        then. Raises `InvalidTokenError`.
        """
        chores = cleaning.Chores(
            removes_empty=remove_empty_entities, releases_orphaned=release_orphaned_locks
        )
        return await cleaning.clean(
            self._store, self._environment, chores, budget_s=budget_s, token=token
        )

    async def break_lock(
        self, entity_id: EntityId | str, *, epoch: int, reason: str | None = None
    ) -> None:
        """Take an entity from whoever holds it by the lock of this epoch, for operators.

        Its critical section is not told: what it still does to the entity, others may come between.
        Raises `InstanceNotFoundError`, or `LockNotHeldError` where no such lock is held; one that
        is released meanwhile is not missed, and the lock behind it stays.
        """
        entity_id, told = entity_id_of(entity_id), checked_reason(reason)
        if not isinstance(epoch, int):
            raise TypeError(f"An epoch is a whole number, not {type(epoch).__name__}.")
        entity = await self.read_entity(entity_id, with_state=False, include_transient=True)
        if entity is None:
            raise InstanceNotFoundError(f"No entity with ID '{entity_id}' found.")
        holder = entity.locked_by
        if holder is None:
            raise LockNotHeldError(f"Nobody holds the entity '{entity_id}'.")
        if holder.epoch != epoch:
            raise LockNotHeldError(
                f"The entity '{entity_id}' is not held by the lock of epoch {epoch}: it is held by "
                f"'{holder.instance_id}' since {holder.since.isoformat()}, epoch {holder.epoch}."
            )
        await signals.send_break(
            self._store,
            self._environment,
            instance_id_of(entity_id),
            epoch=epoch,
            reason=told,
        )
