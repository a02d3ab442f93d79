"""One life in the direct run: a generator, what it waits for, and the events it has not read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from durable.model.failures import FailureDetails, TaskFailedError
from durable.testing.programs.code import Orchestrator
from durable.testing.programs.direct_tasks import (
    DirectAll,
    DirectAny,
    DirectCall,
    DirectTask,
    DirectTimer,
    DirectWait,
    End,
    Leaf,
)
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import Value

Status: TypeAlias = Literal["Running", "Completed", "Failed", "Terminated"]


class DirectContext:
    """What an orchestrator sees of its life."""

    def __init__(self, argument: Value, now: Callable[[], datetime]) -> None:
        """Show this input and this clock."""
        self._argument = argument
        self._now = now
        self.custom_status: Value = None

    @property
    def current_utc_datetime(self) -> datetime:
        """The virtual time."""
        return self._now()

    def get_input(self) -> Value:
        """Return the input."""
        return self._argument

    def call_activity(self, name: str, input_: Any = None) -> DirectTask:
        """Make a call."""
        return DirectCall(name, input_)

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


class Life:
    """One life of an instance. Whatever comes for it after its end is dropped.

    `schedule` is called with the life and each call and timer, once, when it is first awaited.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        argument: Value,
        *,
        now: Callable[[], datetime],
        schedule: "Callable[[Life, DirectCall | DirectTimer], None]",
    ) -> None:
        """Begin when `start` is called."""
        self.status: Status = "Running"
        self.value: Value = None
        self._context = DirectContext(argument, now)
        self._generator = orchestrator(self._context)
        self._schedule = schedule
        self._awaited: DirectTask | None = None
        self._unread: list[tuple[str, Value]] = []
        self._completions = 0

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.status == "Running"

    @property
    def custom_status(self) -> Value:
        """The custom status that was set last."""
        return self._context.custom_status

    def start(self) -> None:
        """Run to the first wait."""
        if self.is_alive:
            self._resume(lambda: next(self._generator))
            self._run_on()

    def answer(self, leaf: Leaf, value: Value = None, *, failure: str | None = None) -> None:
        """Complete a call or a timer."""
        if not self.is_alive or (isinstance(leaf, DirectTimer) and leaf.is_cancelled):
            return
        self._complete(leaf, value, failure=failure)
        self._run_on()

    def take_event(self, name: str, data: Value) -> None:
        """Keep an external event until it is asked for."""
        if self.is_alive:
            self._unread.append((name, data))
            self._run_on()

    def terminate(self, reason: Value) -> None:
        """End at once."""
        if self.is_alive:
            self._generator.close()
            self._finish("Terminated", reason)

    def _complete(self, leaf: Leaf, value: Value, *, failure: str | None = None) -> None:
        self._completions += 1
        error = None if failure is None else _failed(failure)
        leaf.ended = End(self._completions, value, error)

    def _run_on(self) -> None:
        while self.is_alive and self._awaited is not None:
            self._read_events(self._awaited)
            end = self._awaited.end()
            if end is None:
                return
            error, value = end.error, end.value
            if error is not None:
                self._resume(lambda error=error: self._generator.throw(error))  # type: ignore[misc]
            else:
                self._resume(lambda value=value: self._generator.send(value))  # type: ignore[misc]

    def _resume(self, advance: Callable[[], DirectTask]) -> None:
        try:
            self._awaited = advance()
        except StopIteration as stop:
            self._finish("Completed", value_of_json(stop.value))
        except ProgramError as error:
            self._finish("Failed", str(error))
        else:
            for leaf in self._awaited.leaves():
                if isinstance(leaf, DirectCall | DirectTimer) and not leaf.is_scheduled:
                    leaf.is_scheduled = True
                    self._schedule(self, leaf)

    def _read_events(self, awaited: DirectTask) -> None:
        """Hand unread events out until what is awaited is complete: rule S3 of the semantics."""
        while not awaited.is_completed:
            waits = [
                leaf
                for leaf in awaited.leaves()
                if isinstance(leaf, DirectWait) and not leaf.is_completed
            ]
            found = next(
                (
                    (place, wait)
                    for place, (name, _) in enumerate(self._unread)
                    for wait in waits
                    if wait.name == name
                ),
                None,
            )
            if found is None:
                return
            place, wait = found
            self._complete(wait, self._unread.pop(place)[1])

    def _finish(self, status: Status, value: Value) -> None:
        self.status, self.value, self._awaited = status, value, None


def _failed(message: str) -> TaskFailedError:
    details = FailureDetails(error_type="ProgramError", error_message=message)
    return TaskFailedError("Activity function failed", message, details)
