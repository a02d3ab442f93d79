"""What is asked of an instance whose code has not begun, or is always ahead of what is asked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from durable.engine.settings import EngineSettings
from durable.model.history import ExecutionCompleted, ExecutionStarted
from durable.model.status import RuntimeStatus
from durable.testing.world.virtual_time import START
from tests.engine.hub import VISIBILITY_S, Context, Hub, Orchestration, registry_of

ONE = "one"
GENERATIONS_MAX = 5000


def hub_of(code: Callable[[Context], Any], *, settings: EngineSettings | None = None) -> Hub:
    """A hub that has this orchestrator as "code"."""
    return Hub(registry_of(code=code), settings=settings)


class Ends:
    """An orchestrator that is over as soon as it begins."""

    def __init__(self) -> None:
        """Begin with no run."""
        self.runs = 0

    def __call__(self, context: Context) -> str:
        """Count the run."""
        self.runs += 1
        return "ran"


class Hurries:
    """An orchestrator that continues as new and never waits; a generation takes a second."""

    def __init__(self) -> None:
        """Begin with no generation."""
        self.generations = 0
        self.hub: Hub | None = None

    def __call__(self, context: Context) -> None:
        """Go round, but not for ever: a test must end."""
        self.generations += 1
        assert self.hub is not None
        self.hub.environment.move_to(self.hub.now() + timedelta(seconds=1))
        assert self.generations < GENERATIONS_MAX, "nothing stops it"
        context.continue_as_new(None)


async def deliver(hub: Hub, count: int) -> None:
    """Hand out so many messages, one after another."""
    for _ in range(count):
        received = hub.store.receive(count=1, visibility_s=VISIBILITY_S)
        if not received:
            return
        await hub.invoke(*received[0])


async def hurrying() -> Hub:
    """A hub with an instance that is on its way."""
    code = Hurries()
    code.hub = hub_of(code)
    await code.hub.client.start("code", instance_id=ONE)
    await deliver(code.hub, 3)
    return code.hub


async def test_who_is_terminated_before_its_time_has_run_nothing() -> None:
    """Not even code that would be over at once: its time has not come."""
    code = Ends()
    hub = hub_of(code)
    await hub.client.start("code", instance_id=ONE, start_at=START + timedelta(hours=1))
    await hub.client.terminate(ONE, "not wanted")
    await hub.deliver_visible()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.output) == (RuntimeStatus.TERMINATED, '"not wanted"')
    await hub.settle()
    assert code.runs == 0


async def test_a_terminate_runs_no_code_of_another_version() -> None:
    """Any host takes the terminate; the instance is still not its own."""
    code = Ends()
    hub = hub_of(code, settings=EngineSettings(default_version="1.0"))
    await hub.client.start("code", instance_id=ONE, version="2.0")
    await hub.run_until(30)
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.PENDING
    await hub.client.terminate(ONE)
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.TERMINATED
    assert code.runs == 0


async def test_a_terminate_replays_no_history_of_another_version() -> None:
    """What came with the terminate is recorded, and no host runs what is not its own over it."""
    replayed: list[str] = []

    def code(context: Context) -> Orchestration:
        replayed.append("run")
        return (yield context.wait_for_external_event("go"))

    hub = hub_of(code, settings=EngineSettings(default_version="2.0"))
    await hub.client.start("code", instance_id=ONE, version="2.0")
    await hub.settle()
    hub.settings = EngineSettings(default_version="1.0")
    hub.deploy(hub.registry)
    await hub.client.terminate(ONE)
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.TERMINATED
    assert replayed == ["run"]


async def test_who_is_suspended_before_its_time_does_not_begin() -> None:
    """It begins with the resume, with its input and with what came meanwhile."""
    code = Ends()
    hub = hub_of(code)
    due = START + timedelta(seconds=60)
    await hub.client.start("code", instance_id=ONE, input_=[7], start_at=due)
    for ask in (hub.client.suspend, hub.client.resume, hub.client.suspend):
        await ask(ONE, "not yet")
        await hub.deliver_visible()
    await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.reason) == (RuntimeStatus.SUSPENDED, "not yet")
    assert (status.input, code.runs) == ("[7]", 0)
    hub.deploy(hub.registry)
    await hub.client.resume(ONE)
    await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.input) == (RuntimeStatus.COMPLETED, "[7]")
    assert code.runs == 1


async def test_who_is_suspended_and_resumed_before_its_time_begins_then() -> None:
    """And is no longer suspended."""
    code = Ends()
    hub = hub_of(code)
    await hub.client.start("code", instance_id=ONE, start_at=START + timedelta(seconds=60))
    for ask in (hub.client.suspend, hub.client.resume):
        await ask(ONE)
        await hub.deliver_visible()
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.COMPLETED
    assert hub.elapsed_s >= 60


@pytest.mark.parametrize(
    ("request_", "status"),
    [("terminate", RuntimeStatus.TERMINATED), ("suspend", RuntimeStatus.SUSPENDED)],
)
async def test_who_never_waits_is_stopped_all_the_same(
    request_: str, status: RuntimeStatus
) -> None:
    """Each execution was over before the request came to its turn."""
    hub = await hurrying()
    await getattr(hub.client, request_)(ONE)
    await hub.deliver_visible()
    assert (await hub.status(ONE)).runtime_status is status


async def test_an_event_that_nobody_ever_reads_holds_no_invocation_for_ever() -> None:
    """It goes from execution to execution, and a terminate that came meanwhile has its turn."""
    hub = await hurrying()
    await hub.client.raise_event(ONE, "go", 1)
    await deliver(hub, 10)
    await hub.client.terminate(ONE)
    await hub.deliver_visible()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.TERMINATED
    [ended] = await hub.facts(ONE, ExecutionCompleted)
    assert ended.orchestration_status is RuntimeStatus.TERMINATED
    assert len(await hub.facts(ONE, ExecutionStarted)) == 1
