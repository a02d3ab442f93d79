"""What replaying came to, for people and for a gate."""

from dataclasses import dataclass
from enum import Enum

from durable.replay.determinism import Mismatch


class Outcome(Enum):
    """What was found out about one history."""

    OK = "ok"
    MISMATCH = "does not match"
    FUNCTION_MISSING = "function missing"
    UNREADABLE = "unreadable"


class ReplayError(AssertionError):
    """At least one history does not fit the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """One history against the code.

    `problem` tells a person what does not fit: the event, what was expected, what the code does,
    and at which line. `mismatch` is the same as data, where the code asked for another task.
    `warnings` are argument mismatches that are let pass (`strict_arguments=False`).
    """

    instance_id: str
    name: str
    outcome: Outcome
    events: int
    problem: str | None = None
    mismatch: Mismatch | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether the code does what the history says it did."""
        return self.outcome is Outcome.OK

    def raise_if_wrong(self) -> "ReplayReport":
        """Raise `ReplayError` with the problem; give the report itself where there is none."""
        if not self.is_ok:
            raise ReplayError(str(self))
        return self

    def __str__(self) -> str:
        told = f"{self.outcome.value}: '{self.name}' {self.instance_id} ({self.events} events)"
        lines = [f"{told}: {self.problem}" if self.problem else told]
        return "\n  warning: ".join([*lines, *self.warnings])


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """The reports of many histories."""

    reports: tuple[ReplayReport, ...]

    @property
    def is_ok(self) -> bool:
        """Whether every history fits the code."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[ReplayReport, ...]:
        """The reports of those that do not."""
        return tuple(report for report in self.reports if not report.is_ok)

    def raise_if_wrong(self) -> "ReplaySummary":
        """Raise `ReplayError` naming every history that does not fit."""
        if not self.is_ok:
            raise ReplayError(str(self))
        return self

    def __str__(self) -> str:
        shown = [str(report) for report in self.reports if not report.is_ok or report.warnings]
        count = len(self.reports)
        return "\n".join([*shown, f"{count - len(self.wrong)} of {count} histories fit the code."])
