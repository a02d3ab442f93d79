"""One life in the direct run: its executions one after another, and the events not read yet."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, Protocol, TypeAlias

from durable.model.errors import LockingRulesViolationError
from durable.model.failures import FailureDetails, TaskFailedError
from durable.testing.programs.code import Orchestrator
from durable.testing.programs.direct_context import DirectContext
from durable.testing.programs.direct_sections import (
    EMPTY,
    NESTED,
    SIGNAL_TO_LOCKED,
    DirectLock,
    DirectOperation,
    DirectSection,
)
from durable.testing.programs.direct_tasks import (
    DirectChild,
    DirectRetry,
    DirectTask,
    DirectTimer,
    DirectWait,
    End,
    Leaf,
)
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import Value

Status: TypeAlias = Literal["Running", "Suspended", "Completed", "Failed", "Terminated"]

EXECUTIONS_MAX = 10_000


class Outside(Protocol):
    """What a life asks of the run that it is part of."""

    def now(self) -> datetime:
        """Tell the virtual time."""
        ...

    def schedule(self, life: "Life", leaf: Leaf) -> None:
        """Bring about the answer to a call, a child or a timer; each once."""
        ...

    def start_detached(
        self, life: "Life", name: str, argument: Value, instance_id: str | None
    ) -> str:
        """Start an instance that owes no answer; give its id."""
        ...

    def send_event(self, instance_id: str, name: str, data: Value) -> None:
        """Raise an event to another instance."""
        ...

    def signal(
        self, life: "Life", entity: str, operation: str, argument: Value, due_at: datetime | None
    ) -> None:
        """Send an operation to an entity."""
        ...

    def leave(self, life: "Life", section: DirectSection) -> None:
        """Release the locks of a section, granted or not."""
        ...

    def ended(self, life: "Life") -> None:
        """Learn that a life is over."""
        ...


class Life:
    """One life of an instance. Whatever comes for it after its end is dropped.

    What comes before it has begun waits for that, and what comes while it is suspended for the end
    of that; only a terminate acts at once.
    """

    def __init__(
        self, instance_id: str, orchestrator: Orchestrator, argument: Value, outside: Outside
    ) -> None:
        """Begin when `start` is called."""
        self.instance_id = instance_id
        self.status: Status = "Running"
        self.value: Value = None
        self.parent: tuple[Life, DirectChild] | None = None
        self._orchestrator = orchestrator
        self._outside = outside
        self._execution = 0
        self._context = DirectContext(argument, self)
        self._code = orchestrator(self._context)
        self._awaited: DirectTask | None = None
        self._section: DirectSection | None = None
        self._children: list[DirectChild] = []
        self._unread: list[tuple[str, Value]] = []
        self._early: list[Callable[[], None]] = []
        self._held: list[Callable[[], None]] = []
        self._completions = 0

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.status in {"Running", "Suspended"}

    @property
    def custom_status(self) -> Value:
        """The custom status that was set last."""
        return self._context.custom_status

    # What comes.

    def start(self) -> None:
        """Run to the first wait."""
        if not self.is_alive:
            return
        self._execution = 1
        self._resume_with(lambda: self._code.send(None))
        self._run_on()
        early, self._early = self._early, []
        for happen in early:
            happen()

    def answer(self, leaf: Leaf, value: Value = None, *, failure: str | None = None) -> None:
        """Complete a call, a child or a timer, if the execution that asked for it goes on."""
        self._take(partial(self._answer, leaf, value, failure))

    def take_event(self, name: str, data: Value) -> None:
        """Keep an external event until it is asked for."""
        self._take(partial(self._take_event, name, data))

    def suspend(self) -> None:
        """Hold everything that comes."""
        if self._execution == 0:
            self._early.append(self.suspend)
        elif self.is_alive:
            self.status = "Suspended"

    def resume(self) -> None:
        """Take what was held, in order."""
        if self._execution == 0:
            self._early.append(self.resume)
        elif self.status == "Suspended":
            self.status = "Running"
            held, self._held = self._held, []
            for happen in held:
                self._take(happen)

    def terminate(self, reason: Value) -> tuple[DirectChild, ...]:
        """End at once; give the children that have not answered."""
        if not self.is_alive:
            return ()
        self._code.close()
        children = tuple(child for child in self._children if child.ended is None)
        self._finish("Terminated", reason)
        return children

    def _take(self, happen: Callable[[], None]) -> None:
        if self.is_alive and self._execution == 0:
            self._early.append(partial(self._take, happen))
        elif self.status == "Suspended":
            self._held.append(happen)
        elif self.is_alive:
            happen()

    def _take_event(self, name: str, data: Value) -> None:
        self._unread.append((name, data))
        self._run_on()

    def _answer(self, leaf: Leaf, value: Value, failure: str | None) -> None:
        is_cancelled = isinstance(leaf, DirectTimer) and leaf.is_cancelled
        if is_cancelled or leaf.execution != self._execution:
            return
        self._complete(leaf, value, failure=failure)
        owner = leaf.owner
        if owner is not None:
            has_failed = failure is not None
            step = owner.step_after(leaf, has_failed=has_failed, now=self._outside.now())
            if step is None:
                self._complete(owner, value, failure=failure)
            else:
                self._schedule(step)
        self._run_on()

    # What the code asks for.

    def now(self) -> datetime:
        """Tell the virtual time."""
        return self._outside.now()

    def start_detached(self, name: str, argument: Value, instance_id: str | None) -> str:
        """Start an instance that owes no answer."""
        return self._outside.start_detached(self, name, argument, instance_id)

    def send_event(self, instance_id: str, name: str, data: Value) -> None:
        """Raise an event to another instance."""
        self._outside.send_event(instance_id, name, data)

    def signal_entity(
        self, entity: str, operation: str, argument: Value, due_at: datetime | None
    ) -> None:
        """Send an operation to an entity; `LockingRulesViolationError` if it is locked."""
        if self._section is not None and entity in self._section.entities:
            raise LockingRulesViolationError(SIGNAL_TO_LOCKED)
        self._outside.signal(self, entity, operation, argument, due_at)

    def make_section(self, entities: Sequence[str]) -> DirectSection:
        """Make a section; `LockingRulesViolationError` inside another."""
        if self._section is not None:
            raise LockingRulesViolationError(NESTED)
        if not entities:
            raise ValueError(EMPTY)
        return DirectSection(entities, self._leave)

    def _leave(self, section: DirectSection) -> None:
        if self._section is section:
            self._section = None
            self._outside.leave(self, section)

    def _schedule(self, leaf: Leaf) -> None:
        if isinstance(leaf, DirectWait) or leaf.is_scheduled:
            return
        leaf.is_scheduled = True
        if isinstance(leaf, DirectRetry):
            self._schedule(leaf.attempt())
            return
        leaf.execution = self._execution
        if isinstance(leaf, DirectChild):
            self._children.append(leaf)
        elif isinstance(leaf, DirectLock):
            self._section = leaf.section
        elif isinstance(leaf, DirectOperation) and self._section is not None:
            self._section.calls.append(leaf)
        self._outside.schedule(self, leaf)

    # Running.

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
                self._resume_with(lambda error=error: self._code.throw(error))  # type: ignore[misc]
            else:
                self._resume_with(lambda value=value: self._code.send(value))  # type: ignore[misc]

    def _resume_with(self, advance: Callable[[], DirectTask]) -> None:
        while not self._advance(advance):
            advance = self._begin_anew()

    def _advance(self, advance: Callable[[], DirectTask]) -> bool:
        """Run to the next wait or to the end; say no where the code has continued as new."""
        try:
            self._awaited = advance()
        except StopIteration as stop:
            if self._context.continued is not None:
                return False
            self._finish("Completed", value_of_json(stop.value))
        except ProgramError as error:
            self._finish("Failed", str(error))
        else:
            return self._ask_for(self._awaited)
        return True

    def _ask_for(self, awaited: DirectTask) -> bool:
        """Schedule all leaves, or none where one of them breaks a rule of the section."""
        leaves = list(awaited.leaves())
        broken = None if self._section is None else self._section.broken_by(leaves)
        if broken is not None:
            error = LockingRulesViolationError(broken)
            return self._advance(lambda: self._code.throw(error))
        for leaf in leaves:
            self._schedule(leaf)
        return True

    def _begin_anew(self) -> Callable[[], DirectTask]:
        """Make the next execution: it has the events that nobody has read, and no answers."""
        if self._execution == EXECUTIONS_MAX:
            raise RuntimeError("The program continues as new for ever.")
        self._execution += 1
        self._children = []
        before = self._context
        assert before.continued is not None
        self._context = DirectContext(before.continued[0], self, custom_status=before.custom_status)
        self._code = self._orchestrator(self._context)
        return lambda: self._code.send(None)

    def _read_events(self, awaited: DirectTask) -> None:
        """Hand unread events out until what is awaited is complete: rule S3 of the semantics."""
        while not awaited.is_completed:
            waits = [
                leaf
                for leaf in awaited.open_leaves()
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
        if self._section is not None:
            self._leave(self._section)
        self._outside.ended(self)


def _failed(message: str) -> TaskFailedError:
    details = FailureDetails(error_type="ProgramError", error_message=message)
    return TaskFailedError("Activity function failed", message, details)
