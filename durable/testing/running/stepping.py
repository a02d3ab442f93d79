"""OrchestrationTest: an orchestration step by step, the test deciding what happens next.

    test = OrchestrationTest(order, "book").start()
    assert test.called == [("reserve", "book")]
    test.complete("reserve", 7)
    test.fail("pay", OSError("no"))
    assert test.output == "not paid"

Every step is an episode; it replays the code over its whole history, as in `run_orchestrator`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from durable.model.failures import FailureDetails
from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityUnlockSent,
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    Scheduling,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, parse_instance_id
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.streams import read_lock_set
from durable.model.values import decode_value, encode_value
from durable.replay.arguments import entity_instance
from durable.replay.determinism import describe
from durable.storage.answers import answer_to_parent
from durable.testing.app import AppUnderTest
from durable.testing.running.agenda import START, in_utc
from durable.testing.running.answers import answer_of, end_of_fake_child, timed_out
from durable.testing.running.entities import failure_of, reply_to
from durable.testing.running.fakes import as_function
from durable.testing.running.instance import Fact, InstanceUnderTest
from durable.testing.running.requests import (
    Call,
    ChildCall,
    EntityCall,
    Requests,
    Timer,
    request_of,
)
from durable.testing.running.runner import INSTANCE_ID, LIFE_ID

S = TypeVar("S", TaskScheduled, TimerCreated, SubOrchestrationInstanceCreated)


class OrchestrationTest:
    """One orchestration, its virtual time, and what it waits for. Steps return the test itself."""

    def __init__(
        self,
        orchestrator: Any,
        input_: Any = None,
        *,
        app: Any = None,
        start: datetime = START,
        instance_id: str = INSTANCE_ID,
        version: str | None = None,
        check_replay: bool = True,
        grants_locks: bool = True,
    ) -> None:
        """Prepare it. `app` is the app, or its registry: what its annotations say of values.

        Locks are granted at once, or by `grant_lock` where the test is about waiting for them.
        """
        known = AppUnderTest(app)
        name, function = known.orchestrator(orchestrator)
        self._registry = known.registry
        self.now = in_utc(start)
        self.requests = Requests()
        self._grants_locks = grants_locks
        self._input = self._encoded(input_, "input")
        self._instance = InstanceUnderTest(
            function,
            name=name,
            instance_id=parse_instance_id(instance_id),
            life_id=LIFE_ID,
            types=known.registry,
            version=version,
            check_replay=check_replay,
        )

    # ------------------------------------------------------------------ where it stands

    @property
    def status(self) -> RuntimeStatus:
        """Pending before `start`."""
        return self._instance.status

    @property
    def output(self) -> Any:
        """What it returned; the text of its failure, or the reason of its end."""
        return decode_value(self._instance.output)

    @property
    def failure(self) -> FailureDetails | None:
        """Why it failed."""
        return self._instance.failure

    @property
    def custom_status(self) -> Any:
        """The custom status as it was set last."""
        return decode_value(self._instance.custom_status)

    @property
    def history(self) -> Sequence[HistoryEvent]:
        """The facts of the present execution."""
        return tuple(self._instance.history)

    @property
    def executions(self) -> int:
        """How many executions there were: one more with each continue-as-new."""
        return len(self._instance.ended) + 1

    @property
    def called(self) -> list[tuple[str, Any]]:
        """All activities that were called so far, each with its input, in order."""
        return self.requests.called

    @property
    def open_calls(self) -> list[Call]:
        """The activities that are to be completed or failed."""
        requests = map(request_of, self._instance.open_tasks())
        return [request for request in requests if isinstance(request, Call)]

    @property
    def open_children(self) -> list[ChildCall]:
        """The children that are to be completed or failed."""
        requests = map(request_of, self._instance.open_tasks())
        return [request for request in requests if isinstance(request, ChildCall)]

    @property
    def open_timers(self) -> list[Timer]:
        """The timers that have not fired, the next one first."""
        requests = map(request_of, self._instance.open_tasks())
        timers = [request for request in requests if isinstance(request, Timer)]
        return sorted(timers, key=lambda timer: (timer.fire_at, timer.task_id))

    @property
    def open_operations(self) -> list[EntityCall]:
        """The operations of entities that are to be completed or failed."""
        requests = map(request_of, self._instance.open_tasks())
        return [request for request in requests if isinstance(request, EntityCall)]

    @property
    def locked_entities(self) -> list[str]:
        """The entities that the orchestration holds, by instance id; at its end it holds none."""
        if self.status.is_terminal:
            return []
        granted = {e.task_scheduled_id for e in self.history if isinstance(e, EntityLockGranted)}
        left = {e.critical_section_id for e in self.history if isinstance(e, EntityUnlockSent)}
        locks = (fact for fact in self.history if isinstance(fact, EntityLockRequested))
        held = (read_lock_set(lock.lock_set) for lock in locks if lock.event_id in granted - left)
        return [entity for lock_set in held for entity in lock_set]

    # ------------------------------------------------------------------ what happens next

    def start(self) -> "OrchestrationTest":
        """Call the orchestrator and run it to its first wait."""
        return self._note(self._instance.start(self._input, self.now))

    def complete(
        self, activity: str, result: Any = None, *, task_id: int | None = None
    ) -> "OrchestrationTest":
        """Complete the oldest open call of this activity, or the one of this task id."""
        task = self._open(TaskScheduled, activity, task_id)
        return self._take(
            answer_of(task, lambda _: result, self._registry, self.now, caller=self._instance)
        )

    def fail(
        self, activity: str, error: BaseException, *, task_id: int | None = None
    ) -> "OrchestrationTest":
        """Fail the oldest open call of this activity, or the one of this task id."""
        task = self._open(TaskScheduled, activity, task_id)
        fake = as_function(_checked(error))
        return self._take(answer_of(task, fake, self._registry, self.now, caller=self._instance))

    def time_out(self, activity: str, *, task_id: int | None = None) -> "OrchestrationTest":
        """Let an open call that has a timeout take longer than that."""
        task = self._open(TaskScheduled, activity, task_id)
        if task.timeout_ms is None:
            raise AssertionError(f"Activity '{activity}' was called without a timeout.")
        limit = timedelta(milliseconds=task.timeout_ms)
        self.now = max(self.now, task.timestamp + limit)
        return self._take(timed_out(task, limit, self.now))

    def complete_child(
        self, name: str, result: Any = None, *, task_id: int | None = None
    ) -> "OrchestrationTest":
        """Complete the oldest open child of this name, or the one of this task id."""
        return self._answer_child(name, task_id, result)

    def fail_child(
        self, name: str, error: BaseException, *, task_id: int | None = None
    ) -> "OrchestrationTest":
        """Fail the oldest open child of this name, or the one of this task id."""
        return self._answer_child(name, task_id, _checked(error))

    def complete_operation(
        self, operation: str, result: Any = None, *, entity: Any = None, task_id: int | None = None
    ) -> "OrchestrationTest":
        """Complete the oldest open call of this operation, of this entity, or of this task id."""
        call = self._open_operation(operation, entity, task_id)
        text = self._encoded(result, f"result of operation '{operation}'")
        return self._take(
            EntityOperationCompleted(
                timestamp=self.now, task_scheduled_id=call.event_id, result=text
            )
        )

    def fail_operation(
        self,
        operation: str,
        error: BaseException,
        *,
        entity: Any = None,
        task_id: int | None = None,
    ) -> "OrchestrationTest":
        """Fail the oldest open call of this operation, of this entity, or of this task id."""
        call = self._open_operation(operation, entity, task_id)
        return self._take(reply_to(call, failure_of(call, _checked(error)), self.now))

    def grant_lock(self) -> "OrchestrationTest":
        """Let the orchestration enter the critical section that it waits for."""
        for task in self._instance.open_tasks():
            if isinstance(task, EntityLockRequested):
                return self._take(
                    EntityLockGranted(timestamp=self.now, task_scheduled_id=task.event_id)
                )
        raise AssertionError(f"No lock is asked for. {self._standing()}")

    def fire_timer(self) -> "OrchestrationTest":
        """Go to the time of the next timer and fire it."""
        timers = self.open_timers
        if not timers:
            raise AssertionError(f"No timer is open. {self._standing()}")
        self.now = max(self.now, timers[0].fire_at)
        return self._fire(timers[0])

    def advance(self, duration: timedelta) -> "OrchestrationTest":
        """Let so much time pass; timers that become due meanwhile fire, each at its time."""
        until = self.now + duration
        while (timers := self.open_timers) and timers[0].fire_at <= until:
            self.now = max(self.now, timers[0].fire_at)
            self._fire(timers[0])
        self.now = until
        return self

    def raise_event(
        self, name: str, data: Any = None, *, is_quoted: bool = False
    ) -> "OrchestrationTest":
        """Let an external event arrive; `is_quoted` as for `Event`."""
        text = self._encoded(data, f"data of event '{name}'")
        return self._take(
            EventRaised(timestamp=self.now, name=name, input=text, is_quoted=is_quoted)
        )

    def suspend(self, reason: str | None = None) -> "OrchestrationTest":
        """Suspend it: what arrives is kept for `resume`."""
        return self._take(ExecutionSuspended(timestamp=self.now, reason=reason))

    def resume(self, reason: str | None = None) -> "OrchestrationTest":
        """Let it go on with what has arrived meanwhile."""
        return self._take(ExecutionResumed(timestamp=self.now, reason=reason))

    def terminate(self, reason: str | None = None) -> "OrchestrationTest":
        """End it; the reason becomes its output."""
        text = encode_value(reason, what="reason")
        return self._take(ExecutionTerminated(timestamp=self.now, input=text))

    def check_replay(self) -> "OrchestrationTest":
        """Replay all of it once more, the output included; or raise `NotDeterministicError`."""
        self._instance.check(self.now)
        return self

    # ------------------------------------------------------------------ inside

    def _encoded(self, value: Any, what: str) -> str:
        return encode_value(value, what=what, converter=self._registry.converter)

    def _take(self, event: HistoryEvent) -> "OrchestrationTest":
        if self.status is RuntimeStatus.PENDING or self.status.is_terminal:
            raise AssertionError(f"Nothing can happen to it. {self._standing()}")
        return self._note(self._instance.take([event], self.now))

    def _note(self, facts: Sequence[Fact]) -> "OrchestrationTest":
        for _, fact in facts:
            self.requests.note(fact)
        waits = (isinstance(task, EntityLockRequested) for task in self._instance.open_tasks())
        return self.grant_lock() if self._grants_locks and any(waits) else self

    def _fire(self, timer: Timer) -> "OrchestrationTest":
        return self._take(
            TimerFired(timestamp=self.now, timer_id=timer.task_id, fire_at=timer.fire_at)
        )

    def _answer_child(self, name: str, task_id: int | None, fake: Any) -> "OrchestrationTest":
        created = self._open(SubOrchestrationInstanceCreated, name, task_id)
        parent = Parent(
            instance_id=self._instance.instance_id,
            execution_id=ExecutionId(self._instance.execution_id),
            task_id=created.event_id,
            name=self._instance.name,
        )
        function = as_function(fake) if isinstance(fake, BaseException) else lambda _: fake
        return self._take(
            answer_to_parent(
                end_of_fake_child(created, function, parent, self._registry, self.now)
            ).event
        )

    def _open(self, kind: type[S], name: str, task_id: int | None) -> S:
        for task in self._instance.open_tasks():
            is_it = isinstance(task, kind) and getattr(task, "name", None) == name
            if is_it and task_id in {None, task.event_id}:
                return task  # type: ignore[return-value]
        wanted = f"'{name}'" if task_id is None else f"'{name}' with task id {task_id}"
        raise AssertionError(f"No call of {wanted} is open. {self._standing()}")

    def _open_operation(
        self, operation: str, entity: Any, task_id: int | None
    ) -> EntityOperationCalled:
        receiver = None if entity is None else entity_instance(entity)
        for task in self._instance.open_tasks():
            if (
                isinstance(task, EntityOperationCalled)
                and task.operation == operation
                and receiver in {None, task.instance_id}
                and task_id in {None, task.event_id}
            ):
                return task
        of = "" if receiver is None else f" of entity '{receiver}'"
        raise AssertionError(f"No call of operation '{operation}'{of} is open. {self._standing()}")

    def _standing(self) -> str:
        tasks = ", ".join(_told(task) for task in self._instance.open_tasks()) or "none"
        told = f"'{self._instance.name}' is {self.status.value}; open tasks: {tasks}."
        return told if self.failure is None else f"{told} {self.failure.error_message}"


def _checked(error: Any) -> BaseException:
    """Take an exception, or its class: anything else would be a result, and the call complete."""
    made = error() if isinstance(error, type) else error
    if not isinstance(made, BaseException):
        raise TypeError(f"A call fails with an exception, or its class; {error!r} is neither.")
    return made


def _told(task: Scheduling) -> str:
    if isinstance(task, TaskScheduled | SubOrchestrationInstanceCreated):
        return f"{task.event_id}: '{task.name}' with {task.input}"
    if isinstance(task, TimerCreated):
        return f"{task.event_id}: timer for {task.fire_at.isoformat()}"
    return f"{task.event_id}: {describe(task, with_arguments=True)}"
