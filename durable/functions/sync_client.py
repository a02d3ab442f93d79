"""SyncDurableOrchestrationClient: the durable client of a plain `def` function.

The function runs in a thread. Each call that the client makes runs on the event loop of the worker,
and the thread waits for it; so the loop itself must never call one.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

from durable.functions.client import DurableOrchestrationClient


class SyncDurableOrchestrationClient:
    """All members of `DurableOrchestrationClient`, without `await` and `async for`."""

    def __init__(self, client: DurableOrchestrationClient, loop: asyncio.AbstractEventLoop) -> None:
        """Call this client on this loop, which runs in another thread."""
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        """Find a member of the client; what it would await has been waited for."""
        member = getattr(self._client, name)
        if inspect.iscoroutinefunction(member):
            return functools.wraps(member)(
                lambda *args, **named: self._wait(member(*args, **named))
            )
        if inspect.isasyncgenfunction(member):
            return functools.wraps(member)(
                lambda *args, **named: self._each(member(*args, **named))
            )
        return member

    def _wait(self, call: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def _each(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def one() -> tuple[bool, Any]:
            try:
                return True, await anext(items)
            except StopAsyncIteration:
                return False, None

        while True:
            is_there, item = self._wait(one())
            if not is_there:
                return
            yield item
