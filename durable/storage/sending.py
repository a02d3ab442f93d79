"""Send: put one message where it belongs, so that it shows when it shall.

What is due soon lies in a queue, invisible; what is due late in the table of timers.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from durable.model.environment import Environment
from durable.model.messages import TaskMessage
from durable.model.partitions import partition_of
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.payloads import fit_message
from durable.storage.port import OutcomeUnknown, StorageFault, TaskHubStore, control_queue
from durable.storage.timers import NEAR_S, timer_key

PUT_ATTEMPTS_MAX = 3
PUT_BACKOFF_S_FIRST = 0.1


async def send(store: TaskHubStore, environment: Environment, outgoing: Outgoing) -> None:
    """Put one message, its large payloads first; raises a `StorageFault` after a few attempts."""
    body = await fit_message(store, environment, outgoing.message)
    delay_s = outgoing.delay_s
    if outgoing.due_at is not None:
        delay_s = (outgoing.due_at - environment.now()).total_seconds()
    if outgoing.due_at is not None and delay_s > NEAR_S:
        key = timer_key(outgoing.message, outgoing.due_at)
        await _insist(environment, lambda: store.park_timer(key, body))
        return
    queue = outgoing.queue
    if queue == CONTROL:
        queue = queue_of(store, outgoing.message)
    delay_s = max(delay_s, 0.0)
    await _insist(environment, lambda: store.put(queue, body, delay_s=delay_s))


def queue_of(store: TaskHubStore, message: TaskMessage) -> str:
    """Name the control queue of the receiver."""
    return control_queue(partition_of(message.instance_id, store.partition_count))


def flagged(outgoing: Outgoing) -> Outgoing:
    """Mark it as sent again (rule A4)."""
    return replace(outgoing, message=replace(outgoing.message, again=True))


async def _insist(environment: Environment, put: Callable[[], Awaitable[None]]) -> None:
    """Put, again if the outcome is a fault: two copies of one message do no harm.

    A fault that left here would send the whole episode again. One attempt whose outcome is unknown
    makes that of all unknown, whatever the last one says.
    """
    unknown: OutcomeUnknown | None = None
    for attempt in range(1, PUT_ATTEMPTS_MAX + 1):
        try:
            await put()
        except StorageFault as fault:
            unknown = fault if isinstance(fault, OutcomeUnknown) else unknown
            if attempt == PUT_ATTEMPTS_MAX:
                raise unknown or fault from None
            pause_s = PUT_BACKOFF_S_FIRST * 2**attempt
            await environment.wait(pause_s * (0.5 + environment.jitter()))
        else:
            return
