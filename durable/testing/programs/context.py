"""Context: all that an orchestrator made from a program asks of its context.

It is a part of `DurableOrchestrationContext`, so that the same code runs on the engine and on a
context without one (`direct`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol


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
