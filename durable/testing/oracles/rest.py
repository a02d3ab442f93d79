"""At rest: the faults have stopped, nothing runs, and everything that could go on has."""

from collections.abc import Sequence
from dataclasses import replace

from durable.model.history import TaskScheduled, TimerCreated
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import encode_summary
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import TIMERS, WORK_ITEMS
from durable.testing.oracles.hub_view import HubView, task_of
from durable.testing.oracles.parcels import message_of
from durable.testing.oracles.violation import Violation

ORACLE = "liveness"


def check_rest(view: HubView, store: MemoryStore) -> None:
    """Everything runnable has ended, queues are empty, nothing is unsent; or raise `Violation`."""
    left = {
        "messages": [message.body for message in store.messages],
        "timers": list(store.timers.values()),
        "poisoned messages": [poisoned.body for poisoned in store.poison],
        "buried messages": [body for _, body in store.buried],
    }
    for what, bodies in left.items():
        if bodies:
            raise Violation(ORACLE, f"{len(bodies)} {what} are left, the first {bodies[0][:300]}")
    for instance_id, instance in view.instances.items():
        record = instance.record
        if record is None or record.is_stub:
            continue
        waits_for = instance.open_tasks()
        if waits_for or record.status.value in ("Pending", "Suspended"):
            tasks = [row.event for row in waits_for[:3]]
            raise Violation(ORACLE, f"{instance_id} is {record.status.value}, waiting for {tasks}")
        if instance.shown != record.status_sequence:
            raise Violation(ORACLE, f"{instance_id}: lists show something older than the record")
        _check_lists(store, instance_id, record)
        for row in instance.rows.values():
            is_asked = isinstance(row.event, TaskScheduled | TimerCreated)
            is_answered = (row.execution_id, row.event.event_id) in instance.answered
            if is_asked and is_answered and task_of(row) not in instance.put:
                raise Violation(ORACLE, f"{instance_id}: {row.event} was answered and never sent")


def _check_lists(store: MemoryStore, instance_id: InstanceId, record: InstanceRecord) -> None:
    """What lists show is the record, but for the time of a change that they need not show."""
    shown = store.summaries[instance_id].columns
    wanted = encode_summary(record, task_hub=store.task_hub)
    differ = {key for key in wanted if shown.get(key) != wanted[key]} - {"LastUpdatedTime"}
    if differ:
        raise Violation("projection", f"{instance_id}: lists differ in {sorted(differ)}")


def check_unsent(view: HubView) -> None:
    """Rule A5: after a message with the duty nothing counts as unsent any more."""
    for instance_id, instance in view.instances.items():
        if instance.record is not None and instance.record.unsent:
            unsent = sorted(instance.record.unsent)
            raise Violation(ORACLE, f"{instance_id}: episodes {unsent} count as unsent for ever")


def check_collected(view: HubView, store: MemoryStore) -> None:
    """Rules F and A9: without a fault nothing is left of an ended execution."""
    for instance_id, instance in view.instances.items():
        base = instance.record.base if instance.record is not None else 0
        old = sorted(ordinal for ordinal in store.rows.get(instance_id, {}) if ordinal < base)
        if old:
            raise Violation(ORACLE, f"{instance_id}: the old rows {old} were never collected")


Standing = dict[str, tuple[InstanceRecord | None, tuple[HistoryRow, ...]]]


def standing(view: HubView) -> Standing:
    """Take down what a message that is delivered once more must not change.

    Which episodes still count as unsent may change: they are sent again, and taken out.
    """
    taken: Standing = {}
    for instance_id, instance in view.instances.items():
        record = instance.record
        if record is not None:
            record = replace(record, unsent=frozenset(), commit_id="")
        taken[instance_id] = (record, tuple(instance.rows.values()))
    return taken


def check_silence(sent: Sequence[StoredMessage], *, clocks_agree: bool) -> None:
    """Rule A7: without the duty a known message sends nothing, or two instances would storm.

    A task that no host has is put back, and so is a timer that is not due by its host's clock.
    """
    queues = (WORK_ITEMS, TIMERS) if clocks_agree else (WORK_ITEMS,)
    again = [message.body for message in sent if message.queue in queues]
    again = [body for body in again if not _is_held(body)]
    if again:
        raise Violation("redelivery", f"a known message sent {len(again)} more: {again[0]}")


def _is_held(body: str) -> bool:
    message = message_of(body)
    return message is not None and message.holds > 0


def check_unchanged(before: Standing, after: Standing) -> None:
    """Raise `Violation` if something happened."""
    for instance_id in sorted({*before, *after}):
        if before.get(instance_id) != after.get(instance_id):
            raise Violation(
                "redelivery", f"{instance_id}: a message delivered once more changed something"
            )
