"""Every storage call of every scenario goes wrong once, in every way."""

import os
from collections.abc import Callable, Sequence

import pytest

from durable.testing.faults import Call, Fault, FaultKind
from tests.simulation.experiment import calls_of, faults, run
from tests.simulation.scenarios import FAN_OF_250, SCENARIOS, Scenario

SHARDS = 4
FULL = os.environ.get("FULL") == "1"
COMMITS_AND_READS = ("transact", "read", "write summary", "delete rows", "put blob")


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_single_fault_loses_or_doubles_anything(
    scenario: Scenario, shard: int, count_cases: Callable[[str, int], None]
) -> None:
    """Whatever single call fails or dies, the orchestration completes and nothing is left over."""
    calls = calls_of(scenario)
    experiment_with(scenario, list(faults(calls))[shard::SHARDS], count_cases)


@pytest.mark.parametrize("shard", range(2 * SHARDS))
def test_no_single_fault_hurts_a_fan_out_of_250(
    shard: int, count_cases: Callable[[str, int], None]
) -> None:
    """The same for commits of several chunks: every commit and read, every 10th queue call."""
    calls = calls_of(FAN_OF_250)
    experiment_with(FAN_OF_250, list(faults(chosen(calls)))[shard :: 2 * SHARDS], count_cases)


def chosen(calls: Sequence[Call]) -> list[Call]:
    """Choose every commit and read and every 10th queue call; all of them with FULL=1."""
    heavy = [call for call in calls if call.kind.startswith(COMMITS_AND_READS)]
    light = [call for call in calls if not call.kind.startswith(COMMITS_AND_READS)]
    return heavy + (light if FULL else light[::10])


def experiment_with(
    scenario: Scenario, chosen_faults: Sequence[Fault], count_cases: Callable[[str, int], None]
) -> None:
    """Run one experiment a fault; a failure names the fault that reproduces it."""
    assert chosen_faults
    for fault in chosen_faults:
        try:
            world = run(scenario, fault=fault)
        except AssertionError as error:
            raise AssertionError(f"{scenario.name}, {fault}: {error}") from error
        assert world.gate.hit is not None, f"{fault} was never reached"
    count_cases(scenario.name, len(chosen_faults))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_same_seed_gives_the_same_run(scenario: Scenario) -> None:
    """Two runs with one seed and one fault make the same calls in the same order."""
    fault = Fault(7, FaultKind.CRASH_AFTER)
    first, second = run(scenario, fault=fault, seed=3), run(scenario, fault=fault, seed=3)
    assert first.gate.calls == second.gate.calls
