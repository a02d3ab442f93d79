"""Faults: what can go wrong at one storage call, and the experiments that follow from it.

Every storage call of every actor (hosts, their receiving and deleting, callers) has a number. A
fault is a kind at a number; the schedule and the faults together are a whole experiment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """How a call goes wrong. *Host* is whoever makes it: a caller can die as well."""

    CRASH_BEFORE = "host dies before the call"
    CRASH_AFTER = "host dies after the call"
    THROTTLED = "refused, not applied"
    UNKNOWN_NOT_APPLIED = "outcome unknown, not applied"
    UNKNOWN_APPLIED = "outcome unknown, applied"
    UNKNOWN_APPLIED_LATE = "outcome unknown, applied later"
    KILL_BEFORE = "invocation killed before the call, host lives"
    KILL_AFTER = "invocation killed after the call, host lives"
    FREEZE_BEFORE = "host frozen before the call for longer than its messages are hidden"
    FREEZE_AFTER = "host frozen after the call for longer than its messages are hidden"
    SLOW = "the answer is slow"
    TWICE = "put or delivered twice"


READ_KINDS = (
    FaultKind.CRASH_BEFORE,
    FaultKind.THROTTLED,
    FaultKind.KILL_BEFORE,
    FaultKind.FREEZE_AFTER,
    FaultKind.SLOW,
)
WRITE_KINDS = tuple(kind for kind in FaultKind if kind is not FaultKind.TWICE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One call goes wrong in one way."""

    call: int
    kind: FaultKind


@dataclass(frozen=True, slots=True)
class Call:
    """One storage call, as it was made. `changes`: it writes."""

    number: int
    actor: str
    kind: str
    changes: bool

    def kinds(self) -> tuple[FaultKind, ...]:
        """List how this call can go wrong so that it makes a difference."""
        if not self.changes:
            return READ_KINDS
        can_be_twice = self.kind == "receive" or self.kind.startswith("put ")
        return (*WRITE_KINDS, FaultKind.TWICE) if can_be_twice else WRITE_KINDS


def single_faults(calls: Iterable[Call]) -> Iterator[Fault]:
    """List every kind of fault at each of these calls."""
    for call in calls:
        for kind in call.kinds():
            yield Fault(call.number, kind)
