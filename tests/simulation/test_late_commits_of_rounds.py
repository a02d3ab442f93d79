"""A round of a turn that takes only what was kept beside the instance has no message of its own."""

from dataclasses import replace

import pytest

from durable.testing.simulation.exhaustive import plain
from durable.testing.simulation.experiment import run
from durable.testing.world.faults import Fault, FaultKind

PROGRAMS = ("calls and signals of one sender, in order", "large values behind a lock")


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_such_a_round_has_committed_late_is_sent(name: str) -> None:
    """Whichever commit of the run had no clear outcome and was applied a little later."""
    for seed in range(3, 6):
        experiment = plain(name, seed)
        for call in run(experiment).calls:
            if call.kind == "transact":
                late = Fault(call.number, FaultKind.UNKNOWN_APPLIED_LATE)
                run(replace(experiment, faults=(late,)))
