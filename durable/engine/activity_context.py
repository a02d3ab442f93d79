"""ActivityContext: what a running activity may know about its call.

An activity gets it as a second parameter, or asks `current_activity()`, which works in async
activities, in threads, and in whatever they call there.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

# The namespace of idempotency keys.
KEYS = uuid.UUID("0f3f6c0e-8d0a-5b43-9a51-2c8f6f1f4d77")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityContext:
    """One call of an activity.

    `task_id` is the number of the call in its execution. `attempt` counts from 1 where a retry
    policy calls. `run` counts from 1 the times that a rewind had it called anew; 0 is the first
    call. `timeout` is how long it may take, `deadline` when that is over, UTC; without them there
    is no limit.
    """

    instance_id: str
    execution_id: str
    task_id: int
    name: str
    attempt: int = 1
    run: int = 0
    timeout: timedelta | None = None
    deadline: datetime | None = None

    @property
    def idempotency_key(self) -> str:
        """An id of this call: the same if the call is delivered again, another for a retry.

        36 characters, for services that take such a key and do the same thing only once.
        """
        call = f"{self.instance_id}/{self.execution_id}/{self.task_id}/{self.run}"
        return str(uuid.uuid5(KEYS, call))


_CURRENT: ContextVar[ActivityContext | None] = ContextVar("durable_activity", default=None)


def current_activity() -> ActivityContext:
    """Return the context of the activity that runs here, or raise `LookupError`."""
    context = _CURRENT.get()
    if context is None:
        raise LookupError("No activity runs here: current_activity() is for activities.")
    return context


@contextmanager
def in_activity(context: ActivityContext) -> Iterator[None]:
    """Let the code of the block, and the threads and tasks that it starts, see this context."""
    token = _CURRENT.set(context)
    try:
        yield
    finally:
        _CURRENT.reset(token)
