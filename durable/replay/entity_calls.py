"""EntityCalls: what an orchestrator may ask of entities. Part of the context."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from durable.model.actions import SignalEntity
from durable.model.entity_ids import EntityId
from durable.model.errors import LockingRulesViolationError
from durable.model.ids import InstanceId
from durable.model.values import encode_value
from durable.replay.arguments import checked_type, entity_instance, operation_name, utc
from durable.replay.calls import EntityTask
from durable.replay.lock_rules import NO_EMPTY_SECTION, NO_NESTING, NO_SIGNAL_TO_LOCKED
from durable.replay.locks import LockTask
from durable.replay.surroundings import Surroundings
from durable.replay.view import OrchestrationView

# The request is one message, and one row, with the ids and a number for each.
LOCK_SET_CHARS_MAX = 15_000


class EntityCalls(OrchestrationView):
    """Calls, signals and critical sections."""

    def call_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  (1.7's signature)
        operationName: str,  # noqa: N803
        operationInput: Any = None,  # noqa: N803
        expected_type: Any = None,
    ) -> EntityTask:
        """Call an operation; its result, or `TaskFailedError`, comes when the task is yielded.

        An entity is an `EntityId`, or its instance id, `@name@key`. Operations that one
        orchestration asks of one entity are served in the order of asking. Where a rule of
        critical sections forbids the call, the yield raises `LockingRulesViolationError`.
        """
        seen = self._alive()
        receiver = entity_instance(entityId)
        operation = operation_name(operationName)
        text = _input_text(seen, operation, operationInput)
        wanted = checked_type(expected_type)
        return EntityTask(receiver, operation, text, expected_type=wanted)

    def signal_entity(
        self,
        entityId: EntityId | str,  # noqa: N803  (1.7's signature)
        operationName: str,  # noqa: N803
        operationInput: Any = None,  # noqa: N803
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Ask an entity for an operation and wait for nothing. It takes effect without a yield.

        With a `scheduled_time` (UTC where it has no zone) it is served then or later, never
        earlier, and behind what comes before that. `LockingRulesViolationError` for an entity that
        this orchestration has locked, or asked to lock.
        """
        seen = self._alive()
        receiver = entity_instance(entityId)
        operation = operation_name(operationName)
        text = _input_text(seen, operation, operationInput)
        due = None if scheduled_time is None else utc(scheduled_time, "signal_entity")
        if seen.section is not None and receiver in seen.section.lock_set:
            raise LockingRulesViolationError(NO_SIGNAL_TO_LOCKED)
        seen.docket.record(
            lambda task_id: SignalEntity(
                task_id=task_id,
                instance_id=receiver,
                operation=operation,
                input=text,
                scheduled_time=due,
            ),
            counts=seen.continues is None,
        )

    def lock(
        self, entities: EntityId | str | Iterable[EntityId | str], *more: EntityId | str
    ) -> LockTask:
        """Lock these entities for a critical section; the task's result is the section.

            with (yield context.lock([source, target])):        # in a generator
            async with context.lock([source, target]):          # in an `async def`

        Inside, the operations of all others wait. The locks are released when the section is left,
        however it is, and at every end of the orchestration. They are taken one by one in one
        order, the same for all, so that nobody can block each other for ever.
        `LockingRulesViolationError` inside of another section, `ValueError` for no entities, or
        for so many that their ids have more than 15,000 characters.
        """
        seen = self._alive()
        if seen.section is not None:
            raise LockingRulesViolationError(NO_NESTING)
        lock_set = _in_locking_order(map(entity_instance, [*_listed(entities), *more]))
        if not lock_set:
            raise ValueError(NO_EMPTY_SECTION)
        size = len(json.dumps(lock_set))
        if size > LOCK_SET_CHARS_MAX:
            raise ValueError(
                f"A lock of {len(lock_set)} entities, whose ids have {size} characters, is too "
                f"large: one message carries them all, at most {LOCK_SET_CHARS_MAX} characters."
            )
        return LockTask(seen, lock_set)

    def lock_entities(
        self, entities: EntityId | str | Iterable[EntityId | str], *more: EntityId | str
    ) -> LockTask:
        """Do as `lock` does, under the name that the Durable Task SDK for Python has for it."""
        return self.lock(entities, *more)

    @property
    def is_locked(self) -> bool:
        """Whether the orchestration is in a critical section: its locks are granted."""
        section = self._alive().section
        return section is not None and section.is_entered

    @property
    def locked_entities(self) -> tuple[EntityId, ...]:
        """The entities of the critical section, in the order of locking; none outside of one."""
        section = self._alive().section
        if section is None or not section.is_entered:
            return ()
        return tuple(EntityId.get_entity_id(each) for each in section.lock_set)


def _input_text(seen: Surroundings, operation: str, value: Any) -> str:
    what = f"input of operation '{operation}'"
    return encode_value(value, what=what, converter=seen.types.converter)


def _listed(entities: Any) -> Iterable[Any]:
    """List what is to be locked: what is no list is one entity, or nothing that names one."""
    is_one = isinstance(entities, EntityId | str) or not isinstance(entities, Iterable)
    return [entities] if is_one else entities


def _in_locking_order(entities: Iterable[InstanceId]) -> tuple[InstanceId, ...]:
    """List each once, in the order in which everybody locks (the paper's footnote 6)."""
    return tuple(sorted(set(entities)))
