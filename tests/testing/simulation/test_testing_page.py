"""The examples of docs/testing.md run, as they stand there."""

import contextlib
import re
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from durable.engine.registry import Registry
from durable.model.errors import InstanceExistsError
from durable.replay.context import DurableOrchestrationContext
from durable.testing.oracles.violation import Violation
from durable.testing.simulation.campaign import run_again
from durable.testing.simulation.exhaustive import FULL_SEED, label_of, labelled, plain
from durable.testing.simulation.rehearsal import rehearse
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.world import World

Orchestration = Generator[Any, Any, Any]
PAGE = Path(__file__).parents[3] / "docs" / "testing.md"


def examples() -> dict[str, Callable[[], None]]:
    """Run the page's Python from top to bottom; give its tests by name."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Callable[[], None]] = {}
    exec("\n".join(blocks), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", sorted(examples()))
def test_the_examples_of_the_page_run(name: str) -> None:
    """Each is a test that passes."""
    examples()[name]()


def test_a_rehearsal_finds_code_that_is_not_deterministic() -> None:
    """An orchestrator that depends on how often it was called is refused, naming call and fault."""
    calls: list[int] = []

    def restless(context: DurableOrchestrationContext) -> Orchestration:
        calls.append(1)
        yield context.call_activity("echo", len(calls))
        yield context.call_activity("echo", 0)

    registry = Registry()
    registry.add_orchestrator("restless", restless)
    registry.add_activity("echo", lambda value: value)

    async def drive(world: World) -> None:
        await world.as_client(lambda client: client.start("restless", instance_id="i"))

    with pytest.raises((Violation, AssertionError)):
        rehearse(registry, drive)


def test_a_rehearsal_tells_which_fault_its_check_failed_under() -> None:
    """An app's own check is part of it: here, that it is quick, which it is not after a crash."""

    def order(context: DurableOrchestrationContext) -> Orchestration:
        yield context.call_activity("pay", 1)

    registry = Registry()
    registry.add_orchestrator("order", order)
    registry.add_activity("pay", lambda value: value)

    async def drive(world: World) -> None:
        with contextlib.suppress(InstanceExistsError):
            await world.as_client(lambda client: client.start("order", instance_id="i"))

    def is_quick(world: World) -> None:
        assert world.clock.seconds < 60, f"it took {world.clock.seconds:.0f} s"

    told = r"seed 1, call 0 \(caller1: .*\), host frozen after .*: it took 7.. s"
    with pytest.raises(Violation, match=told):
        rehearse(registry, drive, check=is_quick)


def test_a_finding_of_the_full_run_has_a_label_that_runs_it_again() -> None:
    """What is printed is what `make simulate AGAIN=...` takes."""
    one = plain("fan-out of 8", seed=FULL_SEED)
    faults = (Fault(12, FaultKind.CRASH_AFTER), Fault(30, FaultKind.SLOW))
    experiment = replace(one, faults=faults)
    assert label_of(experiment) == "fan-out of 8 @ 12:CRASH_AFTER,30:SLOW"
    assert labelled(label_of(experiment)) == experiment
    assert run_again(label_of(experiment)).tally.faults.total() == 2
