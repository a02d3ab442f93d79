"""Agenda: virtual time, and what is still to come.

Time stands still while anything is due and then leaps to what comes next. Of what is due at one
moment, the first noted comes first; so a run is the same every time.
"""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

Act = Callable[[], None]
# A fixed day: a test that shows a time shows the same one every time.
START = datetime(2026, 1, 1, tzinfo=UTC)


def in_utc(time: datetime) -> datetime:
    """Return the time in UTC; one without a zone is in UTC already."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


class Agenda:
    """Acts with the time at which they are due."""

    def __init__(self, now: datetime = START) -> None:
        """Begin at this time; one without a zone is UTC."""
        self.now = in_utc(now)
        self._numbers = itertools.count()
        self._due: list[tuple[datetime, int, Act]] = []

    def note(self, due: datetime, act: Act) -> None:
        """Do this then; at once, if that is past."""
        heapq.heappush(self._due, (max(due, self.now), next(self._numbers), act))

    def step(self, until: datetime | None = None) -> bool:
        """Go to the next act and do it; `False` if there is none, or none so early."""
        if not self._due or (until is not None and self._due[0][0] > until):
            return False
        due, _, act = heapq.heappop(self._due)
        self.now = due
        act()
        return True
