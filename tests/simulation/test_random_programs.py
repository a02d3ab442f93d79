"""A fixed slice of what `make simulate` does with ever new seeds."""

from collections.abc import Callable

import pytest

from durable.testing.simulation.batch import run_batch
from durable.testing.simulation.campaign import Report


@pytest.mark.parametrize("seed", range(1, 13))
def test_random_programs_refine_the_specification_under_random_faults(
    seed: int, count_cases: Callable[[str, int], None]
) -> None:
    """Programs, schedules, settings and faults that Hypothesis draws from this seed."""
    report = Report()
    report.take(run_batch(seed, shrinks=False))
    for finding in report.findings:
        pytest.fail(f"{finding.text}\n{finding.experiment}\nmake simulate SEED={finding.seed}")
    count_cases("random programs", report.tally.experiments)
    assert report.tally.faults
