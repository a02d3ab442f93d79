"""F3, D, E3: children, detached starts and events between instances, under orderly conditions.

What faults do to them is the simulation's business (tests/simulation).
"""

import json
from typing import Any

from durable.model.history import (
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TerminationSent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import default_child_id
from durable.model.status import RuntimeStatus
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, chain, registry_of, waits

PARENT = "parent"


def with_children(context: Context) -> Orchestration:
    """Run three children at once, then one more with their sum."""
    results = yield context.task_all(
        [context.call_sub_orchestrator("chain", number) for number in range(3)]
    )
    return (yield context.call_sub_orchestrator("chain", sum(results)))


def calls_kid(context: Context) -> Orchestration:
    """Wait for a child with a name of its own; tell what became of it."""
    try:
        return (yield context.call_sub_orchestrator("waits", None, "kid"))
    except Exception as error:  # noqa: BLE001
        return f"failed: {error}"


def large(context: Context) -> Orchestration:
    """Return an output that no row and no message holds."""
    text = yield context.call_activity("echo", "x" * 300_000)
    return text


def calls_large(context: Context) -> Orchestration:
    """Give a large input to a child and take a large output from one."""
    echoed = yield context.call_sub_orchestrator("chain", "y" * 300_000)
    text = yield context.call_sub_orchestrator("large")
    return [len(echoed), len(text)]


async def run(hub: Hub, name: str, instance_id: str, input_: Any = None) -> Any:
    """Run an instance as far as it goes and return its output."""
    await hub.client.start(name, instance_id=instance_id, input_=input_)
    await hub.settle()
    output = (await hub.status(instance_id)).output
    return None if output is None else json.loads(output)


async def test_a_parent_gets_its_childrens_results_in_the_order_of_its_calls() -> None:
    """Each child is an instance of its own, named by the execution and the task."""
    hub = Hub(registry_of(chain=chain, with_children=with_children))
    assert await run(hub, "with_children", PARENT) == 3
    asked = await hub.facts(PARENT, SubOrchestrationInstanceCreated)
    record = (await partition.load(hub.store, InstanceId(PARENT))).record
    assert record is not None
    assert [fact.instance_id for fact in asked] == [
        default_child_id(ExecutionId(record.execution_id), task_id) for task_id in range(4)
    ]
    for fact in asked:
        child = await hub.status(fact.instance_id)
        assert child.runtime_status is RuntimeStatus.COMPLETED
        assert child.parent_instance_id == PARENT


async def test_large_inputs_and_outputs_go_both_ways() -> None:
    """A message names blobs of its receiver only; when all is purged none is left."""
    hub = Hub(registry_of(chain=chain, large=large, calls_large=calls_large))
    assert await run(hub, "calls_large", PARENT) == [300_000, 300_000]
    for instance_id in list(hub.store.sentinels):
        assert await hub.client.purge(instance_id)
    await hub.settle()  # a purge sends again what may not have been sent
    assert not hub.store.blobs


async def test_a_child_of_a_live_id_fails_the_task_and_disturbs_nobody() -> None:
    """The one that is alive goes on."""
    hub = Hub(registry_of(calls_kid=calls_kid, waits=waits))
    await run(hub, "waits", "kid")
    told = await run(hub, "calls_kid", PARENT)
    assert "An instance with the ID 'kid' is alive already." in told
    await hub.client.raise_event("kid", "go", 7)
    await hub.settle()
    assert (await hub.status("kid")).output == "7"


async def test_the_id_of_an_ended_instance_is_free_for_a_child() -> None:
    """A second life, whatever the first one was."""
    hub = Hub(registry_of(calls_kid=calls_kid, waits=waits))
    await run(hub, "waits", "kid")
    await hub.client.terminate("kid")
    await hub.settle()
    await run(hub, "calls_kid", PARENT)
    await hub.client.raise_event("kid", "go", 7)
    await hub.settle()
    assert (await hub.status(PARENT)).output == "7"


async def test_two_parents_of_one_child_id_take_turns() -> None:
    """One gets the child, the other is told; its next attempt may have it."""
    hub = Hub(registry_of(calls_kid=calls_kid, waits=waits))
    await hub.client.start("calls_kid", instance_id="a")
    await hub.client.start("calls_kid", instance_id="b")
    await hub.settle()
    await hub.client.raise_event("kid", "go", 7)
    await hub.settle()
    outputs = sorted([str((await hub.status(parent)).output) for parent in "ab"])
    assert outputs[1] == "7"
    assert "alive already" in outputs[0]


async def test_a_failed_child_fails_the_task_with_its_text() -> None:
    """And with its failure as data."""

    def fails(context: Context) -> Orchestration:
        yield context.call_activity("echo")
        raise ValueError("no such order")

    def catches(context: Context) -> Orchestration:
        try:
            yield context.call_sub_orchestrator("fails")
        except Exception as error:  # noqa: BLE001
            return str(error)

    hub = Hub(registry_of(fails=fails, catches=catches))
    assert "Orchestrator function 'fails' failed: no such order" in await run(
        hub, "catches", PARENT
    )
    [failed] = await hub.facts(PARENT, SubOrchestrationInstanceFailed)
    assert failed.failure_details is not None
    assert failed.failure_details.error_type == "ValueError"


async def test_who_terminates_a_parent_ends_its_open_children_too() -> None:
    """Down to the last generation; a detached one is nobody's child."""

    def grandparent(context: Context) -> Orchestration:
        context.start_new_orchestration("waits", None, "free")
        return (yield context.call_sub_orchestrator("calls_kid", None, PARENT))

    hub = Hub(registry_of(calls_kid=calls_kid, waits=waits, grandparent=grandparent))
    await run(hub, "grandparent", "grandparent")
    await hub.client.terminate("grandparent", "enough")
    await hub.settle()
    for instance_id in ("grandparent", PARENT, "kid"):
        status = await hub.status(instance_id)
        assert (status.runtime_status, status.output) == (RuntimeStatus.TERMINATED, '"enough"')
    assert (await hub.status("free")).runtime_status is RuntimeStatus.RUNNING
    assert len(await hub.facts("grandparent", TerminationSent)) == 1


async def test_children_outlive_a_parent_that_is_terminated_alone() -> None:
    """`recursive=False`: as azure-functions-durable 1.7."""
    hub = Hub(registry_of(calls_kid=calls_kid, waits=waits))
    await run(hub, "calls_kid", PARENT)
    await hub.client.terminate(PARENT, "enough", recursive=False)
    await hub.settle()
    assert (await hub.status("kid")).runtime_status is RuntimeStatus.RUNNING
    await hub.client.raise_event("kid", "go")
    await hub.settle()
    assert (await hub.status("kid")).runtime_status is RuntimeStatus.COMPLETED
    assert (await hub.status(PARENT)).runtime_status is RuntimeStatus.TERMINATED


async def test_events_between_instances_come_once_and_in_order() -> None:
    """Many in one episode, over several episodes, and over a continue-as-new of the sender."""

    def teller(context: Context) -> Orchestration:
        first = context.get_input()
        for number in range(first, first + 10):
            context.send_event("ear", "said", number)
        yield context.call_activity("echo")
        if first < 30:
            context.continue_as_new(first + 10)
        return None

    def ear(context: Context) -> Orchestration:
        waits = [context.wait_for_external_event("said") for _ in range(40)]
        return (yield context.task_all(waits))

    hub = Hub(registry_of(teller=teller, ear=ear))
    await run(hub, "ear", "ear")
    await run(hub, "teller", "teller", 0)
    assert json.loads(str((await hub.status("ear")).output)) == list(range(40))


async def test_an_event_to_an_id_that_nobody_has_is_dropped_and_blocks_nothing() -> None:
    """What the sender says to the next life of that id arrives."""

    def teller(context: Context) -> Orchestration:
        context.send_event("ear", "go", "too early")
        yield context.wait_for_external_event("now")
        context.send_event("ear", "go", "in time")

    hub = Hub(registry_of(teller=teller, waits=waits))
    await run(hub, "teller", "teller")
    await run(hub, "waits", "ear")
    await hub.client.raise_event("teller", "now")
    await hub.settle()
    assert (await hub.status("ear")).output == '"in time"'
