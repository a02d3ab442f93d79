"""The harness itself is tested: engines that break one rule must be caught."""

from collections.abc import Callable

import pytest

from tests.simulation.experiment import calls_of, faults, run
from tests.simulation.mutants import MUTANTS, worker_of
from tests.simulation.scenarios import SCENARIOS

SMALL = [one for one in SCENARIOS if "fan-out" not in one.name and "bursts" not in one.name]


@pytest.mark.parametrize("name", MUTANTS)
def test_an_engine_that_breaks_a_rule_is_caught(
    name: str, count_cases: Callable[[str, int], None]
) -> None:
    """Some single fault, or none at all, shows what the broken rule is good for."""
    experiments, caught = 0, 0
    for scenario in SMALL[:3]:
        for fault in (None, *faults(calls_of(scenario))):
            experiments += 1
            try:
                run(scenario, fault=fault, worker=worker_of(MUTANTS[name]))
            except AssertionError:
                caught += 1
    count_cases(f"mutant '{name}': {caught} of {experiments} experiments fail", experiments)
    assert caught
