"""Each storage call of the programs written by hand goes wrong once, in each way; and pairs."""

from collections.abc import Callable
from itertools import islice

import pytest

from durable.testing.programs.handwritten import SECTION_PROGRAMS, WRITTEN
from durable.testing.programs.syntax import Program
from durable.testing.simulation.exhaustive import pairs, plain, singles
from durable.testing.simulation.experiment import Experiment, run
from durable.testing.simulation.tally import Tally

# `make simulate FULL=1` runs every one; here a part of each program's, all of the smallest ones'.
STRIDE = 41
SECTION_STRIDE = 163
WHOLE = ("failure, caught", "timer race, won by the event")
PAIRS = 2
PROGRAMS = (*WRITTEN, *SECTION_PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_no_single_fault_nor_pair_violates_anything(
    program: Program, count_cases: Callable[[str, int], None]
) -> None:
    """Whatever call goes wrong in whatever way: every oracle is satisfied, at every call."""
    one = plain(program.name, seed=1)
    stride = SECTION_STRIDE if program in SECTION_PROGRAMS else STRIDE
    stride = 1 if program.name in WHOLE else stride
    start = PROGRAMS.index(program) % stride
    tally = Tally()
    calls = run(one).calls
    for experiment in islice(singles(one, calls), start, None, stride):
        run_one(experiment, tally)
    count_cases(f"single faults: {program.name}", tally.experiments)
    before = tally.experiments
    for experiment in islice(pairs(one, calls, seed=1), PAIRS):
        run_one(experiment, tally)
    count_cases("pairs of faults", tally.experiments - before)
    assert tally.faults.total() >= before  # each single fault was hit


def run_one(experiment: Experiment, tally: Tally) -> None:
    """Run it; a failure says which faults it had."""
    try:
        tally.add(experiment, run(experiment))
    except AssertionError as error:
        raise AssertionError(f"{experiment.program.name}, {experiment.faults}: {error}") from error
