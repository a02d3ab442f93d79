"""Critical sections on a hub: isolated, free of deadlock, and never left locked."""

from datetime import timedelta
from typing import Any

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.model.entities import EntityLock
from durable.model.entity_ids import EntityId
from durable.model.errors import LockingRulesViolationError
from durable.model.history import EntityBatchCompleted, EntityUnlockSent
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from tests.engine.hub import Context, Hub, Orchestration, registry_of
from tests.engine.test_entities_on_a_hub import end_of

A, B, C = (EntityId("Account", key) for key in "abc")
ALL = (A, B, C)


def account(context: DurableEntityContext) -> None:
    """A balance, which begins with 100."""
    balance = context.get_state(lambda: 100)
    if context.operation_name == "add":
        balance += context.get_input()
        context.set_state(balance)
    context.set_result(balance)


def hub_of(**orchestrators: Any) -> Hub:
    """Make a hub with accounts and these orchestrators."""
    registry = registry_of(**orchestrators)
    registry.add_entity("Account", account)
    return Hub(registry)


async def lock_of(hub: Hub, entity_id: EntityId) -> EntityLock | None:
    """Tell who holds an entity."""
    record = (await partition.load(hub.store, InstanceId(str(entity_id)))).record
    return record.entity.lock if record is not None and record.entity is not None else None


async def locks(hub: Hub) -> list[EntityLock]:
    """List the locks that are held."""
    found = [await lock_of(hub, entity_id) for entity_id in ALL]
    return [lock for lock in found if lock is not None]


def transfer(context: Context) -> Orchestration:
    """The paper's: take from one and give to the other, if there is enough."""
    source, target, amount = context.get_input()
    source, target = EntityId("Account", source), EntityId("Account", target)
    with (yield context.lock([source, target])):
        balance = yield context.call_entity(source, "get")
        if balance < amount:
            return False
        yield context.call_entity(source, "add", -amount)
        yield context.call_entity(target, "add", amount)
        return True


def audit(context: Context) -> Orchestration:
    """Sum up all accounts."""
    with (yield context.lock(ALL)):
        balances = yield context.task_all([context.call_entity(one, "get") for one in ALL])
    return sum(balances)


async def test_money_is_conserved_for_all_who_lock() -> None:
    """H1, H3: transfers in opposite directions and in rings, audits between them."""
    hub = hub_of(transfer=transfer, audit=audit)
    pairs = ["ab", "ba", "bc", "ca", "cb", "ac"] * 4
    moves = [
        await hub.client.start("transfer", input_=[*pair, 10 + n]) for n, pair in enumerate(pairs)
    ]
    audits = [await hub.client.start("audit") for _ in range(6)]
    await hub.settle()
    for instance_id in moves:
        assert (await hub.status(instance_id)).runtime_status is RuntimeStatus.COMPLETED
    assert {(await hub.status(instance_id)).output for instance_id in audits} == {"300"}
    assert not await locks(hub)


async def test_others_wait_behind_a_lock_and_are_served_in_order_afterwards() -> None:
    """H2, H8: calls and signals; the section takes its time with a timer."""

    def holds(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.create_timer(context.current_utc_datetime + timedelta(seconds=60))
            return (yield context.call_entity(A, "get"))

    def adds(context: Context) -> Orchestration:
        context.signal_entity(A, "add", 1)
        return (yield context.call_entity(A, "add", 2))

    hub = hub_of(holds=holds, adds=adds)
    holder = await hub.client.start("holds")
    await hub.run_until(1)
    waiters = [await hub.client.start("adds") for _ in range(3)]
    await hub.run_until(30)
    assert [(await hub.status(one)).output for one in waiters] == [None] * 3
    lock = await lock_of(hub, A)
    assert lock is not None
    assert lock.owner.endswith(f"@{holder}")
    await hub.settle()
    assert (await hub.status(holder)).output == "100"
    ends = [int((await hub.status(one)).output or "") for one in waiters]
    assert max(ends) == 109
    assert all(end >= 103 for end in ends)  # its own signal first, then its call


async def test_a_lock_comes_after_earlier_signals_and_a_release_after_calls() -> None:
    """H7: also after a call that nobody waits for."""

    def locks_late(context: Context) -> Orchestration:
        context.signal_entity(A, "add", 1)
        with (yield context.lock([A])):
            first = yield context.call_entity(A, "get")
            yield context.task_any(
                [
                    context.call_entity(A, "add", 10),
                    context.create_timer(context.current_utc_datetime),
                ]
            )
        return first

    hub = hub_of(locks_late=locks_late)
    assert await end_of(hub, "locks_late") == 101
    assert not await locks(hub)


def returns(context: Context) -> Orchestration:
    """Return inside the section."""
    with (yield context.lock([A, B])):
        yield context.call_entity(A, "get")
        return "out"


def raises(context: Context) -> Orchestration:
    """Raise inside it."""
    with (yield context.lock([A, B])):
        yield context.call_entity(A, "get")
        raise ValueError("in the section")


def goes_on(context: Context) -> Orchestration:
    """Begin anew inside it, once."""
    if context.get_input() == 1:
        return "again"
    with (yield context.lock([A, B])):
        yield context.call_entity(A, "get")
        yield context.continue_as_new(1)


def breaks_a_rule(context: Context) -> Orchestration:
    """Call what is not locked."""
    with (yield context.lock([A, B])):
        yield context.call_entity(C, "get")


def never_leaves(context: Context) -> Orchestration:
    """Lock, and end without `with`."""
    yield context.lock([A, B])
    yield context.call_entity(A, "get")


@pytest.mark.parametrize("way", [returns, raises, goes_on, breaks_a_rule, never_leaves])
async def test_every_way_out_releases(way: Any) -> None:
    """H4, H5."""
    hub = hub_of(way=way)
    await end_of(hub, "way")
    assert not await locks(hub)
    for entity_id in (A, B):
        batches = await hub.facts(str(entity_id), EntityBatchCompleted)
        served = "".join(batch.operations for batch in batches)
        assert served.count('"lock"') == served.count('"unlock"') == 1


async def test_who_is_terminated_in_a_section_or_before_it_releases() -> None:
    """H5: one holds, one waits for the lock; a host without their code ends both."""

    def holds(context: Context) -> Orchestration:
        with (yield context.lock([A, B])):
            yield context.wait_for_external_event("never")

    hub = hub_of(holds=holds)
    first = await hub.client.start("holds")
    await hub.run_until(1)
    second = await hub.client.start("holds")
    await hub.run_until(2)
    assert len(await locks(hub)) == 2
    registry = registry_of()
    registry.add_entity("Account", account)
    hub.deploy(registry)
    await hub.client.terminate(second, "tired")
    await hub.run_until(3)
    await hub.client.terminate(first, "tired")
    await hub.settle()
    assert not await locks(hub)
    assert len(await hub.facts(first, EntityUnlockSent)) == 1


async def test_a_failed_section_can_not_be_rewound() -> None:
    """Its locks are gone; the code would go on inside a section that is no more."""
    hub = hub_of(raises=raises)
    instance_id = await hub.client.start("raises")
    await hub.settle()
    with pytest.raises(Exception, match="critical section"):
        await hub.client.rewind(instance_id, "again")
    await hub.settle()
    assert (await hub.status(instance_id)).runtime_status is RuntimeStatus.FAILED


async def test_a_hot_entity_grants_its_lock_all_the_same() -> None:
    """H9: whoever asks is served in the order of asking."""

    def floods(context: Context) -> Orchestration:
        for _ in range(20):
            context.signal_entity(A, "add", 1)
        yield context.create_timer(context.current_utc_datetime)
        left = context.get_input()
        if left:
            context.continue_as_new(left - 1)

    def wants(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            return (yield context.call_entity(A, "get"))

    hub = hub_of(floods=floods, wants=wants)
    for _ in range(3):
        await hub.client.start("floods", input_=6)
    assert await end_of(hub, "wants") < 100 + 3 * 7 * 20


def test_the_error_of_a_broken_rule_is_one_of_ours() -> None:
    """People catch it by its name."""
    assert issubclass(LockingRulesViolationError, RuntimeError)
