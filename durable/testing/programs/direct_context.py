"""DirectContext: what an orchestrator sees in the direct run."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from durable.replay.retries import RetryOptions
from durable.testing.programs.direct_sections import DirectLock, DirectOperation, DirectSection
from durable.testing.programs.direct_tasks import (
    DirectAll,
    DirectAny,
    DirectCall,
    DirectChild,
    DirectRetry,
    DirectTask,
    DirectTimer,
    DirectWait,
    Leaf,
)
from durable.testing.programs.syntax import Value


class Surrounds(Protocol):
    """What a context asks of the life that it shows."""

    def now(self) -> datetime:
        """Tell the virtual time."""
        ...

    def start_detached(self, name: str, argument: Value, instance_id: str | None) -> str:
        """Start an instance that owes no answer; give its id."""
        ...

    def send_event(self, instance_id: str, name: str, data: Value) -> None:
        """Raise an event to another instance."""
        ...

    def signal_entity(
        self, entity: str, operation: str, argument: Value, due_at: datetime | None
    ) -> None:
        """Send an operation to an entity; `LockingRulesViolationError` if it is locked."""
        ...

    def make_section(self, entities: Sequence[str]) -> DirectSection:
        """Make a section; `LockingRulesViolationError` inside another."""
        ...


class DirectContext:
    """One execution's view. `continued` has the input of the next one, once that was asked for."""

    def __init__(
        self, argument: Value, surrounds: Surrounds, *, custom_status: Value = None
    ) -> None:
        """Show this input, and what lies around."""
        self._argument = argument
        self._surrounds = surrounds
        self.custom_status: Value = custom_status
        self.continued: tuple[Value] | None = None

    @property
    def current_utc_datetime(self) -> datetime:
        """The virtual time."""
        return self._surrounds.now()

    def get_input(self) -> Value:
        """Return the input."""
        return self._argument

    def call_activity(self, name: str, input_: Any = None) -> DirectTask:
        """Make a call."""
        return DirectCall(name, input_)

    def call_activity_with_retry(
        self, name: str, retry_options: RetryOptions, input_: Any = None
    ) -> DirectTask:
        """Make a call that is repeated."""
        return _retry(partial(DirectCall, name, input_), retry_options, is_of_child=False)

    def call_sub_orchestrator(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> DirectTask:
        """Make a child."""
        return DirectChild(name, input_, instance_id)

    def call_sub_orchestrator_with_retry(
        self,
        name: str,
        retry_options: RetryOptions,
        input_: Any = None,
        instance_id: str | None = None,
    ) -> DirectTask:
        """Make a child that is begun again when it fails."""
        call = partial(DirectChild, name, input_, instance_id)
        return _retry(call, retry_options, is_of_child=True)

    def start_new_orchestration(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> str:
        """Start an instance that owes no answer."""
        return self._surrounds.start_detached(name, input_, instance_id)

    def send_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Raise an event to another instance."""
        self._surrounds.send_event(instance_id, name, data)

    def call_entity(self, entity_id: Any, operation: str, input_: Any = None) -> DirectTask:
        """Make a call of an entity."""
        return DirectOperation(entity_id.name, operation, input_)

    def signal_entity(
        self,
        entity_id: Any,
        operation: str,
        input_: Any = None,
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Send an operation to an entity, for now or for later."""
        self._surrounds.signal_entity(entity_id.name, operation, input_, scheduled_time)

    def lock(self, entities: Sequence[Any]) -> DirectTask:
        """Make a wait for these locks."""
        return DirectLock(self._surrounds.make_section([each.name for each in entities]))

    def create_timer(self, fire_at: datetime) -> DirectTask:
        """Make a timer."""
        return DirectTimer(fire_at)

    def wait_for_external_event(self, name: str) -> DirectTask:
        """Make a wait."""
        return DirectWait(name)

    def task_all(self, activities: Sequence[DirectTask]) -> DirectTask:
        """Make a task of all these."""
        return DirectAll(activities)

    def task_any(self, activities: Sequence[DirectTask]) -> DirectTask:
        """Make a race."""
        return DirectAny(activities)

    def set_custom_status(self, status: Value) -> None:
        """Remember it."""
        self.custom_status = status

    def continue_as_new(self, input_: Any) -> None:
        """Begin anew when the code returns."""
        self.continued = (input_,)


def _retry(call: Callable[[], Leaf], options: RetryOptions, *, is_of_child: bool) -> DirectRetry:
    return DirectRetry(
        call,
        is_of_child=is_of_child,
        attempts=options.max_number_of_attempts,
        pause=timedelta(milliseconds=options.first_retry_interval_in_milliseconds),
        coefficient=options.backoff_coefficient,
    )
