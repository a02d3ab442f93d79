"""Facts of entities: what one sends, laid out for comparing. Numbers in streams are left out."""

from collections.abc import Sequence
from datetime import datetime

from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
)
from durable.testing.oracles.facts import Fact

ANY = ...
"""A value of which nothing is known."""
OF_THE_CODE = ("signal", "start")


def sent_fact(event: HistoryEvent) -> Fact:
    """Lay out what an entity sends, as `Serving` foresees it."""
    match event:
        case EntityOperationSignaled():
            return signal(event.instance_id, event.operation, event.input, event.scheduled_time)
        case SubOrchestrationInstanceCreated(is_detached=True):
            return start(event.name, event.input, event.instance_id)
        case EntityLockRequested(parent_instance=waits):
            return ("hand on", waits, event.position, event.lock_set, event.numbers)
        case _:
            return _reply(event)


def _reply(event: HistoryEvent) -> Fact:
    match event:
        case EntityOperationCompleted(parent_instance=waits, result=result):
            return ("reply", waits, result)
        case EntityOperationFailed(parent_instance=waits, failure_details=details):
            return ("failed", waits, details.error_message if details else event.reason)
        case EntityLockGranted(parent_instance=waits):
            return ("grant", waits, None)
        case _:
            return ("what no entity sends", event)


def signal(
    instance_id: str, operation: str, input_: str | None, due_at: datetime | None = None
) -> Fact:
    """Lay out a signal of an entity to an entity."""
    return ("signal", instance_id, operation, input_, due_at)


def start(name: str, input_: str | None, instance_id: str) -> Fact:
    """Lay out a start by an entity."""
    return ("start", name, input_, instance_id)


def is_like(sent: Sequence[Fact], foreseen: Sequence[Fact | None]) -> bool:
    """Compare what was sent; `None` stands for any signals and starts, `ANY` for any value."""
    at = 0
    for fact in foreseen:
        if fact is None:
            while at < len(sent) and sent[at][0] in OF_THE_CODE:
                at += 1
        elif at < len(sent) and _is_fact_like(sent[at], fact):
            at += 1
        else:
            return False
    return at == len(sent)


def _is_fact_like(sent: Fact, foreseen: Fact) -> bool:
    pairs = zip(sent, foreseen, strict=False)
    return len(sent) == len(foreseen) and all(b is ANY or a == b for a, b in pairs)
