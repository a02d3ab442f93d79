"""Streams between instances (rule D): messages that arrive once, and in the order of their sending.

A stream goes from one life of an instance, its *origin*, to another instance. Its messages are
numbered from 1; the receiver keeps a watermark for each origin, takes what comes next, stashes what
comes too early and drops what it has had. In streams go child starts, terminations of children and
events between instances. Answers do not: they are known by the id of the task that they answer.
"""

from dataclasses import dataclass

from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EventSent,
    HistoryEvent,
    RewindSent,
    SubOrchestrationInstanceCreated,
    TerminationSent,
)
from durable.model.ids import ExecutionId, InstanceId

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


def receiver_of(event: HistoryEvent) -> InstanceId | None:
    """Say whose stream a fact puts a message into, if it does."""
    if isinstance(
        event, SubOrchestrationInstanceCreated | TerminationSent | RewindSent | EventSent
    ):
        return InstanceId(event.instance_id)
    return None
