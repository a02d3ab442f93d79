"""Virtual time: an event loop that jumps to its next timer instead of waiting for it.

Rule 1. A round of the loop takes a microsecond, however much it computes. (None at all would leave
        far timers for ever a rounding error away.)
Rule 2. Where nothing is ready and nothing is timed, nothing will ever happen: that is an error
        (`StandsStill`), not a hang.
"""

import asyncio
import functools
import random
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUND_S = 1e-6


class StandsStill(RuntimeError):  # noqa: N818  (a finding)
    """Everything waits for something that nobody will do."""


class Clock:
    """The time of one world, in seconds since `START`."""

    def __init__(self) -> None:
        """Begin at the beginning of a year."""
        self.seconds = 0.0

    def now(self) -> datetime:
        """Tell the time in UTC, aware."""
        return START + timedelta(seconds=self.seconds)


class _Jumping(selectors.SelectSelector):
    """Waits for files by not waiting: the loop has none, and its timers come at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StandsStill("nothing is ready and nothing is timed")
        self._clock.seconds += timeout + ROUND_S
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock."""

    def __init__(self, clock: Clock) -> None:
        """Tell the time by this clock, and move it."""
        super().__init__(_Jumping(clock))
        self.clock = clock

    def time(self) -> float:
        """Tell the virtual time."""
        return self.clock.seconds


def virtual_clock() -> Clock:
    """Give the clock of the virtual loop that runs, or a new one where none does."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return Clock()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("A world needs virtual time: decorate the test with @in_virtual_time.")
    return loop.clock


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make an ordinary function of an async one: it runs on a virtual loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(Clock())) as runner:
            return runner.run(test(*args, **kwargs))

    return run


class VirtualEnvironment:
    """What the engine may ask of the world: virtual time, counted ids, chance from a seed."""

    def __init__(self, clock: Clock, seed: int, *, skew_s: float = 0.0, ids: "Ids") -> None:
        """Look at this clock, which goes wrong by `skew_s` here."""
        self._clock = clock
        self._skew = timedelta(seconds=skew_s)
        self._chance = random.Random(seed)  # noqa: S311
        self.new_id = ids.new_id

    def now(self) -> datetime:
        """Tell what this host takes for the time."""
        return self._clock.now() + self._skew

    def jitter(self) -> float:
        """Draw from the seed."""
        return self._chance.random()

    async def wait(self, delay_s: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(delay_s)

    async def run_activity(self, function: Callable[[], T]) -> T:
        """Call it here: nothing blocks in a simulation."""
        return function()

    async def run_orchestrator(self, function: Callable[[], T]) -> T:
        """Call it here."""
        return function()


class Ids:
    """Ids for everybody in one world: counted, so that a run can be read."""

    def __init__(self) -> None:
        """Start at one."""
        self._made = 0

    def new_id(self) -> str:
        """Count."""
        self._made += 1
        return f"{self._made:032x}"
