"""Batch: the experiments of one seed, and the smallest one that fails.

A seed stands for the same experiments for ever (of one version of the code): it is all that a
person needs to see a finding again.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from durable.testing.simulation.drawn import Sealed, sealed_experiments
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.simulation.tally import Tally

PROGRAMS = 15  # each is run a few times


@dataclass(slots=True)
class Batch:
    """What one seed came to. `finding` is the smallest experiment that fails, and how."""

    seed: int
    tally: Tally = field(default_factory=Tally)
    finding: tuple[Experiment, str, str] | None = None


def run_batch(number: int, *, size: int = PROGRAMS, shrinks: bool = True) -> Batch:
    """Run the experiments of a seed, to the first that fails; that one is made smaller."""
    batch = Batch(number)

    @seed(number)
    @settings(
        max_examples=size,
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

    try:
        each()
    except Exception:
        if batch.finding is None:
            raise
    return batch


def _run(experiment: Experiment, batch: Batch) -> None:
    try:
        seen = run(experiment)
    except Exception as error:
        oracle = getattr(error, "oracle", type(error).__name__)
        batch.finding = (experiment, oracle, str(error))
        raise
    if batch.finding is None:
        batch.tally.add(experiment, seen)
