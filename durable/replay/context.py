"""DurableOrchestrationContext: what an orchestrator may ask.

Rule J: when the execution is dropped its context is dead. Every member then raises
`ExecutionDropped`, a BaseException, so that `finally` blocks which run while a generator is
closed get no further; and nothing that dead code asks for is ever recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

from durable.model.errors import InvalidPayloadError
from durable.model.ids import InstanceId
from durable.model.values import decode_value, encode_value
from durable.replay.tasks import (
    ActivityTask,
    ExternalEventTask,
    TaskBase,
    TimerTask,
    WhenAllTask,
    WhenAnyTask,
)

CUSTOM_STATUS_CHARS_MAX = 16 * 1024
# Code that swallows even BaseException, in a loop, would spin for ever on a context that always
# raises. After so many refusals it may look around (nothing that it does counts any more), so that
# it reaches its next `yield` and can be closed there.
REFUSALS_MAX = 10
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
# The constants of azure-functions-durable 1.7: in-flight ids must come out the same, bit for bit.
UUID_NAMESPACE = "9e952958-5e33-4daf-827f-2fa12937b875"
UUID_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class ExecutionDropped(BaseException):
    """The execution that this context belonged to is gone; its code must do nothing more."""


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What an orchestrator can see of its instance. The executor keeps it up to date."""

    instance_id: InstanceId
    name: str
    input: str | None
    now: datetime = BEFORE_ALL
    is_replaying: bool = True
    custom_status: str | None = None
    ids_made: int = 0
    is_dropped: bool = False
    refusals: int = 0


class DurableOrchestrationContext:
    """The orchestrator's view of its instance. Everything it says is the same in every replay."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Look at these surroundings."""
        self._seen = surroundings

    @property
    def instance_id(self) -> str:
        """The id of this instance."""
        return self._alive().instance_id

    @property
    def name(self) -> str:
        """The name of the orchestrator."""
        return self._alive().name

    @property
    def is_replaying(self) -> bool:
        """Whether the code runs over what has happened already."""
        return self._alive().is_replaying

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of this episode, aware, in UTC; never goes back."""
        return self._alive().now

    def get_input(self) -> Any:
        """Return the input that the orchestration was started with."""
        return decode_value(self._alive().input)

    def call_activity(self, name: str, input_: Any = None) -> TaskBase:
        """Call an activity; its result, or `TaskFailedError`, comes when the task is yielded."""
        self._alive()
        activity = _function_name(name, "activity_trigger")
        return ActivityTask(activity, encode_value(input_, what=f"input of activity '{activity}'"))

    def create_timer(self, fire_at: datetime) -> TimerTask:
        """Make a timer that is due at this time (UTC where it has no zone), however far away."""
        self._alive()
        if not isinstance(fire_at, datetime):
            raise TypeError(f"create_timer takes a datetime, not {type(fire_at).__name__}.")
        return TimerTask(fire_at.astimezone(UTC) if fire_at.tzinfo else fire_at.replace(tzinfo=UTC))

    def wait_for_external_event(self, name: str) -> TaskBase:
        """Wait for the next external event of this name, be it one that has come already."""
        self._alive()
        return ExternalEventTask(name)

    def task_all(self, activities: Sequence[TaskBase]) -> TaskBase:
        """Wait for all; the result is the list of theirs. Fails with the first failure."""
        self._alive()
        return WhenAllTask(_tasks(activities, "task_all"))

    def task_any(self, activities: Sequence[TaskBase]) -> TaskBase:
        """Wait for the first; the result is the task that completed."""
        self._alive()
        return WhenAnyTask(_tasks(activities, "task_any"))

    def set_custom_status(self, status: Any) -> None:
        """Show a JSON value, at most 16 Ki characters, in the status; `None` clears it."""
        seen = self._alive()
        text = encode_value(status, what="custom status")
        if len(text) > CUSTOM_STATUS_CHARS_MAX:
            raise InvalidPayloadError(
                f"The custom status has {len(text)} characters as JSON; "
                f"at most {CUSTOM_STATUS_CHARS_MAX} are allowed."
            )
        seen.custom_status = None if status is None else text

    @property
    def custom_status(self) -> Any:
        """The custom status as it was set last."""
        return decode_value(self._alive().custom_status)

    def new_uuid(self) -> str:
        """Make an id that is the same in every replay."""
        seen = self._alive()
        name = f"{seen.instance_id}_{seen.now.strftime(UUID_TIME_FORMAT)}_{seen.ids_made}"
        seen.ids_made += 1
        return str(uuid5(uuid5(NAMESPACE_OID, UUID_NAMESPACE), name))

    def new_guid(self) -> UUID:
        """Make a UUID that is the same in every replay."""
        seen = self._alive()
        name = f"{seen.instance_id}_{seen.now}_{seen.ids_made}"
        seen.ids_made += 1
        return uuid5(NAMESPACE_URL, name)

    def _alive(self) -> Surroundings:
        if self._seen.is_dropped and self._seen.refusals < REFUSALS_MAX:
            self._seen.refusals += 1
            raise ExecutionDropped
        return self._seen


def _function_name(function: Any, decorator: str) -> str:
    """Take a name, or what the decorator returned, which knows its name."""
    if isinstance(function, str):
        return function
    name = getattr(function, "durable_name", None)
    if isinstance(name, str) and getattr(function, "durable_kind", None) == decorator:
        return name
    raise ValueError(
        f"Name a function by its string, or pass what @{decorator} returned; "
        f"{function!r} is neither."
    )


def _tasks(tasks: Sequence[TaskBase], what: str) -> list[TaskBase]:
    listed = list(tasks)
    for task in listed:
        if not isinstance(task, TaskBase):
            raise TypeError(f"{what} takes tasks; {task!r} is not one.")
    return listed
