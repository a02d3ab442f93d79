"""At rest: the faults have stopped, nothing runs, and everything that could go on has."""

from collections.abc import Sequence
from dataclasses import replace

from durable.model.entity_ids import is_entity_id
from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCompleted,
    EntityOperationFailed,
    RewindSent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import encode_summary
from durable.model.status import RuntimeStatus
from durable.model.streams import life_of
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import TIMERS, WORK_ITEMS
from durable.testing.oracles.hub_view import HubView, InstanceView
from durable.testing.oracles.parcels import message_of
from durable.testing.oracles.violation import Violation

ORACLE = "liveness"
OLD_ROWS_OF_ENTITY_MAX = 100


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
        if record.is_purged:
            _check_purged(store, instance_id)
            continue
        _check_instance(view, instance_id, instance, record)
        if instance.shown != record.status_sequence:
            raise Violation(ORACLE, f"{instance_id}: lists show something older than the record")
        _check_lists(store, instance_id, record)
    _check_all_sent(view)


def _check_instance(
    view: HubView, instance_id: InstanceId, instance: InstanceView, record: InstanceRecord
) -> None:
    """It waits for nothing that the hub owes it, and nothing waits for its turn."""
    if _is_held_up(view):
        return
    waits_for = [
        row.event for row in instance.open_tasks() if not _has_living_child(view, instance_id, row)
    ]
    if waits_for or instance.is_waiting:
        raise Violation(
            ORACLE, f"{instance_id} is {record.status.value}, waits for {waits_for[:3]}"
        )
    entity = record.entity
    if entity is not None and not entity.is_idle:
        raise Violation(
            ORACLE, f"{instance_id} is held or has something to serve for ever: {entity}"
        )
    stashed = instance.stash.messages
    if stashed:
        raise Violation(ORACLE, f"{instance_id}: {len(stashed)} messages are put aside for ever")


def _is_held_up(view: HubView) -> bool:
    """Whether somebody is suspended inside a critical section, or waits for one.

    That is for ever where its resume came first. Whoever needs its locks waits with it, by right.
    """
    return any(
        instance.record is not None
        and instance.record.status is RuntimeStatus.SUSPENDED
        and any(isinstance(row.event, EntityLockRequested) for row in instance.rows.values())
        for instance in view.instances.values()
    )


def _has_living_child(view: HubView, instance_id: InstanceId, row: HistoryRow) -> bool:
    """Whether the row asks for a child, or asked it anew, and the child lives for that task."""
    match row.event:
        case (
            SubOrchestrationInstanceCreated(instance_id=child, event_id=task_id)
            | RewindSent(instance_id=child, task_scheduled_id=task_id)
        ):
            kid = view.instances[InstanceId(child)]
            return kid.is_child_of(instance_id, row.execution_id, task_id)
        case _:
            return False


def _check_all_sent(view: HubView) -> None:
    """What was asked for was put, be it answered by another copy; and nobody is owed anything."""
    for (receiver, identity), debts in view.owed.items():
        for debt in debts:
            if not view.is_settled(debt):
                raise Violation(ORACLE, f"{debt.sender}: {debt.row.event} for {receiver} is owed")
            key = (debt.row.execution_id, debt.row.event.event_id)
            is_answered = key in view.instances[debt.sender].answered
            if is_answered and identity not in view.instances[receiver].put:
                text = f"{debt.sender}: {debt.row.event} was answered and never sent"
                raise Violation(ORACLE, text)


def _check_purged(store: MemoryStore, instance_id: InstanceId) -> None:
    """A purged instance shows nothing, and leaves nothing but its tombstone (rule E1)."""
    left = {"rows": store.rows.get(instance_id), "line": store.summaries.get(instance_id)}
    for what, found in left.items():
        if found:
            raise Violation(ORACLE, f"{instance_id} was purged, and its {what} is left: {found}")


def _check_lists(store: MemoryStore, instance_id: InstanceId, record: InstanceRecord) -> None:
    """What lists show is the record, but for a change that they need not show.

    Such is a later time, and a later execution that looks the same.
    """
    shown = dict(store.summaries[instance_id].columns)
    if life_of(ExecutionId(str(shown["ExecutionId"]))) == record.life_id:
        shown["ExecutionId"] = record.execution_id
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
    """Rules F and A9: without a fault nothing is left of an ended execution.

    But for what the very last episode has begun and ended: the next commit would collect it. An
    entity, whose every commit makes the rows before it old, collects them many at a time.
    """
    for instance_id, instance in view.instances.items():
        base = instance.record.base if instance.record is not None else 0
        last = instance.record.episode if instance.record is not None else 0
        spare = OLD_ROWS_OF_ENTITY_MAX if is_entity_id(instance_id) else 0
        old = sorted(
            ordinal
            for ordinal in store.rows.get(instance_id, {})
            if ordinal < base and instance.rows[ordinal].episode != last
        )
        if len(old) > spare:
            raise Violation(ORACLE, f"{instance_id}: the old rows {old} were never collected")


ANSWERS = (
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityLockGranted,
)
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


def check_silence(
    sent: Sequence[StoredMessage], *, clocks_agree: bool, nothing_flagged: bool
) -> None:
    """Rule A7: without the duty a known message sends nothing, or two instances would storm.

    A task that no host has is put back, and so is a timer that is not due by its host's clock.
    `nothing_flagged`: no copy carried `again`, as that of a far timer does.
    """
    queues = (WORK_ITEMS, TIMERS) if clocks_agree else (WORK_ITEMS,)
    again = [
        message.body
        for message in sent
        if message.queue in queues or (nothing_flagged and _is_to_another(message.body))
    ]
    again = [body for body in again if not _is_held(body)]
    if again:
        raise Violation("redelivery", f"a known message sent {len(again)} more: {again[0]}")


def _is_to_another(body: str) -> bool:
    """An activity that runs again puts its result; children's answers and streams are not that."""
    message = message_of(body)
    if message is None:
        return False
    return isinstance(message.event, ANSWERS) or message.origin is not None


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
