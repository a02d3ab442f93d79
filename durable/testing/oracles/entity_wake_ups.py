"""Wake-ups of entities: who waits for one will be answered, and who holds one will let it go.

A call or a request for locks is followed on its way: as long as it has not been taken somewhere, it
is owed there (`wake_ups` looks at debts); then it is kept by the entity, or its answer is owed.
"""

from durable.model.entities import EntityLock, EntityRecord
from durable.model.errors import MalformedMessageError
from durable.model.history import EntityLockRequested, EntityOperationCalled, EntityUnlockSent
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.streams import Origin, life_of, places_of
from durable.testing.oracles.entity_commits import is_scheduled
from durable.testing.oracles.hub_view import HubView, InstanceView
from durable.testing.oracles.parcels import numbered
from durable.testing.oracles.violation import Violation

ORACLE = "wake-up"


def check_entity_answers(hub: HubView, waiting_id: InstanceId, row: HistoryRow) -> None:
    """An open call, or an open request for locks, will be answered; or raise `Violation`."""
    event = row.event
    if not isinstance(event, EntityOperationCalled | EntityLockRequested):
        return
    origin = Origin(waiting_id, life_of(row.execution_id))
    for entity_id, number in places_of(event, row.number).items():
        view = hub.instances[entity_id]
        if number > view.marks.get(origin.to_text(), 0):
            if not hub.owed[entity_id, numbered(origin, number)]:
                raise Violation(ORACLE, f"{waiting_id}: nobody has handed {event} to {entity_id}")
            return
        if any((m.origin, m.number) == (origin, number) for m in view.queue.messages):
            return
    answers = hub.owed[waiting_id, ("task", str(row.execution_id), event.event_id)]
    if all(hub.is_settled(answer) for answer in answers):
        raise Violation(ORACLE, f"{waiting_id} waits for {event}, and nobody will answer")


def check_holder(hub: HubView, entity_id: InstanceId, entity: EntityRecord) -> None:
    """Who holds an entity is inside that section, or its release is on its way."""
    lock = entity.lock
    if lock is None:
        return
    try:
        owner = Origin.from_text(lock.owner)
    except MalformedMessageError as error:
        raise Violation("entity", f"{entity_id} is held by {lock}") from error
    view = hub.instances[owner.instance_id]
    release = _release_of(view, lock)
    if release is None:
        record = view.record
        is_inside = view.is_alive and record is not None
        is_inside &= record is not None and record.execution_id == lock.execution_id
        if not is_inside or not _has_asked(view, lock):
            raise Violation("entity", f"{entity_id} is held by {lock}, which nobody will release")
        return
    number = places_of(release.event, release.number)[entity_id]
    served = number <= hub.instances[entity_id].marks.get(lock.owner, 0) and not any(
        m.origin == owner and m.number == number for m in hub.instances[entity_id].queue.messages
    )
    if served:
        raise Violation("entity", f"{entity_id} has served the release of {lock} and is held")


def has_something_to_serve(view: InstanceView, entity: EntityRecord) -> bool:
    """Whether a message waits that nothing holds up."""
    if entity.lock is None:
        return bool(view.queue.waiting)
    owner = entity.lock.owner
    return any(
        message.origin is not None
        and message.origin.to_text() == owner
        and not is_scheduled(message)
        for message in view.queue.waiting.values()
    )


def _release_of(view: InstanceView, lock: EntityLock) -> HistoryRow | None:
    """Find the last release of the section, if it was left after it was asked for last."""
    found: HistoryRow | None = None
    for row in view.rows.values():
        if row.execution_id != lock.execution_id:
            continue
        match row.event:
            case EntityUnlockSent(critical_section_id=section_id) if section_id == lock.section_id:
                found = row
            case EntityLockRequested(event_id=section_id) if section_id == lock.section_id:
                found = None  # a rewind asks for it anew
            case _:
                pass
    return found


def _has_asked(view: InstanceView, lock: EntityLock) -> bool:
    return any(
        row.execution_id == lock.execution_id
        and isinstance(row.event, EntityLockRequested)
        and row.event.event_id == lock.section_id
        for row in view.rows.values()
    )
