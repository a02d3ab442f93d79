"""A failed instance is rewound, while one storage call goes wrong: it comes to the same."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.model.errors import InstanceEndedError, InstanceExistsError, InstanceNotEndedError
from durable.model.ids import InstanceId
from durable.replay.context import DurableOrchestrationContext
from durable.testing.simulation.rehearsal import rehearse
from durable.testing.world.world import World

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]
ONE = "one"


@dataclass
class Repair:
    """An activity that fails until it is repaired."""

    is_done: bool = False

    def __call__(self, value: Any) -> Any:
        """Return the input, or fail."""
        if not self.is_done:
            raise ValueError("out of order")
        return value


def fan_out(context: Context) -> Orchestration:
    """One of three fails."""
    calls = [context.call_activity(name, n) for n, name in enumerate(("echo", "flaky", "echo"))]
    results = yield context.task_all(calls)
    return [*results, (yield context.call_activity("echo", 3))]


def child(context: Context) -> Orchestration:
    """Fail in the second step."""
    return (yield context.call_activity("flaky", (yield context.call_activity("echo", 1))))


def family(context: Context) -> Orchestration:
    """The child fails, and with it the parent, beside which an activity runs."""
    begun = [context.call_sub_orchestrator("child", None, "c"), context.call_activity("echo", 2)]
    results = yield context.task_all(begun)
    return [*results, (yield context.call_activity("echo", 3))]


def fail_and_rewind(name: str, repair: Repair) -> Callable[[World], Awaitable[None]]:
    """Start, let it fail, repair, rewind."""

    async def start(client: DurableClient) -> None:
        with suppress(InstanceExistsError):  # our own, from before the caller died
            await client.start(name, instance_id=ONE)

    async def rewind(client: DurableClient) -> None:
        with suppress(InstanceEndedError, InstanceNotEndedError):  # it was under way already
            await client.rewind(ONE, "repaired")

    async def drive(world: World) -> None:
        repair.is_done = False
        await world.as_client(start)
        await world.settle()
        repair.is_done = True
        await world.as_client(rewind)

    return drive


def suspend_and_rewind(name: str, repair: Repair) -> Callable[[World], Awaitable[None]]:
    """Start, suspend while the first activities run, resume when they are through; as above."""

    async def start(client: DurableClient) -> None:
        with suppress(InstanceExistsError):
            await client.start(name, instance_id=ONE)

    async def drive(world: World) -> None:
        repair.is_done = False
        await world.as_client(start)
        await world.as_client(lambda client: _unless_ended(client.suspend(ONE)))
        await world.settle()
        await world.as_client(lambda client: _unless_ended(client.resume(ONE)))
        await world.settle()
        repair.is_done = True
        await world.as_client(lambda client: _unless_ended(client.rewind(ONE)))

    return drive


async def _unless_ended(request: Awaitable[None]) -> None:
    with suppress(InstanceEndedError, InstanceNotEndedError):  # it was under way already
        await request


def has_completed(world: World) -> None:
    """Look at the end."""
    columns = world.store.sentinels[InstanceId(ONE)].columns
    assert columns["RuntimeStatus"] == "Completed", columns


@pytest.mark.parametrize("orchestrator", [fan_out, family], ids=lambda each: each.__name__)
def test_a_rewind_survives_every_single_fault(orchestrator: Callable[[Context], Any]) -> None:
    """Every seventeenth of them here."""
    repair = Repair()
    drive = fail_and_rewind(orchestrator.__name__, repair)
    assert rehearse(registry_of(repair), drive, check=has_completed, every=17).total() > 20


def test_a_rewind_of_what_failed_while_it_was_suspended_survives_single_faults() -> None:
    """More than one episode is voided then. Every thirteenth fault here."""
    repair = Repair()
    drive = suspend_and_rewind("fan_out", repair)
    assert rehearse(registry_of(repair), drive, check=has_completed, every=13).total() > 20


def registry_of(repair: Repair) -> Registry:
    """All orchestrators of this file, and their activities."""
    registry = Registry()
    for each in (fan_out, family, child):
        registry.add_orchestrator(each.__name__, each)
    registry.add_activity("echo", lambda value: value)
    registry.add_activity("flaky", repair)
    return registry
