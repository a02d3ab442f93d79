"""What an orchestrator can wait for by itself: a call, a child, an operation, a timer, an event."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from durable.model.actions import (
    Action,
    CallEntity,
    CreateSubOrchestration,
    CreateTimer,
    ScheduleTask,
)
from durable.model.ids import InstanceId
from durable.replay.tasks import CompositeTask, TaskBase


class OneAnswerTask(TaskBase):
    """A task that is scheduled under an id and gets one answer."""

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        raise NotImplementedError


class ActivityTask(OneAnswerTask):
    """An activity that was called."""

    def __init__(
        self,
        name: str,
        input_: str | None,
        *,
        expected_type: Any = None,
        attempt: int | None = None,
        timeout_ms: int | None = None,
    ) -> None:
        """Remember what to call, with its input as JSON text."""
        super().__init__()
        self.name = name
        self.input = input_
        self.expected_type = expected_type
        self.attempt = attempt
        self.timeout_ms = timeout_ms

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return ScheduleTask(
            task_id=task_id,
            name=self.name,
            input=self.input,
            attempt=self.attempt,
            timeout_ms=self.timeout_ms,
        )


class SubOrchestrationTask(OneAnswerTask):
    """A child that was started and owes an answer."""

    def __init__(
        self,
        name: str,
        input_: str | None,
        *,
        instance_id: InstanceId | None,
        default_id: Callable[[int], InstanceId],
        version: str | None = None,
        expected_type: Any = None,
    ) -> None:
        """Remember whom to start; without an id it gets the default one of its task."""
        super().__init__()
        self.name = name
        self.input = input_
        self.instance_id = instance_id
        self.version = version
        self.expected_type = expected_type
        self._default_id = default_id

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        if self.instance_id is None:
            self.instance_id = self._default_id(task_id)
        return CreateSubOrchestration(
            task_id=task_id,
            name=self.name,
            instance_id=self.instance_id,
            input=self.input,
            version=self.version,
        )


class EntityTask(OneAnswerTask):
    """An operation of an entity that was called; `instance_id` is the entity's."""

    def __init__(
        self, instance_id: str, operation: str, input_: str | None, *, expected_type: Any = None
    ) -> None:
        """Remember what to call, with its input as JSON text."""
        super().__init__()
        self.instance_id = instance_id
        self.operation = operation
        self.input = input_
        self.expected_type = expected_type

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return CallEntity(
            task_id=task_id,
            instance_id=self.instance_id,
            operation=self.operation,
            input=self.input,
        )


class TimerTask(OneAnswerTask):
    """A durable timer."""

    def __init__(self, fire_at: datetime) -> None:
        """Remember when, in UTC."""
        super().__init__()
        self.fire_at = fire_at
        self.is_cancelled = False

    def cancel(self) -> None:
        """Stop caring for the timer: it will never complete. `ValueError` if it has fired."""
        if self.is_completed:
            raise ValueError("Cannot cancel a completed task.")
        self.is_cancelled = True

    def is_canceled(self) -> bool:
        """Say whether it was cancelled, in the spelling of 1.7's long timers."""
        return self.is_cancelled

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return CreateTimer(task_id=task_id, fire_at=self.fire_at)


class LongTimerTask(TimerTask):
    """A timer that 1.7 would have cut into pieces. Here it is one timer like any other."""


class ExternalEventTask(TaskBase):
    """A wait for one external event; its id is the event's name."""

    def __init__(self, name: str, *, expected_type: Any = None) -> None:
        """Remember which."""
        super().__init__()
        self.id = name
        self.name = name
        self.expected_type = expected_type


class ContinueAsNewTask(TaskBase):
    """What `continue_as_new` returns, so that it can be yielded or awaited; it never completes."""


class _NoDefault:
    """No default was given."""


NO_DEFAULT = _NoDefault()


class TimedEventTask(CompositeTask):
    """A wait for an event that ends when a timer does: with the default, else a `TimeoutError`.

    An event that comes after that stays unread.
    """

    def __init__(self, event: ExternalEventTask, timer: TimerTask, default: Any) -> None:
        """Watch both."""
        super().__init__([event, timer])
        self._event = event
        self._timer = timer
        self._default = default

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Take what came first."""
        del child
        self.decide(order)

    def decide(self, order: int) -> None:
        """Complete with the event, or because of the timer."""
        event, timer = self._event, self._timer
        if event.is_completed:
            if not timer.is_completed:
                timer.cancel()
            failed = event.error is not None
            self.complete(event.result, failed=failed, order=order, is_played=event.is_played)
        elif timer.is_completed:
            failed = isinstance(self._default, _NoDefault)
            late = TimeoutError(f"No event '{event.name}' has come by {timer.fire_at.isoformat()}.")
            value = late if failed else self._default
            self.complete(value, failed=failed, order=order, is_played=timer.is_played)
