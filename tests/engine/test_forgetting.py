"""D3: what an id remembers stays bounded: dead senders are forgotten, live ones never."""

from datetime import timedelta

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.seals import REMEMBERED_FOR
from durable.model.entity_ids import EntityId
from durable.model.envelopes import encode_message
from durable.model.history import EntityOperationSignaled
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.resending import unsent_messages
from durable.storage.sending import queue_of, send
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of

COUNTER = EntityId("counter", "1")
ID = InstanceId(str(COUNTER))
WEEK = REMEMBERED_FOR + timedelta(minutes=1)
# So many senders with long names outgrow the sentinel some twenty times.
CROWD = 350


def counter(context: DurableEntityContext) -> None:
    """Count the signals."""
    context.set_state(context.get_state(lambda: 0) + 1)


def signals(context: Context) -> Orchestration:
    """Signal at once, and then whenever told to, if it stays at all."""
    context.signal_entity(COUNTER, "add")
    while context.get_input():
        yield context.wait_for_external_event("more")
        context.signal_entity(COUNTER, "add")


class Counting(Hub):
    """A hub with a counter."""

    def __init__(self) -> None:
        registry = registry_of(signals=signals)
        registry.add_entity("counter", counter)
        super().__init__(registry)
        self.code = registry

    async def crowd(self, name: str) -> None:
        """Let many signal once whose instances are no more, nor any trace of them."""
        for n in range(CROWD):
            event = EntityOperationSignaled(timestamp=START, instance_id=ID, operation="add")
            origin = Origin(InstanceId(f"{name}-{n}-{'x' * 450}"), ExecutionId(f"{n:032x}"))
            message = TaskMessage(instance_id=ID, event=event, origin=origin, number=1)
            await self.take(queue_of(self.store, message), encode_message(message))
        await self.deliver_visible()

    async def begin(self, name: str, *, stays: bool) -> None:
        """Start an orchestration that signals."""
        await self.client.start("signals", input_=stays, instance_id=name)
        await self.deliver_visible()

    async def record(self) -> InstanceRecord:
        """Load the counter's record."""
        record = (await partition.load(self.store, ID)).record
        assert record is not None
        return record

    async def known(self) -> str:
        """Tell what the counter remembers, as text."""
        snapshot = await partition.load(self.store, ID)
        record = await self.record()
        names = [f"known-{n:08}" for n in range(record.sealed_from, record.sealed)]
        rows = [str(snapshot.named[name].get("Marks")) for name in names]
        return "".join([*rows, *record.marks])


@pytest.fixture
def hub() -> Counting:
    """A hub with a counter."""
    return Counting()


async def test_dead_senders_are_forgotten_after_a_week_and_live_ones_never(hub: Counting) -> None:
    """The rows that count stay few, and the sentinel small."""
    await hub.begin("lives", stays=True)
    await hub.begin("ended", stays=False)
    for turn in range(4):
        await hub.crowd(f"crowd{turn}")
        hub.environment.move_to(START + (turn + 1) * WEEK)
        hub.deploy(hub.code)
    await hub.client.raise_event("lives", "more")
    await hub.settle()
    known = await hub.known()
    record = await hub.record()
    assert record.state == str(4 * CROWD + 3)
    assert "@lives" in known
    assert "@ended" not in known
    assert "@crowd0-5-" not in known
    assert record.sealed - record.sealed_from < 50


async def test_what_a_dead_sender_may_not_have_sent_is_sent_and_known(hub: Counting) -> None:
    """Else its copy would come when nobody knows it any more."""
    await hub.begin("ended", stays=False)
    for turn in range(3):
        await hub.crowd(f"crowd{turn}")
        hub.environment.move_to(START + (turn + 1) * WEEK)
    sender = await partition.load(hub.store, InstanceId("ended"))
    assert sender.record is not None
    assert not sender.record.unsent
    await hub.settle()
    assert (await hub.record()).state == str(3 * CROWD + 1)


async def test_a_copy_that_comes_within_the_week_is_known(hub: Counting) -> None:
    """Also when what the counter knows was written anew meanwhile."""
    await hub.begin("ended", stays=False)
    await hub.crowd("crowd0")
    await hub.crowd("crowd1")
    assert (await hub.record()).sealed_from > 0
    sender = await partition.load(hub.store, InstanceId("ended"))
    assert sender.record is not None
    copies = await unsent_messages(
        hub.store, InstanceId("ended"), sender, frozenset(range(sender.record.episode + 1))
    )
    for copy in copies:
        await send(hub.store, hub.environment, copy)
    assert len(copies) == 1
    await hub.settle()
    assert (await hub.record()).state == str(2 * CROWD + 1)
