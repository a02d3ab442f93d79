"""What a call comes to, as the fact that a hub would record for it.

Fakes run through the engine's own `run_activity`, so that inputs, results and failures have the
forms that they have in production.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from durable.engine.activities import failed, run_activity
from durable.engine.registry import Registry
from durable.model.history import (
    ExecutionCompleted,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.values import encode_value
from durable.testing.running.instance import InstanceUnderTest

T = TypeVar("T")


class FrozenEnvironment:
    """A moment of virtual time: nothing waits, and functions run where they are called."""

    def __init__(self, now: datetime) -> None:
        """Stand still at this time."""
        self._now = now

    def now(self) -> datetime:
        """Tell the moment."""
        return self._now

    def new_id(self) -> str:
        """Name nothing: no activity needs an id that nobody else has."""
        return "0" * 32

    def jitter(self) -> float:
        """Leave nothing to chance."""
        return 0.0

    async def wait(self, delay_s: float) -> None:
        """Wait for what never comes: time stands still here."""
        del delay_s
        await asyncio.Event().wait()

    async def run_activity(self, function: Callable[[], T]) -> T:
        """Call it here, as if in a thread: no loop runs there, so it may run one of its own."""
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)  # noqa: SLF001  (meant for who runs loops)
        try:
            return function()
        finally:
            asyncio._set_running_loop(loop)  # noqa: SLF001

    async def run_orchestrator(self, function: Callable[[], T]) -> T:
        """Call it here."""
        return function()


class StandIn(Registry):
    """A registry of one fake, which is given the types that the app knows for its name."""

    def __init__(self, app: Registry, name: str, fake: Callable[..., Any]) -> None:
        """Let the fake stand for the activity of this name."""
        super().__init__(app.converter)
        self._app = app
        self.add_activity(name, fake, timeout=app.options(name).timeout)

    def input_type(self, name: str) -> Any:
        """Return the fake's own annotation, or the app's."""
        own = super().input_type(name)
        return own if own is not None else self._app.input_type(name)


def answer_of(
    task: TaskScheduled,
    function: Callable[..., Any],
    app: Registry,
    now: datetime,
    *,
    caller: InstanceUnderTest | None = None,
) -> TaskCompleted | TaskFailed:
    """Run this function as the activity that was called; its context names the caller."""
    registry = StandIn(app, task.name, function)
    # Time stands still while it runs: a limit is the business of who sets the clock.
    unlimited = replace(task, timeout_ms=None)
    call = run_activity(
        registry,
        FrozenEnvironment(now),
        unlimited,
        instance_id=caller.instance_id if caller else "",
        execution_id=caller.execution_id if caller else None,
    )
    return run_to_end(call)


def timed_out(task: TaskScheduled, limit: timedelta, now: datetime) -> TaskFailed:
    """Describe the activity as one that took too long, up to now."""
    error = TimeoutError(f"it did not finish within {limit.total_seconds():g} s")
    return failed(task, error, FrozenEnvironment(now))


def end_of_fake_child(
    created: SubOrchestrationInstanceCreated,
    function: Callable[..., Any],
    parent: Parent,
    app: Registry,
    now: datetime,
) -> ExecutionCompleted:
    """Run this function as the child that was called."""
    task = TaskScheduled(
        timestamp=now, event_id=created.event_id, name=created.name, input=created.input
    )
    answer = answer_of(task, function, app, now)
    if isinstance(answer, TaskCompleted):
        return ExecutionCompleted(
            timestamp=now,
            orchestration_status=RuntimeStatus.COMPLETED,
            result=answer.result,
            parent_instance=parent.to_json(),
        )
    failure = answer.failure_details
    message = failure.text if failure else answer.reason
    text = f"Orchestrator function '{created.name}' failed: {message}"
    return ExecutionCompleted(
        timestamp=now,
        orchestration_status=RuntimeStatus.FAILED,
        result=encode_value(text, what="failure"),
        failure_details=failure,
        parent_instance=parent.to_json(),
    )


def run_to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine, also for a caller that is in an event loop itself."""
    if not _is_in_a_loop():
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as threads:
        context = contextvars.copy_context()
        return threads.submit(context.run, asyncio.run, coroutine).result()


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
