"""Critical sections as a history tells them."""

from collections.abc import Iterable

from durable.model.history import (
    EntityLockRequested,
    EntityUnlockSent,
    ExecutionCompleted,
    HistoryEvent,
)
from durable.model.ids import ExecutionId
from durable.model.instance import HistoryRow
from durable.model.rewinding import effective


def open_sections(events: Iterable[HistoryEvent]) -> list[EntityLockRequested]:
    """List the requests for locks that no release has followed."""
    asked: dict[int, EntityLockRequested] = {}
    for event in events:
        if isinstance(event, EntityLockRequested):
            asked[event.event_id] = event
        elif isinstance(event, EntityUnlockSent):
            asked.pop(event.critical_section_id, None)
    return list(asked.values())


def failed_about_sections(rows: Iterable[HistoryRow], execution_id: ExecutionId) -> bool:
    """Say whether the episode that a failed execution ended in asked for locks or gave some back.

    Such an episode can't be made void. The code would go on inside a section that is no more, or
    ask again while a grant for what it had asked for is still on its way. (A later episode may be
    nothing but the same answer, given once more to a rewound parent.)
    """
    mine = effective(rows, execution_id)
    ends = [row.episode for row in mine if isinstance(row.event, ExecutionCompleted)]
    kinds = EntityLockRequested | EntityUnlockSent
    return any(row.episode == min(ends) and isinstance(row.event, kinds) for row in mine if ends)
