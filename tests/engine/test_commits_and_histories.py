"""Commits, histories and hosts: properties A3, I and J of docs/semantics.md, the rest of them."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from durable.engine.registry import Registry
from durable.engine.worker import TaskHubWorker
from durable.model.errors import InstanceExistsError
from durable.model.history import EventRaised
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.testing.world.actors import Actor
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.gated_store import GatedStore
from durable.testing.world.virtual_time import in_virtual_time
from durable.testing.world.world import World
from tests.engine.hub import Context, Hub, Orchestration, Outage, chain, registry_of

T = TypeVar("T")

INSTANCE = InstanceId("instance")


@in_virtual_time
async def test_lists_catch_up_after_a_crash_behind_the_commit() -> None:
    """A3: whoever dies before or after a call for the projection, it says what the record says."""
    registry = registry_of(chain=chain)

    async def settled(fault: Fault | None) -> World:
        world = World(registry, faults=[fault] if fault else [])
        with contextlib.suppress(InstanceExistsError):  # our own, from before the caller's death
            await world.as_client(lambda client: client.start("chain", instance_id=INSTANCE))
        await world.settle()
        return world

    calls = [call for call in (await settled(None)).gate.calls if "summary" in call.kind]
    assert len(calls) >= 3
    for call in calls:
        for kind in (FaultKind.CRASH_BEFORE, FaultKind.CRASH_AFTER):
            if kind in call.kinds():
                world = await settled(Fault(call.number, kind))
                record = (await partition.load(world.store, INSTANCE)).record
                assert record is not None
                assert record.status is RuntimeStatus.COMPLETED
                shown = world.store.summaries[INSTANCE].columns
                assert shown["RuntimeStatus"] == "Completed", f"{call} {kind}"
                assert shown["StatusSequence"] == record.status_sequence


class Meanwhile(Outage):
    """A gate at which something else happens just before the first transaction."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        """Remember what."""
        super().__init__()
        self._acts = [act]

    async def write(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        if kind == "transact" and self._acts:
            await self._acts.pop()()
        return await super().write(actor, kind, effect)


async def test_what_is_committed_between_a_load_and_a_commit_is_not_lost() -> None:
    """I3: the slow host's transaction fails, it decides again, and both inputs are recorded."""

    def two(context: Context) -> Orchestration:
        first = yield context.wait_for_external_event("go")
        second = yield context.wait_for_external_event("go")
        return [first, second]

    hub = Hub(registry_of(two=two))
    await hub.client.start("two", instance_id=INSTANCE)
    await hub.settle()
    for data in ("slow", "quick"):
        await hub.client.raise_event(INSTANCE, "go", data)
    slow, quick = (message.body for message in hub.store.messages)
    gate = Meanwhile(lambda: hub.take("control-00", quick))
    store = GatedStore(hub.store, gate, Actor("slow"))
    worker = TaskHubWorker(store, registry_of(two=two), hub.environment, hub.settings)
    await worker.on_control_message(slow, dequeue_count=1)
    assert (await hub.status(INSTANCE)).output == '["quick","slow"]'
    assert len(await hub.facts(INSTANCE, EventRaised)) == 2


def long_life(context: Context) -> Orchestration:
    """Use activities, a failure, a timer and an event, one after another."""
    total = 0
    for number in range(3):
        total += yield context.call_activity("echo", number)
    try:
        yield context.call_activity("refuse", total)
    except Exception as error:  # noqa: BLE001
        context.set_custom_status("refused" if "never" in str(error) else "?")
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=30))
    total += yield context.wait_for_external_event("go")
    return [total, *(yield context.task_all([context.call_activity("echo", n) for n in (8, 9)]))]


def refuse(value: int) -> int:
    """Fail."""
    raise ValueError(f"never {value}")


def long_registry() -> Registry:
    """The functions of a long life."""
    registry = registry_of(long_life=long_life)
    registry.add_activity("refuse", refuse)
    return registry


async def run_long_life(hub: Hub, *, is_killed: bool) -> list[tuple[int, str]]:
    """Run a long life and list its rows; `is_killed`: each message finds a process of its own."""
    await hub.client.start("long_life", instance_id=INSTANCE)
    await hub.client.raise_event(INSTANCE, "go", 100)
    for _ in range(200):
        if not hub.store.messages:
            break
        hub.environment.move_to(min(message.visible_at for message in hub.store.messages))
        for message, receipt in hub.store.receive(count=1, visibility_s=600):
            if is_killed:
                hub.deploy(long_registry())
            await hub.invoke(message, receipt)
    assert not hub.store.messages
    return [(row.episode, type(row.event).__name__) for row in await hub.rows(INSTANCE)]


async def test_an_orchestration_lives_without_anybodys_memory() -> None:
    """I7: every message is served by a fresh process; the history is that of one that stays."""
    stays, killed = Hub(long_registry()), Hub(long_registry())
    expected = await run_long_life(stays, is_killed=False)
    assert await run_long_life(killed, is_killed=True) == expected
    for hub in (stays, killed):
        status = await hub.status(INSTANCE)
        assert (status.output, status.custom_status) == ("[103,8,9]", '"refused"')


async def test_a_history_reads_as_documented() -> None:
    """J3: DTFx's words, each episode in its brackets, in the order in which things happened."""
    hub = Hub(long_registry())
    await run_long_life(hub, is_killed=False)
    episodes: dict[int, list[str]] = {}
    for row in await hub.rows(INSTANCE):
        episodes.setdefault(row.episode, []).append(type(row.event).__name__)
    for kinds in episodes.values():
        assert kinds[0] == "OrchestratorStarted"
        assert kinds[-1] == "OrchestratorCompleted"
    within = [kinds[1:-1] for kinds in episodes.values()]
    events = [kind for kinds in within for kind in kinds if kind != "EventRaised"]
    assert sum(kinds.count("EventRaised") for kinds in within) == 1
    assert events == [
        "ExecutionStarted",
        *("TaskScheduled", "TaskCompleted") * 3,
        *("TaskScheduled", "TaskFailed"),
        *("TimerCreated", "TimerFired"),
        *("TaskScheduled", "TaskScheduled", "TaskCompleted", "TaskCompleted"),
        "ExecutionCompleted",
    ]


@in_virtual_time
async def test_a_copy_that_comes_hours_later_changes_nothing() -> None:
    """J1: there is no window: every message of both lives of an id, once more after three days."""
    world = World(long_registry())
    for life in (1, 2):
        await world.as_client(lambda client: client.start("long_life", instance_id=INSTANCE))
        await world.settle()
        if life == 1:
            await world.as_client(lambda client: client.raise_event(INSTANCE, "go", 1))
            await world.settle()
    before = await partition.load(world.store, INSTANCE)
    assert before.record is not None
    assert before.record.status is RuntimeStatus.RUNNING
    await world.run_for(3 * 86_400)
    await world.deliver_everything_again()
    after = await partition.load(world.store, INSTANCE)
    assert after.rows == before.rows
    assert after.record is not None
    assert after.record.status is RuntimeStatus.RUNNING
    assert not world.store.buried
    assert not world.store.messages


@pytest.mark.parametrize("activities", [1, 5, 20])
@in_virtual_time
async def test_a_sequence_costs_eleven_storage_calls_and_seven_an_activity(activities: int) -> None:
    """I9: on one warm host and without faults, receives and deletes counted too."""

    def sequence(context: Context) -> Orchestration:
        for number in range(activities):
            yield context.call_activity("echo", number)

    world = World(registry_of(sequence=sequence), hosts=1)
    await world.as_client(lambda client: client.start("sequence", instance_id=INSTANCE))
    await world.settle()
    assert len(world.gate.calls) <= 11 + 7 * activities
