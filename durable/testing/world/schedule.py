"""Schedule: when things happen, where the rules leave it open. All chance of a world is here."""

import random
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

TICK_S = 0.01
TICKS_MAX = 4
LONG_TICKS = 60
LONG_ONE_IN = 25


@dataclass(frozen=True, slots=True)
class Schedule:
    """A seed, and delays of some calls: (number of the call, ticks).

    Seed 0 is the plainest schedule: every call takes one tick each way, messages come in order.
    """

    seed: int = 0
    delays: tuple[tuple[int, int], ...] = ()


class Timetable:
    """Draws what a schedule says."""

    def __init__(self, schedule: Schedule) -> None:
        """Begin to draw."""
        self._is_plain = schedule.seed == 0
        self._chance = random.Random(schedule.seed)  # noqa: S311
        self._delays = dict(schedule.delays)

    def latency_s(self, call: int | None = None) -> float:
        """Say how long one way of a call takes; `call` is its number where it has one already."""
        extra = self._delays.get(call, 0) if call is not None else 0
        if self._is_plain:
            return TICK_S * (1 + extra)
        long = LONG_TICKS if self._chance.randrange(LONG_ONE_IN) == 0 else 0
        ticks = self._chance.randrange(1, TICKS_MAX * 100) / 100
        return TICK_S * (ticks + long + extra)

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[0] if self._is_plain else self._chance.choice(choices)

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Reorder, unless the schedule is the plain one."""
        if not self._is_plain:
            self._chance.shuffle(items)
