"""Replacing: a start that ends a live instance of its id first (`AnyState`).

Termination is a request like any other, so the end is waited for, for a bounded time. The start
that follows is conditional on the generation that it saw: it can't fall upon a life that somebody
else has begun meanwhile, unless that too may be replaced and is ended.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from durable.client.requests import ask_alive
from durable.client.waiting import has_ended, wait_until
from durable.model.environment import Environment
from durable.model.errors import InstanceEndedError, InstanceExistsError, InstanceNotFoundError
from durable.model.history import ExecutionTerminated
from durable.model.ids import InstanceId
from durable.model.values import encode_value
from durable.storage.port import TaskHubStore

REPLACE_S_MAX = 30.0
POLL_S = 0.5
REASON = "Replaced by a new start of the same instance id."


async def start_in_place(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    start: Callable[[], Awaitable[None]],
) -> None:
    """Start, once what is alive has ended; `InstanceExistsError` where it does not end."""
    until = environment.now() + timedelta(seconds=REPLACE_S_MAX)
    while True:
        try:
            await start()
        except InstanceExistsError:
            left_s = (until - environment.now()).total_seconds()
            if left_s <= 0:
                raise InstanceExistsError(
                    f"Instance '{instance_id}' was told to end, so that it could be replaced, but "
                    f"has not ended within {REPLACE_S_MAX:.0f} seconds. Nothing was started; start "
                    "again when it has ended."
                ) from None
            await _end(store, environment, instance_id, timeout_s=left_s)
        else:
            return


async def _end(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, *, timeout_s: float
) -> None:
    reason = encode_value(REASON, what="reason")
    with suppress(InstanceEndedError, InstanceNotFoundError):
        await ask_alive(
            store,
            environment,
            instance_id,
            lambda now: ExecutionTerminated(timestamp=now, input=reason),
        )
        await wait_until(
            store, environment, instance_id, has_ended, timeout_s=timeout_s, poll_s=POLL_S
        )
