"""Docket: what the code has asked for, under which task ids, held against what is recorded.

It knows neither the execution nor the code (only weakly where that stands), so that an execution
which is forgotten without being dropped is freed at once, and not by the collector some time.
"""

import inspect
import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TypeVar

from durable.model.actions import Action, OrchestratorAction
from durable.model.history import Scheduling
from durable.replay.calls import OneAnswerTask
from durable.replay.determinism import (
    Mismatch,
    NonDeterminism,
    describe,
    event_of,
    matches,
    same_arguments,
)

ROOM = __name__.rpartition(".")[0]
Asked = TypeVar("Asked", bound=OrchestratorAction)


class Docket:
    """Gives task ids in the order of asking; an id that is recorded must be asked for alike."""

    def __init__(self, *, version: str | None = None, strict: bool = False) -> None:
        """Start with nothing asked. `strict`: arguments must match too."""
        self.version = version
        self.strict = strict
        self.recorded: Mapping[int, Scheduling] = {}
        self.actions: list[Action] = []
        self.tasks_scheduled = 0
        self.open: dict[int, OneAnswerTask] = {}
        self.warnings: list[str] = []
        self.divergence: NonDeterminism | None = None
        self._where: Callable[[], Callable[[], str] | None] = lambda: None

    def look_at(self, where: Callable[[], str]) -> None:
        """Ask this method, for as long as its object lives, where the code stands."""
        self._where = weakref.WeakMethod(where)

    def schedule(self, task: OneAnswerTask) -> None:
        """Give the task its id and ask for it. Raises `NonDeterminism`."""
        task_id = self.tasks_scheduled
        task.id = task_id
        self.tasks_scheduled += 1
        self.open[task_id] = task
        where = self._where()
        self._ask(task.to_action(task_id), where or line_of_caller)

    def record(self, make: Callable[[int], Asked], *, counts: bool) -> Asked:
        """Ask for something that the running code wants now, and that has no answer.

        What is not as recorded is noted in `divergence`: an exception could be caught by the code.
        One that does not count gets no id.
        """
        action = make(self.tasks_scheduled)
        if counts:
            self.tasks_scheduled += 1
            try:
                self._ask(action, line_of_caller)  # type: ignore[arg-type]
            except NonDeterminism as divergence:
                self.divergence = self.divergence or divergence
        return action

    def check(self) -> None:
        """Raise what `record` has noted."""
        if self.divergence is not None:
            raise self.divergence

    def _ask(self, action: Action, where: Callable[[], str]) -> None:
        """Compare with what is recorded; ask only for what is not."""
        recorded = self.recorded.get(action.task_id)
        if recorded is None:
            self.actions.append(action)
        elif not matches(recorded, action):
            raise NonDeterminism(self._mismatch(recorded, action, where(), with_arguments=False))
        elif not same_arguments(recorded, action):
            # azure-functions-durable 1.7 never compared arguments, so running apps may depend on
            # the recorded one winning.
            mismatch = self._mismatch(recorded, action, where(), with_arguments=True)
            if self.strict:
                raise NonDeterminism(mismatch)
            self.warnings.append(mismatch.explain())

    def _mismatch(
        self, recorded: Scheduling, action: Action, where: str, *, with_arguments: bool
    ) -> Mismatch:
        return Mismatch(
            task_id=action.task_id,
            event=event_of(recorded),
            expected=describe(recorded, with_arguments=with_arguments),
            actual=describe(action, with_arguments=with_arguments),
            where=where,
            version=self.version,
        )


def is_ours(frame: FrameType) -> bool:
    """Say whether this is code of this room, and not the user's."""
    return str(frame.f_globals.get("__name__")).startswith(f"{ROOM}.")


def line_of_caller() -> str:
    """Say at which line the user's code called into this room."""
    frame = inspect.currentframe()
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return (
        f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an unknown line"
    )
