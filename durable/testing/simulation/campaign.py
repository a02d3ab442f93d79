"""Campaign: many experiments on all processors, until the time is up or the list is done."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Self

from durable.testing.programs.handwritten import NAMED
from durable.testing.simulation.batch import Batch, run_batch
from durable.testing.simulation.exhaustive import (
    FULL_SEED,
    labelled,
    pairs,
    plain,
    run_all,
    singles,
)
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.simulation.tally import Tally

PAIRS_PER_PROGRAM = 150
SHARDS = 4
FINDINGS_MAX = 5

Tell = Callable[["Report"], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """An experiment that violates something. `seed`: of the batch that it was drawn in."""

    experiment: Experiment
    text: str
    seed: int | None = None


@dataclass(slots=True)
class Report:
    """What a campaign came to. `lists`: experiments of each list that was run to its end."""

    tally: Tally = field(default_factory=Tally)
    lists: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Add a batch."""
        self.tally += batch.tally
        if batch.finding is not None:
            experiment, _, text = batch.finding
            self.findings.append(Finding(experiment, text, batch.seed))

    def __iadd__(self, other: "Report") -> Self:
        """Add what another process reports."""
        self.tally += other.tally
        self.lists += other.lists
        self.findings += other.findings
        return self


def explore(first_seed: int, seconds: float, tell: Tell) -> Report:
    """Run batch after batch until the time is up, or so much is found that reading comes first."""
    report = Report()
    ends_at = time.monotonic() + seconds
    seeds = count(first_seed)
    with _processes() as pool:
        open_batches = {pool.submit(run_batch, next(seeds)) for _ in range(_width() + 1)}
        while open_batches:
            done, open_batches = wait(open_batches, return_when=FIRST_COMPLETED)
            for each in done:
                report.take(each.result())
                if time.monotonic() < ends_at and len(report.findings) < FINDINGS_MAX:
                    open_batches.add(pool.submit(run_batch, next(seeds)))
            tell(report)
    return report


def run_everything(tell: Tell, only: Sequence[str] = ()) -> Report:
    """Run every single fault of every program written by hand, and pairs.

    With `only`, of those whose names begin with one of these.
    """
    report = Report()
    with _processes() as pool:
        parts: set[Future[Report]] = set()
        for name in NAMED:
            if only and not name.startswith(tuple(only)):
                continue
            for shard in range(SHARDS):
                parts.add(pool.submit(run_shard, name, shard, SHARDS))
        while parts:
            done, parts = wait(parts, return_when=FIRST_COMPLETED)
            for each in done:
                report += each.result()
            tell(report)
    return report


def run_shard(name: str, shard: int, shards: int) -> Report:
    """Run a part of the single faults of one program, and of its pairs."""
    report = Report()

    def failed(experiment: Experiment, error: Exception) -> None:
        if len(report.findings) < FINDINGS_MAX:
            report.findings.append(Finding(experiment, str(error)))

    one = plain(name, seed=FULL_SEED)
    try:
        calls = run(one).calls
    except Exception as error:  # noqa: BLE001  (a finding without any fault)
        failed(one, error)
        return report
    every = islice(singles(one, calls), shard, None, shards)
    some = islice(pairs(one, calls, seed=shard), PAIRS_PER_PROGRAM // shards)
    for what, experiments in (("single faults", every), ("pairs of faults", some)):
        before = report.tally.experiments
        run_all(experiments, report.tally, failed=failed)
        report.lists[f"{what}: {name}"] += report.tally.experiments - before
    return report


def run_again(label: str) -> Report:
    """Run one experiment of the full run once more."""
    report = Report()
    experiments = iter([labelled(label)])
    run_all(
        experiments,
        report.tally,
        failed=lambda experiment, error: report.findings.append(Finding(experiment, str(error))),
    )
    return report


def _width() -> int:
    return os.cpu_count() or 1


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(_width(), initializer=logging.disable, initargs=(logging.CRITICAL,))
