"""Tally: what was run, for the reader who asks what "0 violations" means."""

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from durable.testing.simulation.experiment import Experiment
from durable.testing.simulation.observed import Sighting


@dataclass(slots=True)
class Tally:
    """Counts over many experiments. Tallies of several processes add up.

    `programs` holds a digest of each, so that one program under many schedules counts once.
    """

    experiments: int = 0
    programs: set[int] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    storage_calls: int = 0
    commits: int = 0
    checks: int = 0
    compared: int = 0

    def add(self, experiment: Experiment, seen: Sighting) -> None:
        """Count one experiment without a violation."""
        self.experiments += 1
        self.programs.add(digest_of(experiment.program))
        self.faults.update(kind.value for _, kind in seen.hits)
        self.storage_calls += seen.calls_in_all
        self.commits += seen.commits
        self.checks += seen.checks
        self.compared += seen.is_compared

    def __iadd__(self, other: "Tally") -> Self:
        """Add what another process has counted."""
        self.experiments += other.experiments
        self.programs |= other.programs
        self.faults += other.faults
        self.storage_calls += other.storage_calls
        self.commits += other.commits
        self.checks += other.checks
        self.compared += other.compared
        return self

    def lines(self) -> list[str]:
        """Print it."""
        rows = [
            (self.experiments, "experiments: a program, a schedule, up to three faults"),
            (len(self.programs), "different programs"),
            *((count, f"fault: {kind}") for kind, count in sorted(self.faults.items())),
            (self.faults.total(), "faults in all"),
            (self.storage_calls, "storage calls"),
            (self.checks, "states of the hub held to the invariants"),
            (self.commits, "accepted commits checked against the specification"),
            (self.compared, "outcomes looked up among those that the specification allows"),
        ]
        return [f"{count:12,} {what}" for count, what in rows]


def digest_of(program: object) -> int:
    """Make a number of a program that is the same in every process."""
    return zlib.crc32(repr(program).encode())
