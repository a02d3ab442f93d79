"""Rewind where children, payloads and times are not as they were when the parent failed."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from durable.client.durable_client import DurableClient
from durable.model.envelopes import decode_message
from durable.model.errors import InstanceExistsError
from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    RewindSent,
    TaskFailed,
    TaskScheduled,
)
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.testing.replaying.replayer import Replayer
from durable.testing.world.actors import Actor
from durable.testing.world.gated_store import GatedStore
from tests.engine.hub import Context, Hub, Orchestration, Outage, chain, registry_of, waits

T = TypeVar("T")
PARENT, KID = "parent", "kid"
LARGE = 200_000


class Broken:
    """A part that is broken until it is mended: an activity, or the orchestrator itself."""

    def __init__(self) -> None:
        """Begin broken."""
        self.is_mended = False
        self.calls: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """Fail, or return the value."""
        self.calls.append(value)
        self.check()
        return value

    def check(self) -> None:
        """Fail if it is broken."""
        if not self.is_mended:
            raise ConnectionError("no line")


def hub_with(broken: Broken, **orchestrators: Callable[[Context], Any]) -> Hub:
    """A hub with that activity."""
    registry = registry_of(**orchestrators)
    registry.add_activity("broken", broken)
    return Hub(registry)


async def deliver_one(hub: Hub, is_wanted: Callable[[HistoryEvent], bool]) -> None:
    """Deliver the first message that shows and is wanted."""
    message = next(m for m in hub.store.visible() if is_wanted(decode_message(m.body).event))
    message.receipt += 1
    await hub.invoke(message, message.receipt)


async def fail_before_the_child_answers(hub: Hub) -> None:
    """Start the parent and let its activity fail first; then let the child do what it does."""
    await hub.client.start("parent", instance_id=PARENT)
    await deliver_one(hub, lambda event: isinstance(event, ExecutionStarted))
    await deliver_one(hub, lambda event: getattr(event, "name", None) == "broken")
    await deliver_one(hub, lambda event: isinstance(event, TaskFailed))
    await hub.settle()
    assert (await hub.status(PARENT)).runtime_status is RuntimeStatus.FAILED


async def mend_and_rewind(hub: Hub, broken: Broken) -> None:
    """Rewind on a host that has nothing warm."""
    broken.is_mended = True
    hub.deploy(hub.registry)
    await hub.client.rewind(PARENT)
    await hub.settle()


async def output_of(hub: Hub, instance_id: str = PARENT) -> Any:
    """Read the output of an instance that has completed."""
    status = await hub.status(instance_id)
    assert status.runtime_status is RuntimeStatus.COMPLETED, status
    return json.loads(str(status.output))


def parent_of(name: str, input_: Any = None) -> Callable[[Context], Orchestration]:
    """Make an orchestrator that waits for a child and for the broken activity."""

    def parent(context: Context) -> Orchestration:
        child = context.call_sub_orchestrator(name, input_, KID)
        both = yield context.task_all([child, context.call_activity("broken", 1)])
        return both[0]

    return parent


async def test_a_child_that_answers_once_more_says_all_that_it_said() -> None:
    """Also an output that lies in a blob."""

    def large(context: Context) -> Orchestration:
        return (yield context.call_activity("echo", "x" * LARGE))

    broken = Broken()
    hub = hub_with(broken, parent=parent_of("large"), large=large)
    await fail_before_the_child_answers(hub)
    await mend_and_rewind(hub, broken)
    assert await output_of(hub) == "x" * LARGE
    assert await output_of(hub, KID) == "x" * LARGE


async def test_an_activity_that_is_called_anew_gets_its_large_input() -> None:
    """A row that names a blob has no text."""

    def parent(context: Context) -> Orchestration:
        return (yield context.call_activity("broken", "y" * LARGE))

    broken = Broken()
    hub = hub_with(broken, parent=parent)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await mend_and_rewind(hub, broken)
    assert await output_of(hub) == "y" * LARGE


async def test_a_child_that_was_refused_is_started_once_its_id_is_free() -> None:
    """The parent failed because somebody else had the id."""

    def parent(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("waits", "z" * LARGE, KID))

    broken = Broken()
    hub = hub_with(broken, parent=parent, waits=waits)
    await hub.client.start("waits", instance_id=KID)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await mend_and_rewind(hub, broken)
    assert "alive already" in str((await hub.status(PARENT)).output)
    await hub.client.terminate(KID)
    await hub.settle()
    await mend_and_rewind(hub, broken)
    await hub.client.raise_event(KID, "go", 7)
    await hub.settle()
    assert await output_of(hub) == 7
    assert (await hub.status(KID)).input == f'"{"z" * LARGE}"'


@pytest.mark.parametrize("fails", [True, False])
async def test_a_child_that_was_purged_is_run_anew(*, fails: bool) -> None:
    """Nobody knows any more what it said."""
    broken = Broken()

    def child(context: Context) -> Orchestration:
        value = yield context.call_activity("echo", 7)
        if fails:
            broken.check()
        return value

    hub = hub_with(broken, parent=parent_of("child"), child=child)
    await fail_before_the_child_answers(hub)
    await hub.client.purge(KID)
    await mend_and_rewind(hub, broken)
    assert await output_of(hub) == 7
    assert await output_of(hub, KID) == 7


async def test_a_child_begun_in_its_place_ends_with_its_parent() -> None:
    """It has another life id than the parent gave it."""
    broken = Broken()
    hub = hub_with(broken, parent=parent_of("waits"), waits=waits)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await hub.client.terminate(KID)
    await hub.settle()
    await hub.client.purge(KID)
    await mend_and_rewind(hub, broken)
    await hub.client.terminate(PARENT, "enough")
    await hub.settle()
    assert (await hub.status(KID)).runtime_status is RuntimeStatus.TERMINATED


async def test_a_child_whose_id_somebody_else_has_fails_its_task() -> None:
    """Else the parent would wait for ever."""
    broken = Broken()
    hub = hub_with(broken, parent=parent_of("waits"), waits=waits)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await hub.client.terminate(KID)
    await hub.settle()
    await hub.client.start("waits", instance_id=KID)
    await hub.settle()
    await mend_and_rewind(hub, broken)
    assert "alive already" in str((await hub.status(PARENT)).output)
    assert (await hub.status(KID)).runtime_status is RuntimeStatus.RUNNING


@pytest.mark.parametrize("is_purged", [True, False])
async def test_children_of_the_voided_episode_do_not_live_twice_under_one_name(
    *, is_purged: bool
) -> None:
    """The parent starts them again; who has run answers again, and is not run on a stale ledger."""
    broken = Broken()

    def parent(context: Context) -> Orchestration:
        yield context.call_activity("echo", 1)
        context.start_new_orchestration("chain", 5, "free")
        child = context.call_sub_orchestrator("chain", 6, KID)
        yield context.task_any([child, context.wait_for_external_event("now")])
        broken.check()
        return (yield child)

    hub = hub_with(broken, parent=parent, chain=chain)
    await hub.client.start("parent", instance_id=PARENT)
    await deliver_one(hub, lambda event: isinstance(event, ExecutionStarted))
    await hub.client.raise_event(PARENT, "now")
    await deliver_one(hub, lambda event: isinstance(event, EventRaised))
    await hub.settle()
    for instance_id in (KID, "free") if is_purged else ():
        assert await hub.client.purge(instance_id)
    broken.is_mended = True
    await hub.client.rewind(PARENT)
    await hub.settle()
    assert [await output_of(hub, each) for each in (PARENT, KID, "free")] == [6, 6, 5]
    generations = [
        record.generation
        for each in (KID, "free")
        if (record := (await partition.load(hub.store, InstanceId(each))).record)
    ]
    assert generations == ([2, 2] if is_purged else [1, 1])


async def test_a_rewind_undoes_only_the_failure_that_its_client_saw() -> None:
    """Two clients ask at once; the second request comes when the first has failed again."""
    broken = Broken()

    def parent(context: Context) -> Orchestration:
        return (yield context.call_activity("broken", 1))

    hub = hub_with(broken, parent=parent)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await hub.client.rewind(PARENT)
    await hub.client.rewind(PARENT)
    late = hub.store.messages.pop()
    await hub.settle()
    await hub.take(late.queue, late.body)
    await hub.settle()
    assert len(broken.calls) == 2


async def test_what_continues_as_new_behind_a_rewind_asks_for_nothing_anew() -> None:
    """The tasks of the execution that has ended are nobody's any more."""
    broken = Broken()

    def parent(context: Context) -> Orchestration:
        if context.get_input() == "second":
            return "done"
        child = context.call_sub_orchestrator("waits", None, KID)
        echoed = context.call_activity("echo", 1)
        yield context.task_any([child, context.wait_for_external_event("now"), echoed])
        broken.check()
        context.continue_as_new("second")

    hub = hub_with(broken, parent=parent, waits=waits)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    broken.is_mended = True
    await hub.client.rewind(PARENT)
    await hub.settle()
    assert await output_of(hub) == "done"
    assert not await hub.facts(PARENT, RewindSent)
    assert not [fact for fact in await hub.facts(PARENT, TaskScheduled) if fact.run is not None]


async def test_a_host_that_has_not_heard_of_the_rewind_looks_before_it_drops_an_answer() -> None:
    """Its warm ledger knows of no second run; "known" would lose the answer for ever."""
    broken = Broken()

    def parent(context: Context) -> Orchestration:
        return (yield context.call_activity("broken", 1))

    hub = hub_with(broken, parent=parent)
    await hub.client.start("parent", instance_id=PARENT)
    await deliver_one(hub, lambda event: isinstance(event, ExecutionStarted))
    stale = hub.worker
    hub.deploy(hub.registry)
    await hub.settle()
    broken.is_mended = True
    await hub.client.rewind(PARENT)
    await deliver_one(hub, lambda event: isinstance(event, ExecutionRewound))
    await deliver_one(hub, lambda event: isinstance(event, TaskScheduled))
    hub.worker = stale
    await hub.settle()
    assert await output_of(hub) == 1


async def test_a_rewind_that_a_purge_overtakes_does_nothing() -> None:
    """The tombstone keeps the status of what has failed, and nothing that could go on."""

    def parent(context: Context) -> Orchestration:
        return (yield context.call_activity("broken", 1))

    hub = hub_with(Broken(), parent=parent)
    await hub.client.start("parent", instance_id=PARENT)
    await hub.settle()
    await hub.client.rewind(PARENT)
    late = hub.store.messages.pop()
    assert await hub.client.purge(PARENT)
    await hub.take(late.queue, late.body)
    await hub.settle()
    assert not hub.store.buried
    assert await hub.client.read_status(PARENT) is None


class Overtaken(Outage):
    """Lets something happen just before a caller's transition."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Let this happen."""
        super().__init__()
        self.meanwhile = meanwhile

    async def write(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Let it happen, then pass."""
        if kind == "transact":
            await self.meanwhile()
        return await super().write(actor, kind, effect)


async def test_a_start_that_a_rewind_overtakes_is_refused_for_good() -> None:
    """Its message finds the generation that it was to replace, which has failed once more."""
    broken = Broken()

    def parent(context: Context) -> Orchestration:
        return (yield context.call_activity("broken", context.get_input()))

    hub = hub_with(broken, parent=parent)
    await hub.client.start("parent", instance_id=PARENT, input_="first")
    await hub.settle()
    await hub.client.rewind(PARENT)
    gate = Overtaken(
        lambda: deliver_one(hub, lambda event: isinstance(event, ExecutionRewound)),
    )
    caller = DurableClient(GatedStore(hub.store, gate, Actor("caller")), hub.environment)
    with pytest.raises(InstanceExistsError):
        await caller.start("parent", instance_id=PARENT, input_="second")
    late = next(m for m in hub.store.messages if "ExecutionStarted" in m.body)
    hub.store.messages.remove(late)
    await hub.settle()
    await hub.take(late.queue, late.body)
    await hub.settle()
    assert broken.calls == ["first", "first"]


@pytest.mark.parametrize("is_parked", [False, True])
async def test_what_failed_while_it_was_suspended_is_asked_anew(*, is_parked: bool) -> None:
    """A resume let it go and ended the instance with it; else each rewind would fail at once."""

    def works(context: Context) -> Orchestration:
        done = yield context.task_all([context.call_activity("broken", n) for n in range(3)])
        return [*done, (yield context.wait_for_external_event("go"))]

    broken = Broken()
    hub = hub_with(broken, parent=works)
    await hub.client.start("parent", instance_id=PARENT)
    await deliver_one(hub, lambda event: isinstance(event, ExecutionStarted))
    if is_parked:
        hub.deploy(registry_of())
        hub.registry.add_activity("broken", broken)
    else:
        await hub.client.suspend(PARENT)
        await deliver_one(hub, lambda event: isinstance(event, ExecutionSuspended))
    await hub.client.raise_event(PARENT, "go", 7)
    await hub.settle()
    assert (await hub.status(PARENT)).runtime_status is RuntimeStatus.SUSPENDED
    hub.deploy(hub_with(broken, parent=works).registry)
    await hub.client.resume(PARENT)
    await hub.settle()
    for _ in range(2):  # it fails once more, in its own step
        assert (await hub.status(PARENT)).runtime_status is RuntimeStatus.FAILED
        await hub.client.rewind(PARENT)
        await hub.settle()
    assert len(broken.calls) == 9
    await mend_and_rewind(hub, broken)
    assert await output_of(hub) == [0, 1, 2, 7]
    assert len(await hub.facts(PARENT, ExecutionResumed)) == 2
    assert (await Replayer({"parent": works}).replay_instance(hub.client, PARENT)).is_ok
