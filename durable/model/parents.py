"""Who started a child: the ParentInstance column, in DTFx's own JSON."""

import json
import uuid
from dataclasses import dataclass

from durable.model.entity_ids import is_entity_id
from durable.model.errors import MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId

# The namespace of the ids that a child's lives get.
LIVES = uuid.UUID("5b0c3a52-7f43-5d0e-9c1d-6a8f3d2b9e71")

OF_AN_ENTITY = ":entity"
# What reading hostile text can end in.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The execution that waits for a child, and the task (of which run) under which it does."""

    instance_id: InstanceId
    execution_id: ExecutionId
    task_id: int
    name: str
    run: int | None = None

    def to_json(self) -> str:
        """Print as DTFx does."""
        members = {
            "Name": self.name,
            "OrchestrationInstance": {
                "InstanceId": self.instance_id,
                "ExecutionId": self.execution_id,
            },
            "TaskScheduleId": self.task_id,
        }
        return json.dumps(members if self.run is None else {**members, "Run": self.run})

    @classmethod
    def from_json(cls, text: str) -> "Parent":
        """Read it, or raise `MalformedMessageError`."""
        try:
            members = json.loads(text)
            instance = members["OrchestrationInstance"]
            return cls(
                instance_id=InstanceId(_text(instance["InstanceId"])),
                execution_id=ExecutionId(_text(instance["ExecutionId"])),
                task_id=int(members["TaskScheduleId"]),
                name=str(members.get("Name") or ""),
                run=None if members.get("Run") is None else int(members["Run"]),
            )
        except UNREADABLE as error:
            raise MalformedMessageError(f"Not a parent instance: {text[:200]!r}") from error


def _text(value: object) -> str:
    """Take an id; what can't be written as UTF-8 could be sent to nobody."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no id")
    value.encode()
    return value


def life_of_child(execution_id: ExecutionId, task_id: int, run: int = 0) -> ExecutionId:
    """Name the life that this task of this execution begins: the same however often it is sent."""
    return ExecutionId(uuid.uuid5(LIVES, f"{execution_id}/{task_id}/{run}").hex)


def life_again(life_id: ExecutionId, generation: int) -> ExecutionId:
    """Name the life of this generation that is asked for under the id of one that is no more.

    The id itself is not used twice: late answers to the life that is gone would fit.
    """
    return ExecutionId(uuid.uuid5(LIVES, f"{life_id}/again/{generation}").hex)


def id_never_made_again(fresh: str) -> InstanceId:
    """Name an orchestration that an entity starts without an id, by an id that nobody else has."""
    return InstanceId(fresh + OF_AN_ENTITY)


def is_never_made_again(instance_id: str) -> bool:
    """Say whether an entity made this id: it sends nothing else there, ever."""
    return instance_id.endswith(OF_AN_ENTITY) and not is_entity_id(instance_id)


def default_child_id(execution_id: ExecutionId, task_id: int) -> InstanceId:
    """Name a child that its parent gave no id (as DTFx does: execution id, colon, task id)."""
    return InstanceId(f"{execution_id}:{task_id:x}")
