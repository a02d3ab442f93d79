"""LockTask and CriticalSection: how an orchestrator enters a critical section, and leaves it.

    with (yield context.lock([a, b])):          # a generator
    async with context.lock([a, b]):            # an `async def`

Rule 1. The locks are asked for when the task is awaited, and released by one UnlockEntities: when
        the section is left, or when the request is taken back. Both take effect at once.
Rule 2. What leaves a section twice does so once. What leaves it when its context is dead, or after
        `continue_as_new`, does nothing: at the end of an execution the engine releases what is
        open, and dead code asks for nothing (rule J).
"""

from types import TracebackType
from typing import NoReturn, Self

from durable.model.actions import Action, LockEntities, UnlockEntities
from durable.model.errors import LockingRulesViolationError
from durable.replay.calls import OneAnswerTask
from durable.replay.sections import Section
from durable.replay.surroundings import Surroundings


class CriticalSection:
    """A section that was entered: leave it by `with`, or by `release()`."""

    def __init__(self, seen: Surroundings, section: Section) -> None:
        """Hold the locks of this section, which only this execution can release."""
        self._seen = seen
        self._section = section

    def release(self) -> None:
        """Leave the section, without waiting: calls that are under way are served first."""
        leave(self._seen, self._section)

    def __enter__(self) -> Self:
        if self._section.is_left:
            raise LockingRulesViolationError(
                "This critical section was left already; ask for its locks again."
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    async def __aenter__(self) -> NoReturn:
        raise TypeError(
            "This critical section is entered already: write 'with (await context.lock(...))', or "
            "'async with context.lock(...)' without the 'await'."
        )

    async def __aexit__(self, *_: object) -> None:
        """Be there for the error above: Python looks for both."""


class LockTask(OneAnswerTask):
    """A request for the locks of a section; its result is the `CriticalSection`."""

    def __init__(self, seen: Surroundings, lock_set: tuple[str, ...]) -> None:
        """Remember what to lock: instance ids, sorted, each once."""
        super().__init__()
        self.lock_set = lock_set
        self.is_cancelled = False
        self._seen = seen
        self._section: Section | None = None

    def to_action(self, task_id: int) -> Action:
        """Ask for it."""
        return LockEntities(task_id=task_id, lock_set=self.lock_set)

    def begin(self, task_id: int) -> None:
        """Note that the locks were asked for under this id."""
        self._section = self._seen.section = Section(task_id, self.lock_set)

    def enter(self) -> CriticalSection | None:
        """Enter the section: the last lock was granted. `None` where nobody wants it any more."""
        section = self._section
        if section is None or section.is_left:
            return None
        section.is_entered = True
        return CriticalSection(self._seen, section)

    def cancel(self) -> None:
        """Take the request back: it will never complete. `ValueError` if the locks are granted.

        So a lock can have a timeout: `task_any([lock, timer])`, and this if the timer wins.
        """
        if self.is_completed:
            raise ValueError("Cannot cancel a completed task.")
        self.is_cancelled = True
        if self._section is not None:
            leave(self._seen, self._section)

    def __enter__(self) -> NoReturn:
        raise TypeError(
            "A lock has to be waited for: write 'with (yield context.lock(...))'; in an async def "
            "'async with context.lock(...)'."
        )

    def __exit__(self, *_: object) -> None:
        """Be there for the error above: Python looks for both."""

    async def __aenter__(self) -> CriticalSection:
        section: CriticalSection = await self
        return section.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._section is not None:
            leave(self._seen, self._section)


def leave(seen: Surroundings, section: Section) -> None:
    """Release all of its entities, granted or not (rules 1 and 2)."""
    if section.is_left or seen.is_dropped:
        return
    section.is_left = True
    seen.section = None
    seen.docket.record(
        lambda task_id: UnlockEntities(
            task_id=task_id, lock_set=section.lock_set, critical_section_id=section.task_id
        ),
        counts=seen.continues is None,
    )
