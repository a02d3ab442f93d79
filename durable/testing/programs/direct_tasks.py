"""The tasks of the direct run.

Nothing is told to anybody: when a task ended, and with what, is computed from its leaves whenever
somebody asks. All-of ends with its last, or with the first that failed; any-of with its first, the
leftmost of those that ended at once.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from durable.model.failures import TaskFailedError


class End(NamedTuple):
    """How a task ended, as the how-manieth completion of a leaf; 0 is before all."""

    order: int
    value: Any = None
    error: TaskFailedError | None = None


class DirectTask:
    """Something to wait for."""

    def end(self) -> End | None:
        """Tell how it ended, if it has."""
        raise NotImplementedError

    def leaves(self) -> "Iterator[Leaf]":
        """List what it is made of, left to right."""
        raise NotImplementedError

    def open_leaves(self) -> "Iterator[Leaf]":
        """List the same, but for what belongs to combinations that have ended."""
        return self.leaves()

    def __await__(self) -> "Generator[DirectTask, Any, Any]":
        """Let an `async def` wait for it as a generator does."""
        return (yield self)

    @property
    def is_completed(self) -> bool:
        """Whether it has ended."""
        return self.end() is not None

    @property
    def result(self) -> Any:
        """Its value, or the error of a failed task."""
        end = self.end()
        return None if end is None else end.error or end.value


class Leaf(DirectTask):
    """A task that is not made of others.

    `execution` counts the executions of the life that scheduled it. `owner` is the retry that it is
    a step of.
    """

    def __init__(self) -> None:
        """Start out unscheduled."""
        self.is_scheduled = False
        self.execution = 0
        self.owner: DirectRetry | None = None
        self.ended: End | None = None

    def end(self) -> End | None:
        """Tell what it was answered."""
        return self.ended

    def leaves(self) -> "Iterator[Leaf]":
        """Itself."""
        yield self


class DirectCall(Leaf):
    """A call of an activity."""

    def __init__(self, name: str, argument: Any) -> None:
        """Remember what to call."""
        super().__init__()
        self.name = name
        self.argument = argument


class DirectTimer(Leaf):
    """A timer."""

    def __init__(self, fire_at: datetime) -> None:
        """Remember when."""
        super().__init__()
        self.fire_at = fire_at
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never end."""
        self.is_cancelled = True


class DirectChild(Leaf):
    """A child orchestration; `life` is what was begun for it, once it was."""

    def __init__(self, name: str, argument: Any, instance_id: str | None) -> None:
        """Remember whom to start."""
        super().__init__()
        self.name = name
        self.argument = argument
        self.instance_id = instance_id
        self.life: Any = None


class DirectRetry(Leaf):
    """A call under a retry policy: attempts and pauses, one after the other."""

    def __init__(
        self,
        call: Callable[[], Leaf],
        *,
        attempts: int,
        pause: timedelta,
        coefficient: float,
        is_of_child: bool,
    ) -> None:
        """Remember how to call."""
        super().__init__()
        self.is_of_child = is_of_child
        self._call = call
        self._left = attempts
        self._pause = pause
        self._coefficient = coefficient

    def attempt(self) -> Leaf:
        """Make the next attempt."""
        self._left -= 1
        return self._own(self._call())

    def step_after(self, step: Leaf, *, has_failed: bool, now: datetime) -> Leaf | None:
        """Make what follows a step; `None` where the step's answer is the whole answer."""
        if isinstance(step, DirectTimer):
            return self.attempt()
        if not has_failed or self._left == 0:
            return None
        timer = DirectTimer(now + self._pause)
        self._pause *= self._coefficient
        return self._own(timer)

    def _own(self, step: Leaf) -> Leaf:
        step.owner = self
        return step


class DirectWait(Leaf):
    """A wait for an external event."""

    def __init__(self, name: str) -> None:
        """Remember for which."""
        super().__init__()
        self.name = name


class _Composite(DirectTask):
    def __init__(self, children: Sequence[DirectTask]) -> None:
        self.children = tuple(children)

    def leaves(self) -> Iterator[Leaf]:
        for child in self.children:
            yield from child.leaves()

    def open_leaves(self) -> Iterator[Leaf]:
        if self.end() is None:
            for child in self.children:
                yield from child.open_leaves()


class DirectAll(_Composite):
    """All of these."""

    def end(self) -> End | None:
        """End with the first failure, else with the last child."""
        ends = [child.end() for child in self.children]
        failures = [end for end in ends if end is not None and end.error is not None]
        if failures:
            return min(failures, key=lambda end: end.order)
        done = [end for end in ends if end is not None]
        if len(done) < len(ends):
            return None
        return End(max((end.order for end in done), default=0), [end.value for end in done])


class DirectAny(_Composite):
    """The first of these; the value is that child, however it ended."""

    def end(self) -> End | None:
        """End with the first child."""
        if not self.children:
            return End(0, [])
        ends = [(end.order, child) for child in self.children if (end := child.end())]
        if not ends:
            return None
        return End(*min(ends, key=lambda pair: pair[0]))
