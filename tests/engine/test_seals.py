"""D3: what an id must remember outgrows its sentinel and is not forgotten."""

from dataclasses import replace
from datetime import timedelta

from durable.engine.seals import INLINE_CHARS_MAX, Seals, remembered, seal
from durable.model.codec import Columns
from durable.model.envelopes import encode_message
from durable.model.history import EventRaised
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.records import encode_record
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.sending import queue_of
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of
from tests.engine.test_admission import record

ONE = InstanceId("one")
SENDERS = 700


def keeps_on(context: Context) -> Orchestration:
    """Take events for ever."""
    taken = 0
    while True:
        yield context.wait_for_external_event("e")
        taken += 1
        context.set_custom_status(taken)


def from_sender(sender: int, number: int = 1) -> TaskMessage:
    """An event in the stream of some sender."""
    return TaskMessage(
        instance_id=ONE,
        event=EventRaised(timestamp=START, name="e"),
        origin=Origin(InstanceId(f"sender-{sender}"), ExecutionId(f"{sender:032x}")),
        number=number,
    )


async def test_a_receiver_of_very_many_senders_knows_every_one_of_them() -> None:
    """The sentinel stays small; a host that has never seen the instance drops every second copy."""
    hub = Hub(registry_of(keeps_on=keeps_on))
    await hub.client.start("keeps_on", instance_id=ONE)
    await hub.settle()
    bodies = [encode_message(from_sender(sender)) for sender in range(SENDERS)]
    queue = queue_of(hub.store, from_sender(0))
    for body in bodies:
        await hub.take(queue, body)
    hub.deploy(registry_of(keeps_on=keeps_on))
    for body in bodies:
        await hub.take(queue, body, dequeue_count=2)
    await hub.settle()
    snapshot = await partition.load(hub.store, ONE)
    assert snapshot.record is not None
    assert snapshot.record.custom_status == str(SENDERS)
    assert snapshot.record.sealed >= 2
    longest = max(len(str(value)) for value in encode_record(snapshot.record).values())
    assert longest <= INLINE_CHARS_MAX + 1000


def test_a_younger_mark_overlays_a_sealed_one() -> None:
    """And what was sealed of another life's outgoing streams does not count."""
    named: dict[str, Columns] = {}
    kept = replace(record(), marks={f"origin {n}": 1 for n in range(2000)}, outs={"a": 3}, sealed=0)
    lighter, rows = seal(kept)
    named.update(rows)
    assert (lighter.marks, lighter.sealed) == ({}, len(rows))
    seals = Seals().read_on(lighter, named)
    later = replace(lighter, marks={"origin 7": 2})
    memory = remembered(later, seals)
    assert (memory.marks["origin 7"], memory.marks["origin 8"]) == (2, 1)
    assert memory.outs == {"a": 3}
    reborn = replace(later, life_id=ExecutionId("another"))
    memory = remembered(reborn, seals.read_on(reborn, named))
    assert memory.marks["origin 8"] == 1
    assert not memory.outs


async def test_ids_of_clients_messages_are_forgotten_in_the_end_and_their_rows_deleted() -> None:
    """An eternal orchestration of many events is bounded: a week of its own time is remembered."""

    def eternal(context: Context) -> Orchestration:
        number = context.get_input()
        yield context.wait_for_external_event("e")
        context.continue_as_new(number + 1)

    hub = Hub(registry_of(eternal=eternal))
    await hub.client.start("eternal", instance_id=ONE, input_=0)
    most = 0
    for day in range(16):
        for _ in range(60):
            await hub.client.raise_event(ONE, "e")
            await hub.deliver_visible()
        hub.deploy(registry_of(eternal=eternal))
        most = max(most, len(hub.store.named.get(ONE, {})))
        hub.environment.move_to(START + timedelta(days=day + 1))
    snapshot = await partition.load(hub.store, ONE)
    assert snapshot.record is not None
    assert snapshot.record.sealed > most
    assert most < 8
