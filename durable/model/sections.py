"""Critical sections as a history tells them."""

from collections.abc import Iterable

from durable.model.history import EntityLockRequested, EntityUnlockSent, HistoryEvent
from durable.model.instance import HistoryRow


def open_sections(events: Iterable[HistoryEvent]) -> list[EntityLockRequested]:
    """List the requests for locks that no release has followed."""
    asked: dict[int, EntityLockRequested] = {}
    for event in events:
        if isinstance(event, EntityLockRequested):
            asked[event.event_id] = event
        elif isinstance(event, EntityUnlockSent):
            asked.pop(event.critical_section_id, None)
    return list(asked.values())


def releases_a_lock_of_before(rows: Iterable[HistoryRow], episode: int) -> bool:
    """Say whether an episode has given back a lock that an earlier one had asked for.

    Such an episode can't be made void: the code would go on inside a section that is no more.
    """
    events = [row.event for row in rows if row.episode == episode]
    mine = {event.event_id for event in events if isinstance(event, EntityLockRequested)}
    return any(
        isinstance(event, EntityUnlockSent) and event.critical_section_id not in mine
        for event in events
    )
