"""The product's only clock, chance and waiting."""

import asyncio
import contextvars
import random
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")

# As many as one host receives at once under the settings that we recommend.
ACTIVITY_THREADS_MAX = 64
# Orchestrators only compute. More than one, so that an endless one does not stop the others.
ORCHESTRATOR_THREADS_MAX = 8


class SystemEnvironment:
    """The world as it is."""

    def __init__(self) -> None:
        """Start no thread before one is needed."""
        self._activities = ThreadPoolExecutor(ACTIVITY_THREADS_MAX, "durable-activity")
        self._orchestrators = ThreadPoolExecutor(ORCHESTRATOR_THREADS_MAX, "durable-orchestrator")

    def now(self) -> datetime:
        """Tell the time in UTC, aware."""
        return datetime.now(UTC)

    def new_id(self) -> str:
        """Make 32 hexadecimal digits that nobody else has."""
        return uuid.uuid4().hex

    def jitter(self) -> float:
        """Draw a number from 0 to 1."""
        return random.random()  # noqa: S311  (spreads retries; guards nothing)

    async def wait(self, delay_s: float) -> None:
        """Let this much time pass."""
        await asyncio.sleep(delay_s)

    def run_activity(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run a function in a thread, with the caller's context variables."""
        return _run_in(self._activities, function)

    def run_orchestrator(self, function: Callable[[], T]) -> Awaitable[T]:
        """The same, in threads of their own: blocking activities must not stop the decisions."""
        return _run_in(self._orchestrators, function)


def _run_in(threads: ThreadPoolExecutor, function: Callable[[], T]) -> Awaitable[T]:
    context = contextvars.copy_context()
    return asyncio.get_running_loop().run_in_executor(threads, context.run, function)
