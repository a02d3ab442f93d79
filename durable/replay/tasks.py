"""Tasks: what an orchestrator yields, and what it gets back.

Rule 1. A task is scheduled when it is yielded, alone or inside another task, never when it is made;
        ids are given in the order of that scheduling, as in azure-functions-durable 1.7.
Rule 2. A task completes once. Composite tasks learn of it at once, so the winner of a `task_any`
        is the first *recorded* completion, whatever the batches were. A composite task completes
        with the task that decided it; of several that complete with one task the left one wins.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from durable.model.actions import Action, CreateTimer, ScheduleTask


class TaskState(Enum):
    """How far a task has come."""

    RUNNING = 0
    SUCCEEDED = 1
    FAILED = 2


class TaskBase:
    """Something that an orchestrator can wait for."""

    def __init__(self) -> None:
        """Start out running and unscheduled."""
        self.id: int | str | None = None
        self.state = TaskState.RUNNING
        self.completed_as: int | None = None
        self._value: Any = None
        self._parents: list[CompositeTask] = []

    @property
    def is_completed(self) -> bool:
        """Whether there is a result or an error."""
        return self.state is not TaskState.RUNNING

    @property
    def result(self) -> Any:
        """The result, `None` while there is none; the exception of a failed task, as in 1.7."""
        return self._value

    @property
    def error(self) -> BaseException | None:
        """The error of a failed task."""
        return self._value if self.state is TaskState.FAILED else None

    def complete(self, value: Any, *, failed: bool, order: int) -> None:
        """Take the result or the error; `order` counts the completions of the whole execution."""
        if self.is_completed:
            return
        self._value = value
        self.state = TaskState.FAILED if failed else TaskState.SUCCEEDED
        self.completed_as = order
        for parent in self._parents:
            parent.child_completed(self, order)

    def catch_up(self, order: int) -> None:
        """Learn what one's own children know already; a task without children knows itself."""

    def tell(self, parent: "CompositeTask") -> None:
        """Report to this parent too when completed."""
        self._parents.append(parent)


class ActivityTask(TaskBase):
    """An activity that was called."""

    def __init__(self, name: str, input_: str | None) -> None:
        """Remember what to call, with its input as JSON text."""
        super().__init__()
        self.name = name
        self.input = input_

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return ScheduleTask(task_id=task_id, name=self.name, input=self.input)


class TimerTask(TaskBase):
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

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return CreateTimer(task_id=task_id, fire_at=self.fire_at)


class ExternalEventTask(TaskBase):
    """A wait for one external event; its id is the event's name."""

    def __init__(self, name: str) -> None:
        """Remember which."""
        super().__init__()
        self.id = name
        self.name = name


class CompositeTask(TaskBase):
    """A task made of others."""

    def __init__(self, children: Sequence[TaskBase]) -> None:
        """Watch the children."""
        super().__init__()
        self.children = list(children)
        for child in self.children:
            child.tell(self)

    @property
    def pending_tasks(self) -> list[TaskBase]:
        """The children that are still running."""
        return [child for child in self.children if not child.is_completed]

    @property
    def completed_tasks(self) -> list[TaskBase]:
        """The children that have completed."""
        return [child for child in self.children if child.is_completed]

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Learn that a child has completed, as the `order`-th completion of the execution."""
        raise NotImplementedError

    def catch_up(self, order: int) -> None:
        """Learn of all children, at any depth, that the `order`-th completion has decided.

        A shared task tells its parents one after another; one of them must not decide before the
        others know.
        """
        for child in self.children:
            child.catch_up(order)
        if not self.is_completed:
            self.decide(order)

    def decide(self, order: int) -> None:
        """Complete if the children, as they stand after this completion, say so."""
        raise NotImplementedError

    def _already_completed(self) -> list[TaskBase]:
        return sorted(self.completed_tasks, key=lambda child: child.completed_as or 0)


class WhenAllTask(CompositeTask):
    """Completes when all children have, with the list of results; fails with the first failure."""

    def __init__(self, children: Sequence[TaskBase]) -> None:
        """Watch; no children is complete at once."""
        super().__init__(children)
        # Counted by mention: a child that stands twice in the list reports twice. A wide fan-in
        # would be quadratic if each report looked at all children.
        self._running = len(self.pending_tasks)
        completed = self._already_completed()
        for child in completed:
            if child.error is not None:
                self.complete(child.error, failed=True, order=child.completed_as or 0)
        self._complete_if_all(max((child.completed_as or 0 for child in completed), default=0))

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Fail with the child, or complete with the last one."""
        if child.error is not None:
            self.complete(child.error, failed=True, order=order)
            return
        self._running -= 1
        self._complete_if_all(order)

    def decide(self, order: int) -> None:
        """Look at all children."""
        failed = next((child for child in self.children if child.error is not None), None)
        if failed is not None:
            self.complete(failed.error, failed=True, order=order)
        elif not self.pending_tasks:
            self._running = 0
            self._complete_if_all(order)

    def _complete_if_all(self, order: int) -> None:
        if self._running == 0 and not self.is_completed:
            self.complete([child.result for child in self.children], failed=False, order=order)


class WhenAnyTask(CompositeTask):
    """Completes with the first child that does; the result is that child."""

    def __init__(self, children: Sequence[TaskBase]) -> None:
        """Watch; a child that is complete already wins at once, the earliest of them first."""
        super().__init__(children)
        for child in self._already_completed():
            self.complete(child, failed=False, order=child.completed_as or 0)
        if not self.children:
            self.complete([], failed=False, order=0)

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Win with the child; of several that one completion has decided, with the left one."""
        del child  # `order` finds it, and others beside it
        if not self.is_completed:
            self.catch_up(order)

    def decide(self, order: int) -> None:
        """Choose the left one."""
        decided = (child for child in self.children if child.completed_as == order)
        winner = next(decided, None)
        if winner is not None:
            self.complete(winner, failed=False, order=order)
