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

# One blocking activity must not stop the others: as many as the Functions worker has by default,
# and more than one host receives at once.
THREADS_MAX = 64


class SystemEnvironment:
    """The world as it is."""

    def __init__(self, *, threads_max: int = THREADS_MAX) -> None:
        """Start no thread before one is needed."""
        self._threads = ThreadPoolExecutor(threads_max, thread_name_prefix="durable")

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

    def call_blocking(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run a function in a thread, with the caller's context variables."""
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self._threads, context.run, function)
