"""Starts and results: properties A to C of docs/semantics.md that no other test is about."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.model.envelopes import encode_message
from durable.model.errors import InstanceExistsError
from durable.model.history import (
    ExecutionStarted,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.port import OutcomeUnknown
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule
from durable.testing.world.virtual_time import in_virtual_time
from durable.testing.world.world import World
from tests.engine.hub import Context, Hub, Orchestration, chain, registry_of, waits

T = TypeVar("T")

INSTANCE = InstanceId("instance")
CALLERS = 8


@pytest.mark.parametrize("seed", range(20))
@in_virtual_time
async def test_of_starts_at_once_exactly_one_is_accepted(seed: int) -> None:
    """A1: the others are told that the instance exists, and it runs the accepted input once."""
    world = World(registry_of(waits=waits), schedule=Schedule(seed))

    async def start(number: int) -> int | None:
        async def act(client: DurableClient) -> None:
            await client.start("waits", instance_id=INSTANCE, input_=number)

        try:
            await world.as_caller(act)
        except InstanceExistsError:
            return None
        return number

    serving = asyncio.ensure_future(world.run_for(60))
    numbers = await asyncio.gather(*(start(number) for number in range(CALLERS)))
    await serving
    [accepted] = [number for number in numbers if number is not None]
    rows = (await partition.load(world.store, INSTANCE)).rows
    [started] = [row.event for row in rows if isinstance(row.event, ExecutionStarted)]
    assert started.input == str(accepted)
    assert started.generation == 1


async def standing_at(status: RuntimeStatus) -> Hub:
    """Bring an instance to where it has this status."""

    def fails(context: Context) -> Orchestration:
        yield context.call_activity("echo")
        raise ValueError("no")

    hub = Hub(registry_of(chain=chain, waits=waits, fails=fails))
    names = {RuntimeStatus.COMPLETED: "chain", RuntimeStatus.FAILED: "fails"}
    await hub.client.start(names.get(status, "waits"), instance_id=INSTANCE)
    if status is not RuntimeStatus.PENDING:
        await hub.settle()
    if status is RuntimeStatus.TERMINATED:
        await hub.client.terminate(INSTANCE)
        await hub.settle()
    assert (await hub.status(INSTANCE)).runtime_status is status
    return hub


@pytest.mark.parametrize("status", [RuntimeStatus.PENDING, RuntimeStatus.RUNNING])
async def test_a_live_id_can_not_be_started(status: RuntimeStatus) -> None:
    """A2: the caller is told, and nothing of the instance changes."""
    hub = await standing_at(status)
    before = (await partition.load(hub.store, INSTANCE)).record
    with pytest.raises(InstanceExistsError):
        await hub.client.start("chain", instance_id=INSTANCE, input_=7)
    assert (await partition.load(hub.store, INSTANCE)).record == before
    await hub.settle()
    after = await hub.status(INSTANCE)
    assert (after.name, after.runtime_status) == ("waits", RuntimeStatus.RUNNING)


@pytest.mark.parametrize(
    "status", [RuntimeStatus.COMPLETED, RuntimeStatus.FAILED, RuntimeStatus.TERMINATED]
)
async def test_an_id_that_has_ended_in_any_way_can_be_started_again(status: RuntimeStatus) -> None:
    """A2: a new life begins, with an input and an output of its own."""
    hub = await standing_at(status)
    await hub.client.start("chain", instance_id=INSTANCE, input_=7)
    await hub.settle()
    after = await hub.status(INSTANCE)
    assert (after.runtime_status, after.output) == (RuntimeStatus.COMPLETED, "7")
    record = (await partition.load(hub.store, INSTANCE)).record
    assert record is not None
    assert record.generation == 2


def counted(activity: Callable[[int], Any]) -> tuple[Registry, Counter[str]]:
    """Register an activity that counts its attempts, and an orchestrator that catches its error."""
    attempts: Counter[str] = Counter()

    def attempted(value: Any) -> Any:
        attempts["a"] += 1
        return activity(attempts["a"])

    def catches(context: Context) -> Orchestration:
        try:
            return (yield context.call_activity("attempted"))
        except Exception as error:  # noqa: BLE001
            return str(error)

    registry = registry_of(catches=catches)
    registry.add_activity("attempted", attempted)
    return registry, attempts


async def test_an_activity_that_raises_is_not_run_again() -> None:
    """B2: an exception is an outcome: one attempt, one TaskFailed, and the code catches it."""

    def breaks(attempt: int) -> Any:
        raise OSError(f"attempt {attempt}")

    registry, attempts = counted(breaks)
    hub = Hub(registry)
    await hub.client.start("catches", instance_id=INSTANCE)
    await hub.settle()
    assert attempts.total() == 1
    assert len(await hub.facts(INSTANCE, TaskFailed)) == 1
    assert "attempt 1" in str((await hub.status(INSTANCE)).output)


@in_virtual_time
async def test_an_activity_whose_host_dies_runs_again() -> None:
    """B3: the first attempt leaves nothing, the second one's result is taken."""
    worlds: list[World] = []

    def kills(attempt: int) -> int:
        if attempt == 1:
            worlds[0].kill_hosts()
        return attempt

    registry, attempts = counted(kills)
    # One message at a time: the start is done with before the activity begins.
    world = World(registry, hosts=1, messages_at_once=1)
    worlds.append(world)
    await world.as_client(lambda client: client.start("catches", instance_id=INSTANCE))
    await world.settle()
    status = await world.as_client(lambda client: client.read_status(INSTANCE))
    assert status is not None
    assert (status.runtime_status, status.output) == (RuntimeStatus.COMPLETED, "2")
    assert attempts.total() == 2
    rows = (await partition.load(world.store, INSTANCE)).rows
    assert sum(isinstance(row.event, TaskCompleted) for row in rows) == 1


def keeps(context: Context) -> Orchestration:
    """Call an activity, wait for "go", and return what the activity gave."""
    result = yield context.call_activity("echo", "mine")
    yield context.wait_for_external_event("go")
    return result


async def answer(hub: Hub, result: str) -> None:
    """Put a result of the first task, as if an attempt of the activity had come to it."""
    record = (await partition.load(hub.store, INSTANCE)).record
    assert record is not None
    message = TaskMessage(
        instance_id=INSTANCE,
        event=TaskCompleted(timestamp=hub.now(), task_scheduled_id=0, result=result),
        execution_id=ExecutionId(record.execution_id),
        generation=record.generation,
    )
    await hub.store.put("control-00", encode_message(message))


@pytest.mark.parametrize("are_together", [True, False])
async def test_of_two_results_the_first_committed_counts_in_replay_too(
    *, are_together: bool
) -> None:
    """B4: the others are dropped; a host that replays sees the one that was committed."""
    hub = Hub(registry_of(keeps=keeps))
    await hub.client.start("keeps", instance_id=INSTANCE)
    [(start, receipt)] = hub.store.receive(count=1, visibility_s=600)
    await hub.invoke(start, receipt)
    [(work_item, receipt)] = hub.store.receive(count=1, visibility_s=600)
    invocations = [hub.invoke(work_item, receipt)]
    for result in ('"one"', '"two"'):
        await answer(hub, result)
        if not are_together:
            await hub.deliver_visible()
    invocations += [hub.invoke(*each) for each in hub.store.receive(count=2, visibility_s=600)]
    await asyncio.gather(*invocations)
    await hub.settle()
    [taken] = await hub.facts(INSTANCE, TaskCompleted)
    assert are_together or taken.result == '"one"'
    hub.deploy(registry_of(keeps=keeps))
    await hub.client.raise_event(INSTANCE, "go")
    await hub.settle()
    assert (await hub.status(INSTANCE)).output == taken.result


async def test_results_that_nobody_waits_for_any_more_leave_nothing_behind() -> None:
    """C4: they come after the end; the queues are empty and the instance stays as it ended."""

    def first_of_three(context: Context) -> Orchestration:
        calls = [context.call_activity("echo", number) for number in range(3)]
        winner = yield context.task_any(calls)
        return calls.index(winner)

    hub = Hub(registry_of(first_of_three=first_of_three))
    await hub.client.start("first_of_three", instance_id=INSTANCE)
    await hub.settle()
    rows = await hub.rows(INSTANCE)
    assert (await hub.status(INSTANCE)).runtime_status is RuntimeStatus.COMPLETED
    assert sum(isinstance(row.event, TaskScheduled) for row in rows) == 3
    assert not hub.store.messages
    assert not hub.store.buried
    await answer(hub, '"late"')
    await hub.settle()
    assert await hub.rows(INSTANCE) == rows


@in_virtual_time
async def test_an_accepted_start_begins_one_life_and_no_second_one() -> None:
    """A1: a caller sleeps between its message and its transition while two lives come and go.

    Its message has begun the first of them; it must not begin a third under the same execution id.
    """
    frozen = Fault(1, FaultKind.FREEZE_AFTER)  # behind the put
    world = World(registry_of(chain=chain), faults=[frozen])
    told: list[str] = []

    async def start(number: int) -> None:
        async def act(client: DurableClient) -> None:
            await client.start("chain", instance_id=INSTANCE, input_=number)

        try:
            await world.as_caller(act)
        except OutcomeUnknown as unknown:
            told.append(str(unknown))
        else:
            told.append(f"{number} accepted")

    world.begin(start(1))
    await world.run_for(60)
    world.begin(start(100))
    await world.settle()
    record = (await partition.load(world.store, INSTANCE)).record
    assert record is not None
    assert (record.generation, record.output) == (2, "100")
    assert told[0] == "100 accepted"
    assert "may have run and been replaced" in told[1]


@in_virtual_time
async def test_each_life_is_numbered_in_its_history() -> None:
    """J3: the ExecutionStarted row of a second life says that it is the second."""
    world = World(registry_of(chain=chain))
    for _ in range(2):
        await world.as_client(lambda client: client.start("chain", instance_id=INSTANCE))
        await world.settle()
    rows = (await partition.load(world.store, INSTANCE)).rows
    started = [row.event for row in rows if isinstance(row.event, ExecutionStarted)]
    assert started[-1].generation == 2


@in_virtual_time
async def test_a_start_whose_message_was_put_never_says_that_nothing_was_written() -> None:
    """A1: storage refuses everything behind the put; the instance may run, and so it is told."""
    refused = [Fault(call, FaultKind.THROTTLED) for call in range(2, 100)]
    world = World(registry_of(chain=chain), faults=refused, hosts=0)
    with pytest.raises(OutcomeUnknown, match="may have been put"):
        await world.as_caller(lambda client: client.start("chain", instance_id=INSTANCE))
    assert {message.queue for message in world.store.messages} == {"control-00"}
