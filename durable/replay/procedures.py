"""Procedures: one task to the orchestrator, several steps to the history.

Rule 1. The first step is scheduled when the procedure is; each further one at the moment at which
        the step before it completed, whatever the orchestrator waits for by then. So a procedure
        goes on inside `task_any` and a fan-out (Azure/azure-functions-durable-python#603).
Rule 2. The procedure completes with its last step.
"""

from collections.abc import Generator
from typing import Any, NamedTuple, TypeAlias

from durable.replay.calls import OneAnswerTask
from durable.replay.docket import Docket
from durable.replay.tasks import ParentTask, TaskBase


class Outcome(NamedTuple):
    """What a procedure comes to: a result, or an error."""

    value: Any
    failed: bool


Steps: TypeAlias = Generator[OneAnswerTask, None, Outcome]


class ProcedureTask(ParentTask):
    """A task whose steps a generator makes, one after another."""

    def __init__(self) -> None:
        """Wait to be scheduled."""
        super().__init__()
        self._docket: Docket | None = None
        self._steps: Steps | None = None
        self._order = 0

    def steps(self) -> Steps:
        """Yield each step; it has completed when the generator goes on. Return the outcome."""
        raise NotImplementedError

    def begin(self, docket: Docket) -> None:
        """Schedule the first step; its id becomes the procedure's. A second time does nothing."""
        if self._docket is None:
            self._docket = docket
            self._steps = self.steps()
            self._go_on()

    def child_completed(self, child: TaskBase, order: int) -> None:
        """Schedule the next step, or complete."""
        self._order = order
        self.is_played = child.is_played
        self._go_on()

    def _go_on(self) -> None:
        assert self._steps is not None
        assert self._docket is not None
        try:
            step = next(self._steps)
        except StopIteration as stop:
            value, failed = stop.value
            self._end(value, failed=failed)
            return
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (a retry predicate is user code)
            self._end(error, failed=True)
            return
        step.tell(self)
        self._docket.schedule(step)
        if self.id is None:
            self.id = step.id

    def _end(self, value: Any, *, failed: bool) -> None:
        self.complete(value, failed=failed, order=self._order, is_played=self.is_played)
