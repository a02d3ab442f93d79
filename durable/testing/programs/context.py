"""Context: all that an orchestrator made from a program asks of its context.

It is a part of `DurableOrchestrationContext`, so that the same code runs on the engine and on a
context without one (`direct`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from durable.replay.retries import RetryOptions


class Context(Protocol):
    """The members that are used. A task may be asked for `is_completed`, `result`, `cancel()`."""

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of the episode."""
        ...

    def get_input(self) -> Any:
        """Return the input."""
        ...

    def call_activity(self, name: str, input_: Any = None) -> Any:
        """Make a call of an activity."""
        ...

    def call_activity_with_retry(
        self, name: str, retry_options: RetryOptions, input_: Any = None
    ) -> Any:
        """Make a call of an activity that is repeated when it fails."""
        ...

    def call_sub_orchestrator(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> Any:
        """Make a child."""
        ...

    def call_sub_orchestrator_with_retry(
        self,
        name: str,
        retry_options: RetryOptions,
        input_: Any = None,
        instance_id: str | None = None,
    ) -> Any:
        """Make a child that is begun again when it fails."""
        ...

    def start_new_orchestration(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> str:
        """Start an instance that owes no answer."""
        ...

    def send_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Raise an event to another instance."""
        ...

    def continue_as_new(self, input_: Any) -> None:
        """Begin anew when the code returns."""
        ...

    def call_entity(self, entity_id: Any, operation: str, input_: Any = None) -> Any:
        """Make a call of an entity."""
        ...

    def signal_entity(
        self,
        entity_id: Any,
        operation: str,
        input_: Any = None,
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Send an operation to an entity, for now or for later."""
        ...

    def lock(self, entities: Sequence[Any]) -> Any:
        """Make a wait for these locks. Its result is a context manager, and it is an async one."""
        ...

    def create_timer(self, fire_at: datetime) -> Any:
        """Make a timer."""
        ...

    def wait_for_external_event(self, name: str) -> Any:
        """Make a wait."""
        ...

    def task_all(self, activities: Sequence[Any]) -> Any:
        """Make a task of all these."""
        ...

    def task_any(self, activities: Sequence[Any]) -> Any:
        """Make a race of these; its result is the task that won."""
        ...

    def set_custom_status(self, status: Any) -> None:
        """Set the custom status."""
        ...
