"""A client of a hub without any worker: instances are written by hand, requests are looked at.

So these tests say what a client reads and sends, and nothing about what an engine makes of it.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.model.entities import EntityRecord
from durable.model.entity_ids import EntityId
from durable.model.envelopes import decode_message
from durable.model.history import (
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage import partition, summaries
from durable.storage.memory import MemoryStore
from durable.storage.payloads import spill_rows

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class SteppedEnvironment:
    """A clock that moves when somebody waits; then `on_wait` happens."""

    def __init__(self) -> None:
        """Begin at a round moment."""
        self.moment = START
        self.on_wait: Callable[[], Awaitable[None]] | None = None
        self._ids = itertools.count(1)

    def now(self) -> datetime:
        """Tell the time."""
        return self.moment

    def new_id(self) -> str:
        """Count."""
        return f"{next(self._ids):032x}"

    def jitter(self) -> float:
        """Draw the middle."""
        return 0.5

    async def wait(self, delay_s: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=delay_s)
        if self.on_wait is not None:
            await self.on_wait()

    def run_activity(self, function: Callable[[], Any]) -> Awaitable[Any]:
        """Nobody calls this."""
        raise NotImplementedError

    def run_orchestrator(self, function: Callable[[], Any]) -> Awaitable[Any]:
        """Nobody calls this."""
        raise NotImplementedError


class HubByHand:
    """A task hub whose instances a test writes."""

    def __init__(self) -> None:
        """Begin empty."""
        self.environment = SteppedEnvironment()
        self.store = MemoryStore(now=self.environment.now, task_hub="Memory")
        self.client = DurableClient(self.store, self.environment)

    async def write(
        self,
        instance_id: str,
        status: RuntimeStatus = RuntimeStatus.RUNNING,
        *,
        input_: str = '"in"',
        facts: Sequence[HistoryEvent] = (),
        after_s: float = 0,
        is_shown: bool = True,
        **more: Any,
    ) -> InstanceRecord:
        """Write one instance as an engine leaves it after an episode, over what was there."""
        known = InstanceId(instance_id)
        before = await partition.load(self.store, known)
        at = START + timedelta(seconds=after_s)
        first = before.record.sequence + 1 if before.record else 0
        execution_id = ExecutionId(self.environment.new_id())
        events: list[HistoryEvent] = [
            OrchestratorStarted(timestamp=at),
            ExecutionStarted(timestamp=at, name="hello", input=input_),
            *facts,
            OrchestratorCompleted(timestamp=at),
        ]
        rows = await spill_rows(
            self.store,
            self.environment,
            known,
            [
                HistoryRow(ordinal=first + n, episode=4, execution_id=execution_id, event=event)
                for n, event in enumerate(events)
            ],
        )
        values: dict[str, Any] = {
            "generation": before.record.generation + 1 if before.record else 1,
            "life_id": execution_id,
            "execution_id": execution_id,
            "name": "hello",
            "status": status,
            "created_at": at,
            "updated_at": at,
            "commit_id": self.environment.new_id(),
            "sequence": rows[-1].ordinal,
            "base": first,
            "episode": 4,
            "status_sequence": before.record.status_sequence + 1 if before.record else 1,
        }
        record = InstanceRecord(**(values | more))
        await partition.commit(self.store, known, before, record, rows)
        if is_shown:
            await summaries.show(self.store, known, record, etag=None)
        return record

    async def write_entity(
        self, entity_id: EntityId, state: str | None = None, **more: Any
    ) -> InstanceRecord:
        """Write one entity as an engine leaves it after a batch: no row of it is current."""
        known = InstanceId(str(entity_id))
        before = await partition.load(self.store, known)
        sequence = before.record.sequence if before.record else -1
        shown = before.record.status_sequence if before.record else 0
        life_id = ExecutionId(self.environment.new_id())
        at = self.environment.now()
        values: dict[str, Any] = {
            "generation": before.record.generation + 1 if before.record else 1,
            "life_id": life_id,
            "execution_id": life_id,
            "name": entity_id.name.lower(),
            "status": RuntimeStatus.RUNNING,
            "created_at": at,
            "updated_at": at,
            "commit_id": self.environment.new_id(),
            "sequence": sequence,
            "base": sequence + 1,
            "status_sequence": shown + 1,
            "state": state,
            "entity": EntityRecord(last_operation_at=at),
        }
        record = InstanceRecord(**(values | more))
        await partition.commit(self.store, known, before, record, ())
        await summaries.show(self.store, known, record, etag=None)
        return record

    def sent(self) -> list[TaskMessage]:
        """Read what lies in the queues."""
        return [decode_message(message.body) for message in self.store.messages]

    def sent_event(self) -> Any:
        """Read the one message that lies in the queues."""
        (message,) = self.sent()
        return message.event


@pytest.fixture
def hub() -> HubByHand:
    """A hub of this test's own."""
    return HubByHand()
