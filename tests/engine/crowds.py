"""A counter that many send to whose instances are no more."""

import asyncio
from datetime import timedelta

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.seals import REMEMBERED_FOR, Remembered
from durable.engine.warm import InstanceState
from durable.model.entity_ids import EntityId
from durable.model.envelopes import encode_message
from durable.model.history import EntityOperationSignaled
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.sending import queue_of
from durable.testing.world.virtual_time import START
from tests.engine.hub import Hub, Outage, registry_of

COUNTER = EntityId("counter", "1")
ID = InstanceId(str(COUNTER))
WEEK = REMEMBERED_FOR + timedelta(minutes=1)
# So many with such names fill two sealed rows.
CROWD = 40
LONG = "x" * 450


def counter(context: DurableEntityContext) -> None:
    """Count the signals, or begin anew."""
    if context.operation_name == "delete":
        context.destruct_on_exit()
    else:
        context.set_state(context.get_state(lambda: 0) + 1)


def forgets_early(monkeypatch: pytest.MonkeyPatch, *, rows_min: int = 2) -> None:
    """Let few sealed rows be too many."""
    monkeypatch.setattr("durable.engine.forgetting.ROWS_MIN", rows_min)


def origin_of(name: str, n: int) -> Origin:
    """Name one of a crowd."""
    return Origin(InstanceId(f"{name}-{n}-{LONG}"), ExecutionId(f"{n:032x}"))


class Counted(Outage):
    """Storage that counts what is read."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        super().__init__()
        self.reads = 0

    def _refuse(self, kind: str) -> None:
        self.reads += kind.startswith("read")
        super()._refuse(kind)


class CrowdedHub(Hub):
    """A hub with a counter."""

    def __init__(self) -> None:
        """Begin with one host."""
        self.code = registry_of()
        self.code.add_entity("counter", counter)
        super().__init__(self.code)
        self.gate = Counted()
        self.deploy(self.code)

    async def crowd(self, name: str, count: int = CROWD) -> None:
        """Let many signal once whose instances are no more, nor any trace of them."""
        await asyncio.gather(*(self.signal_from(origin_of(name, n)) for n in range(count)))
        await self.deliver_visible()

    async def signal_from(self, origin: Origin, number: int = 1) -> None:
        """Hand the host a signal of this sender."""
        event = EntityOperationSignaled(timestamp=START, instance_id=ID, operation="add")
        message = TaskMessage(instance_id=ID, event=event, origin=origin, number=number)
        await self.take(queue_of(self.store, message), encode_message(message))

    async def signal(self) -> None:
        """Let a client signal, and nothing else happen."""
        await self.client.signal_entity(COUNTER, "add")
        await self.deliver_visible()

    async def record(self, entity_id: EntityId = COUNTER) -> InstanceRecord:
        """Load an entity's record."""
        record = (await partition.load(self.store, InstanceId(str(entity_id)))).record
        assert record is not None
        return record

    @property
    def reads(self) -> int:
        """How often storage was read since it was put there."""
        assert isinstance(self.gate, Counted)
        return self.gate.reads

    async def known(self) -> str:
        """Tell the senders that the counter remembers, as text."""
        return "\n".join((await remembered_by(self, COUNTER)).marks)


async def remembered_by(hub: Hub, entity_id: EntityId) -> Remembered:
    """Tell all that an entity remembers of its streams."""
    return InstanceState.of(await partition.load(hub.store, InstanceId(str(entity_id)))).remembered
