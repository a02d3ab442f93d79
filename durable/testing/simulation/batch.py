"""Batch: the experiments of one seed, and the smallest one that fails.

Odd seeds draw whatever Hypothesis can think of, and shrink what fails. Even seeds sweep: a program
written by hand, one schedule, and many faults that are known to fit a call; there is less to shrink
and each fault hits.

A seed stands for the same experiments for ever (of one version of the code): it is all that a
person needs to see a finding again.
"""

import random
from dataclasses import dataclass, field
from itertools import islice

from hypothesis import HealthCheck, Phase, given, seed, settings

from durable.testing.programs.handwritten import SECTION_PROGRAMS, WRITTEN
from durable.testing.simulation.drawn import Sealed, sealed_experiments
from durable.testing.simulation.exhaustive import pairs, setting_of, some_singles
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.simulation.observed import Sighting
from durable.testing.simulation.tally import Tally
from durable.testing.world.schedule import Schedule

PROGRAMS = 15  # each is run a few times
SINGLES = 24
PAIRS = 8


@dataclass(slots=True)
class Batch:
    """What one seed came to. `finding` is the smallest experiment that fails, and how."""

    seed: int
    tally: Tally = field(default_factory=Tally)
    finding: tuple[Experiment, str, str] | None = None


def run_batch(number: int, *, shrinks: bool = True) -> Batch:
    """Run the experiments of a seed, to the first that fails; that one is made smaller."""
    batch = Batch(number)
    try:
        if number % 2:
            _draw(batch, shrinks=shrinks)
        else:
            _sweep(batch)
    except Exception:
        if batch.finding is None:
            raise
    return batch


def _sweep(batch: Batch) -> None:
    chance = random.Random(batch.seed)  # noqa: S311
    program = chance.choice((*WRITTEN, *SECTION_PROGRAMS))
    one = Experiment(program, Schedule(chance.randrange(1, 100_000)), setting_of(program))
    calls = _run(one, batch).calls
    for experiment in islice(some_singles(one, calls, seed=batch.seed), SINGLES):
        _run(experiment, batch)
    for experiment in islice(pairs(one, calls, seed=batch.seed), PAIRS):
        _run(experiment, batch)


def _draw(batch: Batch, *, shrinks: bool) -> None:
    @seed(batch.seed)
    @settings(
        max_examples=PROGRAMS,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(sealed_experiments())
    def each(sealed: Sealed) -> None:
        for experiment in sealed.experiments:
            _run(experiment, batch)

    each()


def _run(experiment: Experiment, batch: Batch) -> Sighting:
    try:
        seen = run(experiment)
    except Exception as error:
        oracle = getattr(error, "oracle", type(error).__name__)
        batch.finding = (experiment, oracle, str(error))
        raise
    if batch.finding is None:
        batch.tally.add(experiment, seen)
    return seen
