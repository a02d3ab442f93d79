"""Streams between instances (rule D): messages that arrive once, and in the order of their sending.

A stream goes from one life of an instance, its *origin*, to another instance. Its messages are
numbered from 1; the receiver keeps a watermark for each origin, takes what comes next, stashes what
comes too early and drops what it has had. In streams go child starts, terminations of children and
events between instances. Answers do not: they are known by the id of the task that they answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventSent,
    HistoryEvent,
    RewindSent,
    SubOrchestrationInstanceCreated,
    TerminationSent,
)
from durable.model.ids import ExecutionId, InstanceId

T = TypeVar("T")

EXECUTION_MARK = "."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stream comes from."""

    instance_id: InstanceId
    life_id: ExecutionId

    def to_text(self) -> str:
        """Print it; a life id has no `@`."""
        return f"{self.life_id}@{self.instance_id}"

    @classmethod
    def from_text(cls, text: str) -> "Origin":
        """Read it, or raise `MalformedMessageError`."""
        life_id, mark, instance_id = text.partition("@")
        if not life_id or not mark or not instance_id:
            raise MalformedMessageError(f"Not the origin of a stream: {text[:80]!r}")
        return cls(InstanceId(instance_id), ExecutionId(life_id))


def life_of(execution_id: ExecutionId) -> ExecutionId:
    """Tell the life that an execution belongs to."""
    return ExecutionId(execution_id.partition(EXECUTION_MARK)[0])


def number_of(execution_id: ExecutionId) -> int:
    """Tell how many executions of its life came before it."""
    return int(execution_id.partition(EXECUTION_MARK)[2] or 0)


def next_execution(execution_id: ExecutionId) -> ExecutionId:
    """Name the execution that follows by continue-as-new: the same whoever makes the commit."""
    number = number_of(execution_id) + 1
    return ExecutionId(f"{life_of(execution_id)}{EXECUTION_MARK}{number}")


def receivers_of(event: HistoryEvent) -> Sequence[InstanceId]:
    """Say into whose streams a fact puts a message; a lock takes its place in all of its set."""
    match event:
        case EntityLockRequested(position=position) if position > 0:
            return ()  # handed on by an entity, in the stream of who wants the lock
        case EntityLockRequested() | EntityUnlockSent():
            return read_lock_set(event.lock_set)
        case (
            SubOrchestrationInstanceCreated()
            | TerminationSent()
            | RewindSent()
            | EventSent()
            | EntityOperationCalled()
            | EntityOperationSignaled()
        ):
            return (InstanceId(event.instance_id),)
    return ()


def places_of(event: HistoryEvent, number: int | None) -> Mapping[InstanceId, int]:
    """Say which places in which streams a committed fact has taken; `number` is its row's."""
    receivers = receivers_of(event)
    if isinstance(event, EntityLockRequested | EntityUnlockSent):
        return dict(zip(receivers, read_places(event.numbers), strict=True)) if receivers else {}
    return {} if number is None else dict.fromkeys(receivers, number)


def read_lock_set(text: str) -> tuple[InstanceId, ...]:
    """Read the entities of a lock, or raise `MalformedMessageError`."""
    return tuple(InstanceId(name) for name in _read_list(text, str))


def read_places(text: str | None) -> tuple[int, ...]:
    """Read the numbers beside a lock set, or raise `MalformedMessageError`."""
    return tuple(_read_list(text or "[]", int))


def _read_list(text: str, kind: type[T]) -> list[T]:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(f"Not the entities of a lock: {text[:200]!r}") from error
    if not isinstance(members, list) or not all(type(member) is kind for member in members):
        raise MalformedMessageError(f"Not the entities of a lock: {text[:200]!r}")
    return members
