"""A clock that a test moves by hand."""

import asyncio
from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands still until `advance`; knows which moments are being waited for."""

    def __init__(self, now: str) -> None:
        """`now` is a time of UTC in ISO form."""
        self._now = datetime.fromisoformat(now).replace(tzinfo=UTC)
        self._moved = asyncio.Event()
        self.waited_for: list[datetime] = []

    def now(self) -> datetime:
        """Tell the time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on, and let everybody look."""
        self._now += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()

    def is_waited_for(self, text: str) -> bool:
        """Tell whether somebody waits for this time of UTC."""
        return datetime.fromisoformat(text).replace(tzinfo=UTC) in self.waited_for

    async def wait_until(self, moment: datetime, *, interrupted: asyncio.Event) -> None:
        """Return at `moment`, never before, or as soon as `interrupted` is set."""
        self.waited_for.append(moment)
        try:
            while self._now < moment and not interrupted.is_set():
                waits = [
                    asyncio.ensure_future(self._moved.wait()),
                    asyncio.ensure_future(interrupted.wait()),
                ]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
        finally:
            self.waited_for.remove(moment)
