"""Timers that are due late lie in a table; near ones lie in the timers queue, invisible.

Delayed messages count as backlog for the platform's scaler, so only what is due soon may lie in a
queue. The sweep moves a timer when it comes near, many sweeps before it is due.
"""

import hashlib
from datetime import UTC, datetime

from durable.model.history import ExecutionStarted, HistoryEvent, TimerFired, answered_task_id
from durable.model.messages import TaskMessage

# Ten sweeps; a hub whose sweep stands still for longer has late timers, and loses none.
NEAR_S = 600.0
KEY_FORMAT = "%Y%m%dT%H%M%S.%f"
DIGEST_CHARS = 24


def timer_key(message: TaskMessage, due_at: datetime) -> str:
    """Name the row of a timer, in the order of due times; a second copy has the same name."""
    task_id = answered_task_id(message.event)
    identity = f"{message.instance_id}\n{message.execution_id}\n{task_id}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:DIGEST_CHARS]
    return f"{key_of(due_at)}-{digest}"


def due_at_of(event: HistoryEvent) -> datetime | None:
    """Say when a message of the timers queue may be taken: a timer, or a start that has a time."""
    if isinstance(event, TimerFired):
        return event.fire_at
    return event.scheduled_start_time if isinstance(event, ExecutionStarted) else None


def key_of(moment: datetime) -> str:
    """Print a time so that keys sort as times do."""
    return moment.astimezone(UTC).strftime(KEY_FORMAT)
