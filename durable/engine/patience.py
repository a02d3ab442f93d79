"""Patience: a storage fault is waited out inside the invocation, for a while.

So a short outage costs a message nothing of its dequeue count, which leads to poison.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from durable.model.environment import Environment
from durable.storage.port import StorageFault

logger = logging.getLogger("durable")

T = TypeVar("T")

BACKOFF_S_FIRST = 0.25
BACKOFF_S_MAX = 8.0


class Patience:
    """Tries for up to `storage_patience_s`."""

    def __init__(self, environment: Environment, storage_patience_s: float) -> None:
        """Wait by this clock."""
        self._environment = environment
        self._storage_patience_s = storage_patience_s

    async def __call__(self, attempt: Callable[[bool], Awaitable[T]], *, duty: bool) -> T:
        """Try until storage is back, or raise its `StorageFault`.

        An attempt is told whether it has the duty: after a fault every further one has (rule A4),
        for the one before may have been applied.
        """
        delay_s, waited_s = BACKOFF_S_FIRST, 0.0
        while True:
            try:
                return await attempt(duty)
            except StorageFault as fault:
                if waited_s >= self._storage_patience_s:
                    raise
                logger.warning("storage fault, trying again in %.2f s: %s", delay_s, fault)
                duty = True
                await self._environment.wait(delay_s * (0.5 + self._environment.jitter()))
                waited_s += delay_s
                delay_s = min(2 * delay_s, BACKOFF_S_MAX)
