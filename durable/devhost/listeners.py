"""From the functions of an app to the listeners that run them.

What belongs together for one trigger is put together here: the queue with its poison queue and
delivery, the timer with its schedule, status and lease.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from azure.storage.queue import QueueMessage

from durable.devhost.admin import RunByHand
from durable.devhost.host_json import HostJson
from durable.devhost.index import IndexedFunction, QueueTrigger, TimerTrigger
from durable.devhost.invoke import CALLED_BY_API, Invoker
from durable.devhost.queue_delivery import Delivery, poison_queue_name
from durable.devhost.queue_listener import QueueListener, Wakeups
from durable.devhost.queue_message import body_datum, trigger_metadata
from durable.devhost.queue_names import resolved_queue_name
from durable.devhost.settings import substitute
from durable.devhost.storage_connection import HOST_STORAGE, StorageConnections
from durable.devhost.timer_clock import Clock
from durable.devhost.timer_lease import TimerLease
from durable.devhost.timer_listener import TimerListener
from durable.devhost.timer_schedule import read_schedule
from durable.devhost.timer_status import StatusBlob

_NEVER = datetime.max.replace(tzinfo=UTC)


class Listener(Protocol):
    """Waits for what triggers one function, and runs it."""

    def stop(self) -> None:
        """Take nothing more; `run` returns when all that was taken is done."""
        ...

    async def run(self) -> None:
        """Listen until stopped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all listeners of one host share."""

    invoker: Invoker
    connections: StorageConnections
    wakeups: Wakeups
    host_json: HostJson
    host_id: str
    environment: Mapping[str, str]
    visibility_s: int
    lease_s: int
    clock: Clock
    chance: random.Random


def listener_for(
    function: IndexedFunction, shared: Surroundings
) -> tuple[Listener, RunByHand] | None:
    """Make a function's listener, and the way to run it by hand; None for an HTTP function.

    Raises SettingError or IndexingError with the function's name.
    """
    if isinstance(function.trigger, QueueTrigger):
        return _queue(function, function.trigger, shared)
    if isinstance(function.trigger, TimerTrigger):
        return _timer(function, function.trigger, shared)
    return None


def _queue(
    function: IndexedFunction, trigger: QueueTrigger, shared: Surroundings
) -> tuple[Listener, RunByHand]:
    wanted_by = f"function '{function.name}'"
    name = resolved_queue_name(trigger.queue_name, shared.environment, function_name=function.name)
    connection = substitute(trigger.connection, shared.environment, wanted_by=wanted_by)
    service = shared.connections.queues(connection, wanted_by=wanted_by)
    queue = service.get_queue_client(name)
    poison_name = poison_queue_name(name)
    options = shared.host_json.queues
    delivery = Delivery(
        function,
        shared.invoker,
        queue=queue,
        poison=service.get_queue_client(poison_name) if poison_name else None,
        options=options,
        is_binary=trigger.is_binary,
        visibility_s=shared.visibility_s,
        on_poisoned=shared.wakeups.notify,
    )
    listener = QueueListener(
        queue,
        delivery,
        options=options,
        visibility_s=shared.visibility_s,
        wakeup=shared.wakeups.watch(name),
        chance=shared.chance,
    )

    async def run_by_hand(text: str) -> None:
        body = text.encode()
        await shared.invoker.invoke(
            function,
            body_datum(body, is_binary=trigger.is_binary),
            metadata=trigger_metadata(_unsent_message(text), body),
            reason=CALLED_BY_API,
        )

    return listener, run_by_hand


def _unsent_message(text: str) -> QueueMessage:
    """Describe a message that never was in a queue, as QueueTriggerBinding.cs does."""
    message = QueueMessage(content=text)
    message.id = ""
    message.pop_receipt = ""
    message.dequeue_count = 0
    message.inserted_on = datetime.now(UTC)
    message.expires_on = _NEVER
    message.next_visible_on = _NEVER
    return message


def _timer(
    function: IndexedFunction, trigger: TimerTrigger, shared: Surroundings
) -> tuple[Listener, RunByHand]:
    schedule = read_schedule(trigger, shared.environment, function_name=function.name)
    blobs = shared.connections.blobs(HOST_STORAGE, wanted_by=f"function '{function.name}'")
    listener = TimerListener(
        function,
        shared.invoker,
        schedule=schedule,
        store=StatusBlob(blobs, host_id=shared.host_id, function_name=function.name),
        lease=TimerLease(
            blobs,
            host_id=shared.host_id,
            function_name=function.name,
            lease_s=shared.lease_s,
        ),
        clock=shared.clock,
        retry_s=shared.lease_s,
    )

    async def run_by_hand(_: str) -> None:
        await listener.invoke_by_hand()

    return listener, run_by_hand
