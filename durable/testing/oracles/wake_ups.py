"""Wake-ups: as long as somebody needs a message, it is under way, or something will send it.

That is what "nothing is ever lost" means at one instant. It is looked at from both ends: what an
instance has asked to be sent and its receiver has not taken; and what an instance waits for.
"""

from durable.model.history import (
    HistoryEvent,
    RewindSent,
    StartRefused,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.testing.oracles.entity_wake_ups import (
    check_entity_answers,
    check_holder,
    has_something_to_serve,
)
from durable.testing.oracles.hub_view import HubView, InstanceView
from durable.testing.oracles.owed import Debt, debts_of
from durable.testing.oracles.parcels import Parcel, identity_of
from durable.testing.oracles.violation import Violation

ORACLE = "wake-up"


def check_wake_ups(hub: HubView, instance_id: InstanceId) -> None:
    """Check what may have been lost when something of this instance changed."""
    view = hub.instances[instance_id]
    _check_begins(hub, instance_id, view)
    for debt in hub.open_debts(instance_id):
        _check_debt(hub, debt)
    for waiting_id in {instance_id, *hub.askers_of[instance_id]}:
        for row in hub.instances[waiting_id].open_tasks():
            _check_child(hub, waiting_id, row)
            check_entity_answers(hub, waiting_id, row)
    record = view.record
    if record is None or record.is_absent or record.status is RuntimeStatus.PENDING:
        return  # its first episode will show it
    if view.shown < record.status_sequence:
        _check_token(hub, instance_id, "the projection is behind")
    if record.entity is not None:
        check_holder(hub, instance_id, record.entity)
        if has_something_to_serve(view, record.entity) and not any(hub.parcels.of(instance_id)):
            raise Violation(ORACLE, f"{instance_id}: it has something to serve, and sleeps")


def _check_begins(hub: HubView, instance_id: InstanceId, view: InstanceView) -> None:
    """A pending instance has a message that begins it."""
    record = view.record
    if record is None or record.status is not RuntimeStatus.PENDING or record.is_absent:
        return
    for parcel in hub.parcels.of(instance_id):
        begins = record.scheduled_at is None or identity_of(parcel.message)[0] == "start"
        if begins and view.is_new(parcel.message):
            return
    raise Violation(ORACLE, f"{instance_id} is pending and nothing will start it")


def _check_debt(hub: HubView, debt: Debt) -> None:
    if hub.parcels.carries(debt.receiver, debt.identity):
        return
    record = hub.instances[debt.sender].record
    if record is None or debt.row.episode not in record.unsent:
        raise Violation(
            ORACLE,
            f"{debt.sender}: {debt.row.event} for {debt.receiver} is not under way, and its "
            f"episode {debt.row.episode} counts as sent",
        )
    # Whoever commits next adopts what an ended execution left, but not what an entity did.
    is_old = debt.row.ordinal < record.base and record.entity is None
    _check_token(hub, debt.sender, f"{debt.row.event} was not sent", is_old=is_old)


def _check_child(hub: HubView, parent_id: InstanceId, row: HistoryRow) -> None:
    """A child that was begun lives, or its answer is owed (which is looked at by itself)."""
    event = row.event
    if not isinstance(event, SubOrchestrationInstanceCreated | RewindSent):
        return
    [asked] = debts_of(parent_id, row)
    _, origin, number = asked.identity
    child = hub.instances[asked.receiver]
    if number > child.marks.get(origin, 0):
        return  # still on its way, or put aside
    task_id = task_id_of(row)
    if child.is_child_of(parent_id, row.execution_id, task_id):
        return
    waiting = [kept.event for kept in child.stash.waiting]
    if any(_refuses(event, parent_id, row.execution_id, task_id) for event in waiting):
        return
    answers = hub.owed[parent_id, ("task", str(row.execution_id), task_id)]
    if all(hub.is_settled(answer) for answer in answers):
        raise Violation(ORACLE, f"{parent_id} waits for {event}, and nobody will answer")


def _refuses(
    event: HistoryEvent, parent_id: InstanceId, execution_id: ExecutionId, task_id: int
) -> bool:
    """Whether a message that waits for the beginning is a refusal of this child."""
    if not isinstance(event, StartRefused):
        return False
    parent = Parent.from_json(event.parent_instance)
    known = (parent.instance_id, parent.execution_id, parent.task_id)
    return known == (parent_id, execution_id, task_id)


def _check_token(hub: HubView, instance_id: InstanceId, why: str, *, is_old: bool = False) -> None:
    """A message is under way that will send it: mostly one that is known, and will have the duty.

    What an ended execution left is adopted by whoever commits next (rule A9), `is_old`.
    """
    view = hub.instances[instance_id]
    if not any(_is_token(view, parcel, is_old=is_old) for parcel in hub.parcels.of(instance_id)):
        raise Violation(ORACLE, f"{instance_id}: {why}, and no message has the duty to")


def _is_token(view: InstanceView, parcel: Parcel, *, is_old: bool) -> bool:
    if not view.is_new(parcel.message):
        return parcel.has_duty_next
    if is_old or view.is_waiting:
        return True
    # It begins another life, whose first commit adopts, or has its turn and nothing else.
    return parcel.has_duty_next and not view.is_alive


def task_id_of(row: HistoryRow) -> int:
    """Tell the task that a row asks for (again)."""
    if isinstance(row.event, RewindSent):
        return row.event.task_scheduled_id
    assert isinstance(row.event, TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated)
    return row.event.event_id
