"""Most invocations run side by side; one that may have killed its process runs alone.

A message that was received three times may be the one that ends the process it runs in (`os._exit`,
out of memory, the function timeout), or may only have stood beside it. Run alone, the guilty one
harms nobody but itself, and the innocent ones get through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# An ordinary redelivery (a host was killed) is no suspicion: running all of those alone would
# bring a hub to a crawl after every scale-in.
DEQUEUES_BEFORE_SUSPICION = 3
# While somebody waits to be alone nobody new gets in, so the wait is short.
PATIENCE_S = 10.0


class Crowded(Exception):  # noqa: N818  (an outcome)
    """Others run here for longer than a suspect may keep newcomers waiting."""


class Solitude:
    """Who runs in this process."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        """Nobody runs yet."""
        self._patience_s = patience_s
        self._running = 0
        self._waiting = 0
        self._is_taken = False
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def beside_others(self) -> AsyncIterator[None]:
        """Run while others do."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_taken and not self._waiting)
            self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            await self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run while nobody else does, or raise `Crowded`."""
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s), self._changed:
                await self._changed.wait_for(lambda: not self._is_taken and not self._running)
                self._is_taken = True
        except TimeoutError:
            raise Crowded from None
        finally:
            self._waiting -= 1
            await self._tell()
        try:
            yield
        finally:
            self._is_taken = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
