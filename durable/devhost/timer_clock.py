"""The clock of timer triggers: what time it is, and waiting for a moment.

A test hands in a clock that it moves itself; everything else of the dev host runs on real time.
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Protocol

# A laptop that slept wakes up with its wall clock far ahead; look at it now and then.
_LOOK_S = 30.0


class Clock(Protocol):
    """Tells the time of UTC, and waits for it."""

    def now(self) -> datetime:
        """Tell the time."""
        ...

    async def wait_until(self, moment: datetime, *, interrupted: asyncio.Event) -> None:
        """Return at `moment`, never before, or as soon as `interrupted` is set."""
        ...


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)

    async def wait_until(self, moment: datetime, *, interrupted: asyncio.Event) -> None:
        """Return at `moment`, never before, or as soon as `interrupted` is set."""
        while not interrupted.is_set():
            left_s = (moment - self.now()).total_seconds()
            if left_s <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(interrupted.wait(), min(left_s, _LOOK_S))
