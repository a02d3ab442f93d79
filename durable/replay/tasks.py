"""Tasks: what an orchestrator yields or awaits, what it gets back, and how tasks combine.

Rule 1. A task is scheduled when it is yielded, alone or inside another task, never when it is made;
        ids are given in the order of that scheduling, as in azure-functions-durable 1.7.
Rule 2. A task completes once. Composite tasks learn of it at once, so the winner of a `task_any`
        is the first *recorded* completion, whatever the batches were. A composite task completes
        with the task that decided it; of several that complete with one task the left one wins.
"""

from collections.abc import Generator, Sequence
from enum import Enum
from typing import Any


class TaskState(Enum):
    """How far a task has come."""

    RUNNING = 0
    SUCCEEDED = 1
    FAILED = 2


class TaskBase:
    """Something that an orchestrator can wait for.

    `action_repr` is there for code of 1.7 that makes tasks itself; nothing here reads it.
    """

    def __init__(self, id_: int | str | None = None, actions: Any = None) -> None:
        """Start out running and unscheduled."""
        self.id = id_
        self.action_repr = actions
        self.state = TaskState.RUNNING
        self.is_played = False
        self.completed_as: int | None = None
        self._value: Any = None
        self._parents: list[ParentTask] = []

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

    @property
    def parent(self) -> "TaskBase | None":
        """The task that this one is a part of; the first, where there are several."""
        return self._parents[0] if self._parents else None

    def complete(self, value: Any, *, failed: bool, order: int, is_played: bool = False) -> None:
        """Take the result or the error; `order` counts the completions of the whole execution."""
        if self.is_completed:
            return
        self._value = value
        self.state = TaskState.FAILED if failed else TaskState.SUCCEEDED
        self.completed_as = order
        self.is_played = is_played
        self.propagate()

    def set_value(self, is_error: bool, value: Any) -> None:  # noqa: FBT001  (1.7's signature)
        """Complete the task by hand, as unit tests of 1.7 do."""
        if is_error and not isinstance(value, BaseException):
            raise TypeError(f"Task ID {self.id} failed but it's value was not an Exception")
        self.complete(value, failed=is_error, order=self._next_order())

    def change_state(self, state: TaskState) -> None:
        """Put the task into a final state, without a value and without telling anybody."""
        if state is TaskState.RUNNING:
            raise ValueError("Cannot change Task to the RUNNING state.")
        self.state = state
        self.completed_as = self._next_order()

    def propagate(self) -> None:
        """Tell the tasks that this one is a part of that it has completed."""
        if self.is_completed:
            for parent in self._parents:
                parent.child_completed(self, self.completed_as or 0)

    def catch_up(self, order: int) -> None:
        """Learn what one's own children know already; a task without children knows itself."""

    def tell(self, parent: "ParentTask") -> None:
        """Report to this parent too when completed."""
        self._parents.append(parent)

    def __await__(self) -> Generator["TaskBase", Any, Any]:
        """Wait in an `async def` orchestrator, as `yield` does in a generator."""
        return (yield self)

    def _next_order(self) -> int:
        """Come after every task that this one shares a parent with."""
        beside = (
            child.completed_as or 0
            for parent in self._parents
            if isinstance(parent, CompositeTask)
            for child in parent.children
        )
        return max(beside, default=0) + 1


class ParentTask(TaskBase):
    """A task that learns of the completion of others."""

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Learn that a child has completed, as the `order`-th completion of the execution."""
        raise NotImplementedError


class CompositeTask(ParentTask):
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
    """Completes when all children have, with the list of results, or with the first failure.

    `fails_at_once`: a failure is not waited with until the others have completed.
    """

    def __init__(self, children: Sequence[TaskBase], *, fails_at_once: bool = True) -> None:
        """Watch; no children is complete at once."""
        super().__init__(children)
        self._fails_at_once = fails_at_once
        # Counted by mention: a child that stands twice in the list reports twice. A wide fan-in
        # would be quadratic if each report looked at all children.
        self._running = len(self.pending_tasks)
        completed = self._already_completed()
        if fails_at_once:
            for child in completed:
                self._fail_with(child, child.completed_as or 0)
        self._complete_if_all(max((child.completed_as or 0 for child in completed), default=0))

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Fail with the child, or complete with the last one."""
        if self._fails_at_once and child.error is not None:
            self._fail_with(child, order)
            return
        self._running -= 1
        self._complete_if_all(order)

    def decide(self, order: int) -> None:
        """Look at all children."""
        if self._fails_at_once:
            for child in self.children:
                self._fail_with(child, order)
        if not self.pending_tasks:
            self._running = 0
            self._complete_if_all(order)

    def _fail_with(self, child: TaskBase, order: int) -> None:
        if child.error is not None:
            self.complete(child.error, failed=True, order=order, is_played=child.is_played)

    def _complete_if_all(self, order: int) -> None:
        if self._running != 0 or self.is_completed:
            return
        is_played = all(child.is_played for child in self.children)
        for child in self._already_completed():
            self._fail_with(child, order)
        results = [child.result for child in self.children]
        self.complete(results, failed=False, order=order, is_played=is_played)


class WhenAnyTask(CompositeTask):
    """Completes with the first child that does; the result is that child."""

    def __init__(self, children: Sequence[TaskBase]) -> None:
        """Watch; a child that is complete already wins at once, the earliest of them first."""
        super().__init__(children)
        for child in self._already_completed():
            self._win(child, child.completed_as or 0)
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
            self._win(winner, order)

    def _win(self, winner: TaskBase, order: int) -> None:
        self.complete(winner, failed=False, order=order, is_played=winner.is_played)
