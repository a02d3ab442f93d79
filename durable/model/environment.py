"""Environment: what the rooms may ask of the world. The product's is engine/environment.py."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Environment(Protocol):
    """The only clock, the only chance, the only waiting."""

    def now(self) -> datetime:
        """Tell the time in UTC, aware."""
        ...

    def new_id(self) -> str:
        """Make 32 hexadecimal digits that nobody else has."""
        ...

    def jitter(self) -> float:
        """Draw a number from 0 to 1."""
        ...

    async def wait(self, delay_s: float) -> None:
        """Let this much time pass."""
        ...

    def run_activity(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run a function that may block, away from the event loop."""
        ...

    def run_orchestrator(self, function: Callable[[], T]) -> Awaitable[T]:
        """The same, where blocking activities can't stand in the way."""
        ...
