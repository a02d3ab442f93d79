"""What a review found in entities: torn rows, long batches, early signals, traces of races."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from durable.client.durable_client import DurableClient
from durable.engine.entity_context import DurableEntityContext
from durable.engine.registry import Registry
from durable.engine.warm import InstanceState
from durable.engine.worker import TaskHubWorker
from durable.model.entities import EntityRecord
from durable.model.entity_forms import read_batch
from durable.model.entity_ids import EntityId
from durable.model.envelopes import encode_message
from durable.model.history import EntityBatchCompleted, EntityOperationSignaled
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import decode_record, encode_record
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.memory import MemoryStore
from durable.storage.port import Key
from durable.storage.sending import queue_of
from durable.testing.world.actors import Actor
from durable.testing.world.virtual_time import START
from tests.engine.hub import (
    Context,
    HandMovedEnvironment,
    Hub,
    Orchestration,
    Outage,
    registry_of,
)

T = TypeVar("T")
THING = EntityId("thing", "1")
ID = InstanceId(str(THING))
PROPERTY_CHARS_MAX = 32 * 1024


def holds(context: Context) -> Orchestration:
    """Hold the thing until told."""
    with (yield context.lock([THING])):
        yield context.wait_for_external_event("go")


def code_of(thing: Callable[[DurableEntityContext], Any] | None = None) -> Registry:
    """Make a registry with who holds the thing, and with the thing if it is given."""
    registry = registry_of(holds=holds)
    if thing is not None:
        registry.add_entity("thing", thing)
    return registry


async def held_hub(code: Registry) -> Hub:
    """Make a hub where somebody holds the thing."""
    hub = Hub(code)
    await hub.client.start("holds", instance_id="holder")
    await hub.deliver_visible()
    return hub


async def state_of(hub: Hub) -> InstanceState:
    """Load the thing as a fresh host does."""
    return InstanceState.of(await partition.load(hub.store, ID))


class Dying(Outage):
    """The host dies before one of its transactions, and whatever else it does then with it."""

    dies_at = 0

    async def write(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Count down."""
        if kind == "transact":
            self.dies_at -= 1
            if self.dies_at == 0:
                actor.kill()
        return await super().write(actor, kind, effect)


async def test_a_torn_row_of_a_queue_takes_no_payload_with_it() -> None:
    """The message is still in its queue; it shows again and is served with all that it brought."""
    got: list[tuple[str, int]] = []
    code = code_of(lambda it: got.append((it.operation_name or "", len(it.get_input() or ""))))
    hub = await held_hub(code)
    hub.gate = dying = Dying()
    hub.store.rows_per_transaction_max = 4
    hub.deploy(code)
    await hub.client.signal_entity(THING, "first")
    received = hub.store.receive(count=1, visibility_s=600)
    await hub.client.signal_entity(THING, "large", "x" * 60_000)
    received += hub.store.receive(count=1, visibility_s=600)
    for n in range(5):
        await hub.client.signal_entity(THING, f"small{n}")
    received += hub.store.receive(count=5, visibility_s=600)
    # The first leads; all others are one commit of two chunks, and the host dies between them.
    dying.dies_at = 3
    await asyncio.gather(*(hub.invoke(*one) for one in received), return_exceptions=True)
    torn = await state_of(hub)
    assert torn.snapshot.record is not None
    assert torn.snapshot.record.entity is not None
    assert len(torn.snapshot.record.entity.waiting) == 1
    assert len([name for name in torn.snapshot.named if name.startswith("queue-")]) == 4
    hub.deploy(code)
    await hub.client.raise_event("holder", "go")
    await hub.deliver_visible()
    for _ in range(70):  # so many rows are worth a collection
        await hub.client.signal_entity(THING, "other")
        await hub.deliver_visible()
    assert ("large", 60_000) not in got
    await hub.settle()
    assert got.count(("large", 60_000)) == 1
    assert len(got) == 77


@pytest.mark.parametrize("takes_s", [4, 40])
async def test_slow_operations_are_committed_in_parts(takes_s: float) -> None:
    """A batch is over before the host ends the invocation; and each serves at least one."""
    taken: list[str | None] = []

    async def slow(context: DurableEntityContext) -> None:
        await hub.environment.wait(takes_s)
        taken.append(context.operation_name)

    hub = await held_hub(code_of(slow))
    for n in range(20):
        await hub.client.signal_entity(THING, f"{n:02}")
    await hub.deliver_visible()
    await hub.client.raise_event("holder", "go")
    await hub.deliver_visible()
    batches = await hub.facts(str(ID), EntityBatchCompleted)
    counts = [
        sum(served.what == "operation" for served in read_batch(batch.operations))
        for batch in batches
    ]
    assert sum(counts) == len(taken) == 20
    assert max(counts) == max(1, 32 // takes_s)
    assert len(set(taken)) == 20


def as_it_came(body: TaskMessage) -> TaskMessage:
    """Make a copy that was held, given up, and suspected."""
    return replace(body, again=True, held_since=START, holds=3, is_suspect=True, poisonings=1)


@pytest.mark.parametrize("number", [1, 2], ids=["queue", "stash"])
async def test_what_is_kept_keeps_nothing_of_how_its_copy_came(number: int) -> None:
    """That is said of a copy in a queue; what waits for a lock or for its turn is none."""
    hub = await held_hub(code_of(lambda _: None))
    message = TaskMessage(
        instance_id=ID,
        event=EntityOperationSignaled(timestamp=START, instance_id=str(ID), operation="op"),
        origin=Origin(InstanceId("sender"), ExecutionId("life")),
        number=number,
    )
    await hub.take(queue_of(hub.store, message), encode_message(as_it_came(message)))
    state = await state_of(hub)
    assert [*state.queue.messages, *state.stash.messages] == [message]


async def test_what_was_held_once_is_not_failed_at_once_by_a_later_deploy() -> None:
    """It has waited in the queue, not for code: its patience begins when it could be served."""
    done: list[str | None] = []
    old, new = code_of(), code_of(lambda it: done.append(it.operation_name))
    hub = Hub(old)
    await hub.client.signal_entity(THING, "precious")
    await hub.deliver_visible()
    hub.deploy(new)
    await hub.client.start("holds", instance_id="holder")
    await hub.run_until(30)
    assert len((await state_of(hub)).queue.waiting) == 1
    hub.environment.move_to(hub.now() + timedelta(hours=1))
    await hub.client.raise_event("holder", "go")
    hub.deploy(old)
    await hub.deliver_visible()
    hub.deploy(new)
    await hub.settle()
    assert done == ["precious"]


class Ahead(HandMovedEnvironment):
    """The clock of a host that is ten minutes ahead."""

    def __init__(self, right: HandMovedEnvironment) -> None:
        """Follow the right one."""
        super().__init__()
        self._right = right

    def now(self) -> datetime:
        """Tell the wrong time."""
        return self._right.now() + timedelta(minutes=10)

    def new_id(self) -> str:
        """Count with the others."""
        return self._right.new_id()


async def test_a_signal_for_later_is_not_early_because_another_host_was_ahead() -> None:
    """The entity's time is that of the host that was ahead; what is due is said by one's own."""
    ran: list[tuple[str | None, datetime]] = []
    code = code_of(lambda it: ran.append((it.operation_name, hub.now())))
    hub = Hub(code)
    right = hub.worker
    hub.worker = TaskHubWorker(hub.store, code, Ahead(hub.environment), hub.settings)
    await hub.client.signal_entity(THING, "now")
    await hub.deliver_visible()
    hub.worker = right
    due = hub.now() + timedelta(minutes=9)
    await hub.client.signal_entity(THING, "later", scheduled_time=due)
    await hub.settle()
    assert ran == [("now", START), ("later", due)]


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACES = st.builds(
    lambda first, count, step: frozenset(range(first, first + count * step, step)),
    st.integers(0, 2**40),
    st.integers(0, 9000),
    st.integers(1, 3),
)
SCATTERED = frozenset(range(0, 40_000, 2))


@settings(max_examples=20, deadline=None)
@given(waiting=st.lists(PLACES, max_size=2), scheduled=PLACES)
@example(waiting=[SCATTERED], scheduled=frozenset(range(2**40, 2**40 + 6000, 2)))
def test_places_that_outgrow_a_column_are_cut_over_several(
    waiting: list[frozenset[int]], scheduled: frozenset[int]
) -> None:
    """Signals for later and others in turn leave places without neighbours."""
    record = InstanceRecord(
        generation=1,
        life_id=ExecutionId("e"),
        execution_id=ExecutionId("e"),
        name="thing",
        status=RuntimeStatus.RUNNING,
        created_at=NOON,
        updated_at=NOON,
        commit_id="c",
        entity=EntityRecord(
            waiting=frozenset().union(*waiting), scheduled=scheduled, next_place=2**42
        ),
    )
    columns = encode_record(record)
    assert max(len(value) for value in columns.values() if isinstance(value, str)) < (
        PROPERTY_CHARS_MAX
    )
    assert decode_record(ID, columns) == record


class Strict(MemoryStore):
    """As Azure: a transaction that deletes what is not there is refused as a whole."""

    refused = 0
    asked = 0

    async def delete_rows(self, instance_id: InstanceId, keys: Sequence[Key]) -> None:
        """Count what would have to be deleted one by one."""
        there = {*self.rows.get(instance_id, {}), *self.named.get(instance_id, {})}
        self.asked += 1
        self.refused += not there.issuperset(keys)
        await super().delete_rows(instance_id, keys)


async def test_two_hosts_delete_no_row_of_an_entity_twice() -> None:
    """Who loses a race loads the entity whole, and so does not know what the other collected."""
    code = code_of(lambda _: None)
    hub = Hub(code)
    hub.store = store = Strict(now=hub.environment.now, chance=random.Random(0))
    hub.client = DurableClient(store, hub.environment)
    hosts = [hub.deploy(code), hub.deploy(code)]
    for n in range(300):
        hub.worker = hosts[n % 2]
        await hub.client.signal_entity(THING, "op")
        await hub.deliver_visible()
    assert store.asked > 2
    assert not store.refused


async def test_a_lost_race_leaves_no_blob_of_a_state() -> None:
    """What the loser wanted to commit is named by nobody."""
    ran: list[int] = []

    def grows(context: DurableEntityContext) -> None:
        context.set_state(f"{len(ran)}" + "x" * 40_000)
        ran.append(1)

    hub = Hub(code_of(grows))
    hosts = [hub.worker, hub.deploy(code_of(grows))]
    for _ in range(40):
        await hub.client.signal_entity(THING, "op")
    received = hub.store.receive(count=40, visibility_s=600)
    for pair in zip(received[::2], received[1::2], strict=True):
        await asyncio.gather(
            *(
                host.on_control_message(message.body, dequeue_count=1)
                for host, (message, _) in zip(hosts, pair, strict=True)
            )
        )
    assert len(ran) > 40  # some ran twice: races were lost
    assert len(hub.store.blobs) == 1
