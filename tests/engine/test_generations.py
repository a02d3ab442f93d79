"""E1 to E3, rule F: one commit ends an execution and begins the next."""

import json

from durable.engine.chapters import CHAPTERS_MAX
from durable.model.history import EventRaised, ExecutionCompleted, ExecutionStarted, TaskScheduled
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, registry_of

ONE = InstanceId("one")
GENERATIONS = 100


def counts(context: Context) -> Orchestration:
    """Count up, with an activity each time."""
    number = context.get_input()
    if number == GENERATIONS:
        return number
    yield context.call_activity("echo", number)
    context.continue_as_new(number + 1)


def never_waits(context: Context) -> Orchestration:
    """Count up without ever waiting."""
    number = context.get_input()
    if number < GENERATIONS:
        context.continue_as_new(number + 1)
    return number
    yield


def gathers(context: Context) -> Orchestration:
    """Take one event in each execution."""
    taken = context.get_input()
    context.set_custom_status(len(taken))
    if len(taken) == 10:
        return taken
    taken.append((yield context.wait_for_external_event("item")))
    context.continue_as_new(taken)


async def settled(hub: Hub, name: str, input_: object) -> Hub:
    """Start it and let it run."""
    await hub.client.start(name, instance_id=ONE, input_=input_)
    await hub.settle()
    return hub


async def test_an_eternal_orchestration_keeps_a_bounded_history() -> None:
    """Each execution has its own id and its own history; nothing of the old ones stays."""
    hub = await settled(Hub(registry_of(counts=counts)), "counts", 0)
    status = await hub.status(ONE)
    assert (status.runtime_status, status.output) == (RuntimeStatus.COMPLETED, str(GENERATIONS))
    snapshot = await partition.load(hub.store, ONE)
    record = snapshot.record
    assert record is not None
    assert record.execution_id == f"{record.life_id}.{GENERATIONS}"
    assert len(snapshot.rows) < 20
    assert not snapshot.named
    [started] = [
        row.event
        for row in snapshot.rows
        if isinstance(row.event, ExecutionStarted) and row.ordinal >= record.base
    ]
    assert started.input == str(GENERATIONS)


async def test_one_generation_costs_one_commit_and_no_message_to_itself() -> None:
    """The next execution begins in the commit that ends the one before it."""
    hub = await settled(Hub(registry_of(counts=counts)), "counts", 0)
    record = (await partition.load(hub.store, ONE)).record
    assert record is not None
    assert record.episode == GENERATIONS + 1


async def test_one_that_never_waits_goes_on_by_messages_to_itself() -> None:
    """So many executions a commit, and no endless loop inside one invocation."""
    hub = await settled(Hub(registry_of(never_waits=never_waits)), "never_waits", 0)
    status = await hub.status(ONE)
    assert (status.runtime_status, status.output) == (RuntimeStatus.COMPLETED, str(GENERATIONS))
    record = (await partition.load(hub.store, ONE)).record
    assert record is not None
    assert record.episode == -(-(GENERATIONS + 1) // CHAPTERS_MAX)


async def test_events_that_nobody_has_read_go_on_in_order() -> None:
    """All at once, before the first execution takes its one; none is lost, none comes twice."""
    hub = Hub(registry_of(gathers=gathers))
    await hub.client.start("gathers", instance_id=ONE, input_=[])
    for number in range(10):
        await hub.client.raise_event(ONE, "item", number)
    await hub.settle()
    status = await hub.status(ONE)
    assert sorted(json.loads(str(status.output))) == list(range(10))
    assert status.custom_status == "10"


async def test_a_second_copy_of_an_event_is_known_in_later_executions() -> None:
    """D3: the ids of what clients have sent are kept over continue-as-new."""
    hub = Hub(registry_of(gathers=gathers))
    await hub.client.start("gathers", instance_id=ONE, input_=[])
    await hub.settle()
    await hub.client.raise_event(ONE, "item", "first")
    [copy] = hub.store.messages
    await hub.settle()
    await hub.client.raise_event(ONE, "item", "second")
    await hub.settle()
    await hub.take(copy.queue, copy.body)
    [started] = [
        fact
        for fact in await hub.facts(ONE, ExecutionStarted)
        if fact.input == '["first","second"]'
    ]
    assert started.name == "gathers"
    assert not [e for e in await hub.facts(ONE, EventRaised) if e.input == '"first"']


async def test_what_an_execution_asked_for_before_its_end_is_sent() -> None:
    """E3: the rows of the old execution are the outbox, as long as they may be unsent."""

    def asks_and_goes(context: Context) -> Orchestration:
        if context.get_input() == 2:
            return "done"
        race = context.task_any(
            [context.call_activity("echo", "never awaited"), context.wait_for_external_event("go")]
        )
        yield race
        context.continue_as_new(context.get_input() + 1)

    hub = await settled(Hub(registry_of(asks_and_goes=asks_and_goes)), "asks_and_goes", 0)
    assert (await hub.status(ONE)).output == '"done"'
    record = (await partition.load(hub.store, ONE)).record
    assert record is not None
    assert not [fact for fact in await hub.facts(ONE, TaskScheduled) if fact.event_id > 0]


async def test_a_large_input_of_the_next_execution_lies_in_a_blob_that_goes_with_it() -> None:
    """Bounded also in blobs: only what the last execution names is left."""

    def grows(context: Context) -> Orchestration:
        number, _ = context.get_input()
        if number == 5:
            return None
        yield context.call_activity("echo")
        context.continue_as_new([number + 1, "x" * 200_000])

    hub = await settled(Hub(registry_of(grows=grows)), "grows", [0, ""])
    ended = [
        fact
        for fact in await hub.facts(ONE, ExecutionCompleted)
        if fact.orchestration_status is RuntimeStatus.COMPLETED
    ]
    assert len(ended) == 1
    assert len(hub.store.blobs) <= 4
    assert await hub.client.purge(ONE)
    assert not hub.store.blobs


async def test_the_numbers_of_answered_children_are_not_carried_for_ever() -> None:
    """An eternal parent of one child a generation: its record does not grow with its age."""

    def parent(context: Context) -> Orchestration:
        number = context.get_input()
        if number == 30:
            return None
        context.send_event("ear", "said", number)
        yield context.call_sub_orchestrator("child", number)
        context.continue_as_new(number + 1)

    def child(context: Context) -> Orchestration:
        return (yield context.call_activity("echo", context.get_input()))

    hub = await settled(Hub(registry_of(parent=parent, child=child)), "parent", 0)
    record = (await partition.load(hub.store, ONE)).record
    assert record is not None
    assert record.outs == {"ear": 30}


async def test_events_that_are_never_read_leave_no_ids_behind() -> None:
    """They are carried from execution to execution; only what a client sent has an id to know."""

    def hoards(context: Context) -> Orchestration:
        number = context.get_input()
        if number < 3 * CHAPTERS_MAX:
            if number % 5 == 0:
                yield context.call_activity("echo")
            context.continue_as_new(number + 1)
        yield context.wait_for_external_event("never")

    hub = Hub(registry_of(hoards=hoards))
    await hub.client.start("hoards", instance_id=ONE, input_=0)
    for number in range(5):
        await hub.client.raise_event(ONE, "item", number)
    await hub.settle()
    record = (await partition.load(hub.store, ONE)).record
    assert record is not None
    assert len(record.message_ids) <= 5
    assert len([f for f in await hub.facts(ONE, EventRaised) if f.name == "item"]) == 5
