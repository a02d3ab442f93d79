"""Rule K: missing or changed code is waited for, then told to people; it poisons nobody."""

from datetime import timedelta

import pytest

from durable.engine.holding import HOLD_DELAY_S_MAX, hold, is_patience_over
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.envelopes import decode_message
from durable.model.history import (
    EventRaised,
    ExecutionCompleted,
    ExecutionSuspended,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskFailed,
)
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.testing.world.virtual_time import START, in_virtual_time
from durable.testing.world.world import World
from tests.engine.hub import Context, Hub, Orchestration, chain, registry_of, waits

HOLD_S = 600
SLACK_S = HOLD_DELAY_S_MAX  # the last look may be that much later


def renamed(context: Context) -> Orchestration:
    """`waits` after a deploy that it does not survive: another activity behind the event."""
    data = yield context.wait_for_external_event("go")
    first = yield context.call_activity("echo_renamed", data)
    return (yield context.call_activity("echo", first))


def two_events(context: Context) -> Orchestration:
    """Wait for "go", call an activity, wait for "go" again."""
    data = yield context.wait_for_external_event("go")
    first = yield context.call_activity("echo", data)
    return [first, (yield context.wait_for_external_event("go"))]


def catches(context: Context) -> Orchestration:
    """Call an activity that nobody has, and say what came of it."""
    try:
        return (yield context.call_activity("missing"))
    except Exception as error:  # noqa: BLE001
        return str(error)


async def test_an_activity_that_no_host_has_fails_in_the_end_naming_it() -> None:
    """Not before the patience is over, and then in the orchestrator's hands."""
    hub = Hub(registry_of(catches=catches))
    await hub.client.start("catches", instance_id="i")
    await hub.run_until(HOLD_S - SLACK_S)
    assert (await hub.status("i")).runtime_status is RuntimeStatus.RUNNING
    await hub.settle()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.COMPLETED
    assert status.output is not None
    assert "'missing'" in status.output
    assert HOLD_S <= hub.elapsed_s <= HOLD_S + 2 * SLACK_S
    assert len(await hub.facts("i", TaskFailed)) == 1
    assert not hub.store.buried


async def test_a_host_with_the_right_activity_takes_the_held_task() -> None:
    """A deploy that is half done costs time, nothing else."""
    hub = Hub(registry_of(catches=catches))
    await hub.client.start("catches", instance_id="i")
    await hub.run_until(60)
    registry = registry_of(catches=catches)
    registry.add_activity("missing", lambda _: "here")
    hub.deploy(registry)
    await hub.settle()
    assert (await hub.status("i")).output == '"here"'
    assert hub.elapsed_s < 60 + 2 * SLACK_S


async def test_an_unknown_orchestrator_is_parked_in_the_end_naming_it() -> None:
    """The instance is suspended with a reason; the queues are empty, nothing is buried."""
    hub = Hub(registry_of())
    await hub.client.start("nowhere", instance_id="i")
    await hub.run_until(HOLD_S - SLACK_S)
    assert (await hub.status("i")).runtime_status is RuntimeStatus.PENDING
    await hub.settle()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert status.reason is not None
    assert "'nowhere'" in status.reason
    assert "registered" in status.reason
    assert HOLD_S <= hub.elapsed_s <= HOLD_S + 2 * SLACK_S
    assert not hub.store.buried
    assert hub.store.summaries[InstanceId("i")].columns["RuntimeStatus"] == "Suspended"


async def test_an_unknown_orchestrator_runs_when_a_host_with_it_comes() -> None:
    """The start message waits for it."""
    hub = Hub(registry_of())
    await hub.client.start("chain", instance_id="i", input_=5)
    await hub.run_until(60)
    hub.deploy(registry_of(chain=chain))
    await hub.settle()
    assert (await hub.status("i")).output == "5"
    assert not hub.store.buried


async def half_way(hub: Hub) -> None:
    """Run `two_events` to its second wait."""
    await hub.client.start("o", instance_id="i")
    await hub.client.raise_event("i", "go", 1)
    await hub.deliver_visible()


async def test_code_that_does_not_fit_the_history_parks_the_instance_and_explains() -> None:
    """First it is held; the reason names the event, both activities and the source line."""
    hub = Hub(registry_of(o=two_events))
    await half_way(hub)
    hub.deploy(registry_of(o=renamed))
    await hub.client.raise_event("i", "go", 2)
    await hub.run_until(HOLD_S - SLACK_S)
    assert (await hub.status("i")).runtime_status is RuntimeStatus.RUNNING
    await hub.settle()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert status.reason is not None
    for part in ("task 0", "'echo'", "'echo_renamed'", __file__):
        assert part in status.reason
    assert [fact.reason for fact in await hub.facts("i", ExecutionSuspended)] == [status.reason]
    assert not hub.store.buried


async def test_a_mismatch_is_gone_with_the_right_code() -> None:
    """A deploy that is taken back in time leaves no trace."""
    hub = Hub(registry_of(o=two_events))
    await half_way(hub)
    hub.deploy(registry_of(o=renamed))
    await hub.client.raise_event("i", "go", 2)
    await hub.run_until(60)
    hub.deploy(registry_of(o=two_events))
    await hub.settle()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.COMPLETED
    assert status.output == "[1,2]"
    assert not await hub.facts("i", ExecutionSuspended)


async def test_a_mismatch_does_no_harm_to_other_instances() -> None:
    """While one is held and then parked, another one starts and completes at once."""
    registry = registry_of(o=renamed, chain=chain)
    hub = Hub(registry_of(o=two_events))
    await half_way(hub)
    hub.deploy(registry)
    await hub.client.raise_event("i", "go", 2)
    await hub.deliver_visible()
    await hub.client.start("chain", instance_id="healthy", input_="fine")
    await hub.deliver_visible()
    assert (await hub.status("healthy")).output == '"fine"'
    assert hub.elapsed_s < 60


async def parked_hub() -> Hub:
    """Make a hub with a parked instance "i"."""
    hub = Hub(registry_of(), settings=EngineSettings(hold_s_max=0))
    await hub.client.start("nowhere", instance_id="i")
    await hub.settle()
    assert (await hub.status("i")).runtime_status is RuntimeStatus.SUSPENDED
    return hub


async def test_messages_to_a_parked_instance_are_recorded_in_order() -> None:
    """Nothing is lost, nothing waits in a queue, the instance stays parked with its reason."""
    hub = await parked_hub()
    reason = (await hub.status("i")).reason
    for number in range(3):
        await hub.client.raise_event("i", "go", number)
        await hub.settle()
    assert [event.input for event in await hub.facts("i", EventRaised)] == ["0", "1", "2"]
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert status.reason == reason
    assert len(await hub.facts("i", ExecutionSuspended)) == 1


async def test_a_parked_instance_records_answers_that_were_on_their_way() -> None:
    """An activity that ran while its instance was parked has not run in vain."""
    hub = Hub(registry_of(o=waits), settings=EngineSettings(hold_s_max=0))
    await hub.client.start("o", instance_id="i")
    await hub.client.raise_event("i", "go", 7)
    # The start and the event, but not the work item that they lead to.
    while not [m for m in hub.store.messages if m.queue == "workitems"]:
        control = [m for m in hub.store.visible() if m.queue != "workitems"]
        await hub.take(control[0].queue, control[0].body)
        hub.store.messages.remove(control[0])
    hub.deploy(registry_of(o=renamed))
    await hub.client.raise_event("i", "other")
    await hub.settle()
    assert (await hub.status("i")).runtime_status is RuntimeStatus.SUSPENDED
    kinds = [type(row.event).__name__ for row in await hub.rows("i")]
    assert kinds.count("TaskCompleted") == 1
    assert not hub.store.buried


async def test_a_parked_instance_can_be_terminated() -> None:
    """No code is needed for that: status, output and history say it."""
    hub = await parked_hub()
    await hub.client.terminate("i", "enough")
    await hub.settle()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.TERMINATED
    assert status.output == '"enough"'
    assert status.reason is None
    ends = await hub.facts("i", ExecutionCompleted)
    assert [end.orchestration_status for end in ends] == [RuntimeStatus.TERMINATED]
    assert hub.store.summaries[InstanceId("i")].columns["RuntimeStatus"] == "Terminated"


async def test_the_id_of_a_terminated_parked_instance_can_be_used_again() -> None:
    """It has ended like any other."""
    hub = await parked_hub()
    await hub.client.terminate("i")
    await hub.settle()
    hub.deploy(registry_of(chain=chain))
    await hub.client.start("chain", instance_id="i", input_=1)
    await hub.settle()
    assert (await hub.status("i")).output == "1"


@in_virtual_time
async def test_a_world_with_a_missing_activity_comes_to_rest() -> None:
    """Two hosts, everything delivered once more: one failure is recorded, and nothing changes."""
    world = World(registry_of(catches=catches))
    await world.as_client(lambda client: client.start("catches", instance_id="i"))
    await world.settle()
    first = await world.as_client(lambda client: client.read_status("i"))
    await world.deliver_everything_again()
    assert await world.as_client(lambda client: client.read_status("i")) == first
    assert first is not None
    assert first.runtime_status is RuntimeStatus.COMPLETED


def held(holds: int, since_s: float | None = 0) -> TaskMessage:
    """Make a message that was held so often, since so long after the beginning."""
    return TaskMessage(
        instance_id=InstanceId("i"),
        event=EventRaised(timestamp=START, name="go"),
        holds=holds,
        held_since=None if since_s is None else START + timedelta(seconds=since_s),
    )


def test_the_delay_of_a_held_message_grows_and_is_bounded() -> None:
    """Short at first, for a deploy of seconds; never longer than a minute."""
    delays = [hold(held(holds), START)[1] for holds in range(12)]
    assert delays == sorted(delays)
    assert delays[0] <= 5
    assert delays[-1] == HOLD_DELAY_S_MAX <= 60


@pytest.mark.parametrize("holds", [100, 5000, 100_000])
def test_a_message_that_was_held_absurdly_often_is_held_once_more(holds: int) -> None:
    """A count out of a queue may be anything."""
    assert hold(held(holds), START)[1] == HOLD_DELAY_S_MAX


def test_a_held_copy_has_the_duty_and_remembers_since_when() -> None:
    """`again` is set (rule A4), and the first hold counts, not the last."""
    copy, _ = hold(held(0, None), START)
    assert (copy.again, copy.held_since, copy.holds) == (True, START, 1)
    later = START + timedelta(seconds=30)
    copy, _ = hold(copy, later)
    assert (copy.again, copy.held_since, copy.holds) == (True, START, 2)


@pytest.mark.parametrize(("waited_s", "is_over"), [(0, False), (599, False), (600, True)])
def test_patience_ends_with_the_time_that_was_set(waited_s: float, *, is_over: bool) -> None:
    """Counted from the first hold."""
    now = START + timedelta(seconds=waited_s)
    assert is_patience_over(held(3), now, hold_s_max=600) is is_over
    assert not is_patience_over(held(0, None), now, hold_s_max=600)


async def test_a_held_message_goes_back_to_the_queue_it_came_from() -> None:
    """As a copy with a delay; the original is deleted, so that no dequeue count grows."""
    hub = Hub(Registry())
    await hub.client.start("nowhere", instance_id="i")
    await hub.deliver_visible()
    (copy,) = hub.store.messages
    assert copy.queue == "control-00"
    assert copy.dequeue_count == 0
    assert copy.visible_at > hub.now()
    assert decode_message(copy.body).again


@in_virtual_time
async def test_the_time_of_an_instance_never_goes_back_when_it_is_terminated_without_code() -> None:
    """D6: a host whose clock is behind, and which lacks the code, ends what another one began."""
    world = World(registry_of(waits=waits), other_code=Registry(), skews_s=(-45.0, 45.0), hosts=2)
    [with_code, without_code] = world.hosts
    world.hosts = [with_code]
    await world.as_client(lambda client: client.start("waits", instance_id="i"))
    await world.run_for(5)
    world.hosts = [without_code]
    await world.as_client(lambda client: client.terminate("i"))
    await world.settle()
    snapshot = await partition.load(world.store, InstanceId("i"))
    assert snapshot.record is not None
    assert snapshot.record.status is RuntimeStatus.TERMINATED
    times = [
        row.event.timestamp
        for row in snapshot.rows
        if isinstance(row.event, OrchestratorStarted | OrchestratorCompleted)
    ]
    assert len(times) == 4
    assert times == sorted(times)
