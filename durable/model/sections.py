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


def is_about_sections(rows: Iterable[HistoryRow], episode: int) -> bool:
    """Say whether an episode has asked for locks or given some back.

    Such an episode can't be made void. The code would go on inside a section that is no more, or
    ask again while a grant for what it had asked for is still on its way.
    """
    kinds = EntityLockRequested | EntityUnlockSent
    return any(row.episode == episode and isinstance(row.event, kinds) for row in rows)
