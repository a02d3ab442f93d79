"""Execution: one run of an orchestrator function, advanced event by event.

Rule 1. Inputs are applied one at a time in recorded order, and after each one the code runs as far
        as it can: a batch must not decide who wins a `task_any`.
Rule 2. An execution is advanced by one caller at a time and dropped by `drop`; a dropped one is
        never advanced again.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable
from types import GeneratorType
from typing import Any, NamedTuple

from durable.model.entity_ids import EntityId
from durable.model.errors import InvalidPayloadError, LockingRulesViolationError
from durable.model.failures import FailureDetails, failed_task
from durable.model.history import (
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    EventRaised,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerFired,
)
from durable.model.values import USUAL, decode_value, encode_value
from durable.replay.calls import (
    ActivityTask,
    EntityTask,
    ExternalEventTask,
    OneAnswerTask,
    SubOrchestrationTask,
    TimerTask,
)
from durable.replay.code import (
    Orchestrator,
    Running,
    close,
    ending_async_generators,
    explained,
    is_running,
    leaves,
    line_of,
    line_of_error,
    not_a_task,
    takes_input,
)
from durable.replay.context import DurableOrchestrationContext
from durable.replay.lock_rules import broken_by, is_to_lock
from durable.replay.locks import LockTask
from durable.replay.procedures import ProcedureTask
from durable.replay.surroundings import ExecutionDropped, Surroundings
from durable.replay.tasks import TaskBase

__all__ = ["Execution", "Orchestrator"]

Completed = TaskCompleted | SubOrchestrationInstanceCompleted | EntityOperationCompleted
Failed = TaskFailed | SubOrchestrationInstanceFailed | EntityOperationFailed


class _Unread(NamedTuple):
    """An event that nobody has taken yet, and the how-manieth it was."""

    order: int
    event: EventRaised


class Execution:
    """A live orchestrator: its code, what it waits for, and what it has asked for.

    `held` are the inputs that have come since it was suspended.
    """

    def __init__(self, orchestrator: Orchestrator, surroundings: Surroundings) -> None:
        """Hold an orchestrator that has not been called yet."""
        self.surroundings = surroundings
        self.docket = surroundings.docket
        self.docket.look_at(self.where)
        self.is_ended = False
        self.output: str | None = None
        self.failure: FailureDetails | None = None
        self.is_suspended = False
        self.suspended_because: str | None = None
        self.held: list[HistoryEvent] = []
        self._orchestrator = orchestrator
        self._running: Running | None = None
        self._awaited: TaskBase | None = None
        self._waiting: defaultdict[str, deque[ExternalEventTask]] = defaultdict(deque)
        self._unread: defaultdict[str, deque[_Unread]] = defaultdict(deque)
        self._events = 0
        self._completions = 0
        self._failed_at: str | None = None

    @property
    def tasks_scheduled(self) -> int:
        """How many task ids have been given."""
        return self.docket.tasks_scheduled

    @property
    def continues(self) -> str | None:
        """The input of the execution that follows this one, if it has ended so."""
        return self.surroundings.continues if self.is_ended and self.failure is None else None

    def unread(self) -> list[EventRaised]:
        """List the events that nobody has read, in the order in which they came."""
        buffered = [unread for events in self._unread.values() for unread in events]
        return [unread.event for unread in sorted(buffered, key=lambda unread: unread.order)]

    def start(self) -> None:
        """Call the orchestrator and run it to its first wait."""
        called = self._run(self._call)
        if self.is_ended:
            return
        if not is_running(called):
            self._end(called)
            return
        self._running = called
        self._resume(lambda running: running.send(None))
        self._run_on()

    def apply(self, event: HistoryEvent) -> None:
        """Take one input and run the code as far as it goes."""
        match event:
            case TaskCompleted() | SubOrchestrationInstanceCompleted() | EntityOperationCompleted():
                value, failed = self._result(event)
                self._answer(event.task_scheduled_id, value, failed=failed)
            case TaskFailed() | SubOrchestrationInstanceFailed() | EntityOperationFailed():
                self._answer(event.task_scheduled_id, self._error(event), failed=True)
            case TimerFired():
                self._answer(event.timer_id, None, failed=False)
            case EntityLockGranted():
                self._enter(event.task_scheduled_id)
            case EventRaised():
                self._events += 1
                self._unread[event.name].append(_Unread(self._events, event))
                self._deliver()
            case _:
                raise TypeError(f"{type(event).__name__} is not an input of an orchestrator.")
        self._run_on()

    def drop(self) -> None:
        """Let go of the code without letting it do anything (rule J)."""
        self.is_ended = True
        self.surroundings.is_dropped = True
        running, self._running = self._running, None
        close(running)

    def where(self) -> str:
        """Say at which line the code stands, or has failed."""
        return self._failed_at or line_of(self._running, self._orchestrator, self.surroundings.name)

    def _call(self) -> Any:
        context = DurableOrchestrationContext(self.surroundings)
        if not takes_input(self._orchestrator):
            return self._orchestrator(context)
        self.surroundings.is_of_old = False
        return self._orchestrator(context, context.get_input())

    def _result(self, event: Completed) -> tuple[Any, bool]:
        """Read the result as its task expects it; what can't be read fails the task."""
        task = self.docket.open.get(event.task_scheduled_id)
        if isinstance(task, EntityTask):
            wanted = task.expected_type or self._operation_type(task)
            return self._read(event.result, wanted, what=f"result of operation '{task.operation}'")
        if not isinstance(task, ActivityTask | SubOrchestrationTask):
            return None, False
        wanted = task.expected_type or self.surroundings.types.result_type(task.name)
        return self._read(event.result, wanted, what=f"result of '{task.name}'")

    def _operation_type(self, task: EntityTask) -> Any:
        entity = EntityId.get_entity_id(task.instance_id).name
        return self.surroundings.types.operation_type(entity, task.operation)

    def _read(self, text: str | None, wanted: Any, *, what: str) -> tuple[Any, bool]:
        converter = self.surroundings.types.converter or USUAL
        try:
            return decode_value(text, wanted, converter=converter, what=what), False
        except InvalidPayloadError as error:
            return error, True

    def _error(self, event: Failed) -> Exception:
        failure = event.failure_details
        registered = None
        if failure is not None:
            registered = self.surroundings.types.error_class(failure.error_type, failure.base_types)
        return failed_task(event.reason, event.details, failure, registered)

    def _answer(self, task_id: int, value: Any, *, failed: bool) -> None:
        task = self.docket.open.pop(task_id, None)
        if task is None or (isinstance(task, TimerTask | LockTask) and task.is_cancelled):
            return
        self._complete(task, value, failed=failed)

    def _enter(self, task_id: int) -> None:
        """Enter the critical section of this request, if the code has not taken it back."""
        task = self.docket.open.get(task_id)
        if isinstance(task, LockTask):
            self._answer(task_id, task.enter(), failed=False)

    def _complete(self, task: TaskBase, value: Any, *, failed: bool) -> None:
        self._completions += 1
        is_played = self.surroundings.is_replaying
        task.complete(value, failed=failed, order=self._completions, is_played=is_played)

    def _deliver(self) -> None:
        """Match waits and events: the earliest event first, of its name the earliest wait.

        Only what the code awaits *now* takes events: the wait of a `task_any` that a timer won
        long ago must not swallow the event that the code is asking for again, be it alone or in
        another combination. Once the awaited
        task is complete the rest stays unread: nobody asked for more than one winner.
        """
        while self._awaited is not None and not self._awaited.is_completed:
            names = [name for name, waits in self._waiting.items() if waits and self._unread[name]]
            if not names:
                return
            name = min(names, key=lambda name: self._unread[name][0].order)
            waiter = self._waiting[name].popleft()
            # Among these are no waits of combinations that are complete by now.
            is_wanted = any(task is waiter for task in leaves(self._awaited))
            if is_wanted and not waiter.is_completed:
                value, failed = self._data_for(waiter, self._unread[name].popleft().event)
                self._complete(waiter, value, failed=failed)

    def _data_for(self, waiter: ExternalEventTask, event: EventRaised) -> tuple[Any, bool]:
        """Read an event's data as the code has always read it (quirk Q2), or as it asks for it."""
        what = f"data of event '{event.name}'"
        value, failed = self._read(event.input, waiter.expected_type, what=what)
        is_old = self.surroundings.is_of_old and isinstance(self._running, GeneratorType)
        if event.is_quoted and is_old and waiter.expected_type is None and not failed:
            return json.dumps(decode_value(event.input)), False
        return value, failed

    def _run_on(self) -> None:
        """Resume for as long as what the code waits for is complete."""
        while not self.is_ended and self._awaited is not None and self._awaited.is_completed:
            task, self._awaited = self._awaited, None
            error = task.error
            if error is not None:
                self._resume(lambda running, error=error: running.throw(error))  # type: ignore[misc]
            else:
                self._resume(lambda running, task=task: running.send(task.result))  # type: ignore[misc]

    def _resume(self, advance: Callable[[Running], Any]) -> None:
        yielded = self._run(lambda: self._to_next_task(advance))
        if self.is_ended:
            return
        self._awaited = yielded
        self._waiting.clear()
        for task in leaves(yielded):
            self._schedule(task)
        self._deliver()

    def _to_next_task(self, advance: Callable[[Running], Any]) -> Any:
        """Advance until the code waits for a task, or for nothing as it begins anew."""
        running = self._running
        assert running is not None
        try:
            yielded = advance(running)
            while self.surroundings.continues is None:
                refused = self._refusal(yielded)
                if refused is None:
                    break
                yielded = running.throw(refused)
        except StopIteration as stop:
            self._end(stop.value)
            return None
        return yielded

    def _refusal(self, yielded: Any) -> Exception | None:
        """Say why the code can't wait for this; nothing of it is asked for yet."""
        if not isinstance(yielded, TaskBase):
            return not_a_task(yielded)
        broken = broken_by(list(leaves(yielded)), self.surroundings.section, self.docket.open)
        return None if broken is None else LockingRulesViolationError(broken)

    def _run(self, user_code: Callable[[], Any]) -> Any:
        """Run user code; whatever it ends with ends this execution alone."""
        returned = None
        try:
            returned = ending_async_generators(user_code)
        except (ExecutionDropped, KeyboardInterrupt):
            raise  # it was dropped while it ran, or the process is asked to end
        except BaseException as error:  # noqa: BLE001  (sys.exit() too must end the instance alone)
            self._fail(explained(error))
        if self._running is not None and self.surroundings.continues is not None:
            self.is_ended = True  # what it asks for after `continue_as_new` is not waited for
        self.docket.check()
        return returned

    def _schedule(self, task: TaskBase) -> None:
        match task:
            case ExternalEventTask():
                if not task.is_completed:
                    self._waiting[task.name].append(task)
            case ProcedureTask():
                task.begin(self.docket)
            case LockTask():
                if is_to_lock(task):
                    task.begin(self.docket.tasks_scheduled)
                    self.docket.schedule(task)
            case OneAnswerTask():
                if task.id is None:
                    self.docket.schedule(task)

    def _end(self, output: Any) -> None:
        self.is_ended = True
        if self.surroundings.continues is not None:
            return
        what = f"output of orchestrator '{self.surroundings.name}'"
        try:
            converter = self.surroundings.types.converter
            self.output = encode_value(output, what=what, converter=converter)
        except InvalidPayloadError as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.is_ended = True
        self._failed_at = line_of_error(error)
        self.failure = FailureDetails.of(error)
