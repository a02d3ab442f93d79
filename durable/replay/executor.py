"""Execution: one run of an orchestrator function, advanced event by event.

Rule 1. Inputs are applied one at a time in recorded order, and after each one the code runs as far
        as it can: a batch must not decide who wins a `task_any`.
Rule 2. An execution is advanced by one caller at a time and dropped by `drop`; a dropped one is
        never advanced again.
"""

import inspect
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from types import GeneratorType
from typing import Any, NamedTuple, TypeAlias

from durable.model.actions import Action
from durable.model.errors import InvalidPayloadError
from durable.model.failures import FailureDetails, TaskFailedError
from durable.model.history import (
    EventRaised,
    HistoryEvent,
    Scheduling,
    TaskCompleted,
    TaskFailed,
    TimerFired,
)
from durable.model.values import decode_value, encode_value
from durable.replay.context import (
    DurableOrchestrationContext,
    ExecutionDropped,
    Surroundings,
)
from durable.replay.determinism import (
    Mismatch,
    NonDeterminism,
    describe,
    matches,
    same_arguments,
)
from durable.replay.tasks import (
    ActivityTask,
    CompositeTask,
    ExternalEventTask,
    TaskBase,
    TimerTask,
)

UserCode: TypeAlias = "GeneratorType[Any, Any, Any]"
Orchestrator = Callable[[DurableOrchestrationContext], Any]


# Code that swallows GeneratorExit is asked again, lest the collector asks it later, aloud.
CLOSINGS_MAX = 20


class _Unread(NamedTuple):
    """An event that nobody has taken yet, and the how-manieth it was."""

    order: int
    input: str | None


class Execution:
    """A live orchestrator: its generator, what it waits for, and what it has asked for."""

    def __init__(
        self, orchestrator: Orchestrator, surroundings: Surroundings, *, strict: bool
    ) -> None:
        """Hold an orchestrator that has not been called yet. `strict`: arguments must match too."""
        self.surroundings = surroundings
        self.strict = strict
        self.is_ended = False
        self.output: str | None = None
        self.failure: FailureDetails | None = None
        self.warnings: list[str] = []
        self.recorded: Mapping[int, Scheduling] = {}
        self.actions: list[Action] = []
        self.tasks_scheduled = 0
        self._orchestrator = orchestrator
        self._generator: UserCode | None = None
        self._awaited: TaskBase | None = None
        self._open: dict[int, ActivityTask | TimerTask] = {}
        self._waiting: defaultdict[str, deque[ExternalEventTask]] = defaultdict(deque)
        self._unread: defaultdict[str, deque[_Unread]] = defaultdict(deque)
        self._events = 0
        self._completions = 0

    def start(self) -> None:
        """Call the orchestrator and run it to its first wait."""
        try:
            called = self._orchestrator(DurableOrchestrationContext(self.surroundings))
        except (ExecutionDropped, KeyboardInterrupt):
            raise  # it was dropped while it ran, or the process is asked to end
        except BaseException as error:  # noqa: BLE001  (sys.exit() too must end the instance alone)
            self._fail(error)
            return
        if not isinstance(called, GeneratorType):
            self._end(called)
            return
        self._generator = called
        self._resume(lambda generator: generator.send(None))
        self._run_on()

    def apply(self, event: HistoryEvent) -> None:
        """Take one input and run the code as far as it goes."""
        match event:
            case TaskCompleted():
                self._answer(event.task_scheduled_id, decode_value(event.result), failed=False)
            case TaskFailed():
                error = TaskFailedError(event.reason, event.details, event.failure_details)
                self._answer(event.task_scheduled_id, error, failed=True)
            case TimerFired():
                self._answer(event.timer_id, None, failed=False)
            case EventRaised():
                self._events += 1
                self._unread[event.name].append(_Unread(self._events, event.input))
                self._deliver()
            case _:
                raise TypeError(f"{type(event).__name__} is not an input of an orchestrator.")
        self._run_on()

    def drop(self) -> None:
        """Let go of the code without letting it do anything (rule J)."""
        self.is_ended = True
        self.surroundings.is_dropped = True
        generator, self._generator = self._generator, None
        for _ in range(CLOSINGS_MAX):
            try:
                if generator is not None:
                    generator.close()
            except BaseException:  # noqa: BLE001, S112  (dead code has nothing to say)
                continue
            return

    def where(self) -> str:
        """Say at which line the code stands."""
        generator = self._generator
        while generator is not None and isinstance(generator.gi_yieldfrom, GeneratorType):
            generator = generator.gi_yieldfrom
        if generator is None or generator.gi_frame is None:
            code = getattr(inspect.unwrap(self._orchestrator), "__code__", None)
            name = self.surroundings.name
            return f"the end of {name}" + (
                f", {code.co_filename}:{code.co_firstlineno}" if code else ""
            )
        return f"{generator.gi_code.co_filename}:{generator.gi_frame.f_lineno}"

    def _answer(self, task_id: int, value: Any, *, failed: bool) -> None:
        task = self._open.pop(task_id, None)
        if task is None or (isinstance(task, TimerTask) and task.is_cancelled):
            return
        self._complete(task, value, failed=failed)

    def _complete(self, task: TaskBase, value: Any, *, failed: bool) -> None:
        self._completions += 1
        task.complete(value, failed=failed, order=self._completions)

    def _deliver(self) -> None:
        """Match waits and events: the earliest event first, of its name the earliest wait.

        Only what the code awaits *now* takes events: the wait of a `task_any` that a timer won
        long ago must not swallow the event that the code is asking for again. Once the awaited
        task is complete the rest stays unread: nobody asked for more than one winner.
        """
        while self._awaited is not None and not self._awaited.is_completed:
            names = [name for name, waits in self._waiting.items() if waits and self._unread[name]]
            if not names:
                return
            name = min(names, key=lambda name: self._unread[name][0].order)
            waiter = self._waiting[name].popleft()
            if not waiter.is_completed:
                event = self._unread[name].popleft()
                self._complete(waiter, decode_value(event.input), failed=False)

    def _run_on(self) -> None:
        """Resume for as long as what the code waits for is complete."""
        while not self.is_ended and self._awaited is not None and self._awaited.is_completed:
            task, self._awaited = self._awaited, None
            error = task.error
            if error is not None:
                self._resume(lambda generator, error=error: generator.throw(error))  # type: ignore[misc]
            else:
                self._resume(lambda generator, task=task: generator.send(task.result))  # type: ignore[misc]

    def _resume(self, advance: Callable[[UserCode], Any]) -> None:
        generator = self._generator
        assert generator is not None
        try:
            yielded = advance(generator)
            while not isinstance(yielded, TaskBase):
                yielded = generator.throw(_not_a_task(yielded))
        except StopIteration as stop:
            self._end(stop.value)
        except (ExecutionDropped, KeyboardInterrupt):
            raise  # it was dropped while it ran, or the process is asked to end
        except BaseException as error:  # noqa: BLE001  (sys.exit() too must end the instance alone)
            self._fail(error)
        else:
            self._awaited = yielded
            self._waiting.clear()
            for task in _leaves(yielded):
                self._schedule(task)
            self._deliver()

    def _schedule(self, task: TaskBase) -> None:
        if isinstance(task, ExternalEventTask):
            if not task.is_completed:
                self._waiting[task.name].append(task)
        elif task.id is None and isinstance(task, ActivityTask | TimerTask):
            task.id = self.tasks_scheduled
            self.tasks_scheduled += 1
            self._open[task.id] = task
            self._ask(task.to_action(task.id))

    def _ask(self, action: Action) -> None:
        """Compare with what is recorded; ask only for what is not."""
        recorded = self.recorded.get(action.task_id)
        if recorded is None:
            self.actions.append(action)
        elif not matches(recorded, action):
            raise NonDeterminism(self._mismatch(recorded, action, with_arguments=False))
        elif not same_arguments(recorded, action):
            # azure-functions-durable 1.7 never compared arguments, so running apps may depend on
            # the recorded one winning.
            mismatch = self._mismatch(recorded, action, with_arguments=True)
            if self.strict:
                raise NonDeterminism(mismatch)
            self.warnings.append(mismatch.explain())

    def _mismatch(self, recorded: Scheduling, action: Action, *, with_arguments: bool) -> Mismatch:
        return Mismatch(
            task_id=action.task_id,
            expected=describe(recorded, with_arguments=with_arguments),
            actual=describe(action, with_arguments=with_arguments),
            where=self.where(),
        )

    def _end(self, output: Any) -> None:
        self.is_ended = True
        try:
            self.output = encode_value(
                output, what=f"output of orchestrator '{self.surroundings.name}'"
            )
        except InvalidPayloadError as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.is_ended = True
        self.failure = FailureDetails.of(error)


def _leaves(task: TaskBase) -> Iterator[TaskBase]:
    """List the atomic tasks under a task, in the order in which ids are given."""
    pending = [task]
    while pending:
        task = pending.pop()
        if isinstance(task, CompositeTask):
            pending.extend(reversed(task.children))
        else:
            yield task


def _not_a_task(yielded: Any) -> TypeError:
    advice = ""
    if isinstance(yielded, list | tuple):
        advice = " Wrap the list in context.task_all(...) or context.task_any(...)."
    elif inspect.isgenerator(yielded):
        advice = " Write 'yield from' before a helper that is a generator."
    elif inspect.isawaitable(yielded):
        advice = " Only tasks of the context can be awaited: other awaitables can't be replayed."
    return TypeError(
        f"An orchestrator yields tasks of its context; "
        f"a value of type '{type(yielded).__name__}' is not one.{advice}"
    )
