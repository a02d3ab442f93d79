"""What the committed rows ask to be sent. The history is the outbox.

A pure function of the rows, so that a sender which died, and whoever takes over from it, send the
same messages with the same identities.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from durable.model.history import TaskScheduled, TimerCreated, TimerFired
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.storage.port import TIMERS, WORK_ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message, its queue, and when it shall show: at a time, or after a delay."""

    queue: str
    message: TaskMessage
    due_at: datetime | None = None
    delay_s: float = 0.0


def outbox(
    instance_id: InstanceId, rows: Iterable[HistoryRow], *, again: bool = False
) -> Iterator[Outgoing]:
    """List what the rows ask to be sent."""
    for row in rows:
        if isinstance(row.event, TaskScheduled):
            yield Outgoing(
                queue=WORK_ITEMS,
                message=TaskMessage(
                    instance_id=instance_id,
                    execution_id=row.execution_id,
                    event=row.event,
                    blobs=row.blobs,
                    again=again,
                ),
            )
        elif isinstance(row.event, TimerCreated):
            fired = TimerFired(
                timestamp=row.event.fire_at,
                timer_id=row.event.event_id,
                fire_at=row.event.fire_at,
            )
            yield Outgoing(
                queue=TIMERS,
                message=TaskMessage(
                    instance_id=instance_id,
                    execution_id=row.execution_id,
                    event=fired,
                    again=again,
                ),
                due_at=row.event.fire_at,
            )
