"""Refinement: each accepted commit is a step that the specification allows (paper, Theorem 5.3).

S-Commit's side conditions, commit by commit: what was consumed had been sent and was still open;
the state was the one that the commit before had left (`commit_rules` sees to the numbers); what was
produced is exactly what the model produces from that state with those inputs in that order. A
finding names the guilty commit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from durable.model.codec import with_payload
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorStarted,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.storage.memory import MemoryStore
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.models import Model, fact_of
from durable.testing.oracles.parcels import Identity
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import Committed, Entry

ORACLE = "refinement"
INPUTS = (
    ExecutionStarted,
    ExecutionTerminated,
    EventRaised,
    TaskCompleted,
    TaskFailed,
    TimerFired,
)


class Refinement:
    """Watches the commits of one hub. Put it behind the invariants: they vouch for the numbers."""

    def __init__(self, view: HubView, store: MemoryStore, model: Model) -> None:
        """Compare with this model."""
        self.commits = 0
        self._view = view
        self._store = store
        self._model = model
        self._states: dict[tuple[InstanceId, ExecutionId], Any] = {}

    def watch(self, entry: Entry, now: datetime) -> None:
        """Check an accepted commit, or raise `Violation`."""
        del now
        if not isinstance(entry, Committed):
            return
        record, rows = self._view.last_commit
        if record is None or not rows:
            return
        self.commits += 1
        self._check_inputs(entry.instance_id, record, rows)
        if any(isinstance(row.event, ExecutionSuspended) for row in rows):
            raise Violation(ORACLE, f"{entry.instance_id} was parked: {record.reason}")
        self._check_outputs(entry.instance_id, record, rows)

    def _check_inputs(
        self, instance_id: InstanceId, record: InstanceRecord, rows: Sequence[HistoryRow]
    ) -> None:
        """What was consumed had been sent, as it was recorded, and for this life."""
        view = self._view.instances[instance_id]
        for row in rows:
            if not isinstance(row.event, INPUTS):
                continue
            sent = view.put.get(_identity(row), [])
            if not any(self._is_same(row, message, record) for message in sent):
                raise Violation(ORACLE, f"{instance_id}: consumed what was never sent: {row.event}")
            asked = view.scheduled.get((row.execution_id, answered_task_id(row.event) or 0))
            if asked is None or not isinstance(row.event, TaskCompleted | TaskFailed):
                continue
            call = self._full(asked)
            assert isinstance(call, TaskScheduled)
            refusal = self._model.refuses(call, self._full(row))
            if refusal is not None:
                raise Violation(ORACLE, f"{instance_id}: {refusal}")

    def _check_outputs(
        self, instance_id: InstanceId, record: InstanceRecord, rows: Sequence[HistoryRow]
    ) -> None:
        started = rows[0].event
        assert isinstance(started, OrchestratorStarted)
        inputs = [self._full(row) for row in rows if isinstance(row.event, INPUTS)]
        facts = [fact_of(self._full(row)) for row in rows]
        key = (instance_id, record.execution_id)
        foreseen = self._model.foresee(
            instance_id, self._states.get(key), inputs, started.timestamp
        )
        self._states[key] = foreseen.state
        happened = tuple(fact for fact in facts if fact is not None)
        if happened != foreseen.facts:
            raise Violation(
                ORACLE,
                f"{instance_id} episode {record.episode}: committed {happened}, "
                f"the specification has {foreseen.facts}",
            )
        shown = (record.status, record.custom_status)
        if shown != (foreseen.status, foreseen.custom_status):
            raise Violation(
                ORACLE,
                f"{instance_id} episode {record.episode}: the record says {shown}, the "
                f"specification {(foreseen.status, foreseen.custom_status)}",
            )

        if record.status.is_terminal and self._view.output_of(instance_id) != foreseen.output:
            raise Violation(ORACLE, f"{instance_id}: the record has another output than the end")

    def _full(self, row: HistoryRow) -> HistoryEvent:
        """Fill in the payloads that lie in blobs."""
        return self._filled(row.event, row.blobs)

    def _filled(self, event: HistoryEvent, blobs: Mapping[str, str]) -> HistoryEvent:
        for column, name in blobs.items():
            event = with_payload(event, column, self._store.blobs.get(name, ""))
        return event

    def _is_same(self, row: HistoryRow, message: TaskMessage, record: InstanceRecord) -> bool:
        """Whether the row records this message. A start may come from the pending record too."""
        ours, theirs = self._full(row), self._filled(message.event, message.blobs)
        if isinstance(ours, ExecutionStarted) and isinstance(theirs, ExecutionStarted):
            return (ours.name, ours.input) == (theirs.name, theirs.input)
        is_request = isinstance(ours, EventRaised | ExecutionTerminated)
        return ours == theirs and not (is_request and message.generation != record.generation)


def _identity(row: HistoryRow) -> Identity:
    """Name what the row recorded as its message did."""
    task_id = answered_task_id(row.event)
    if task_id is not None:
        return ("task", row.execution_id, task_id)
    if isinstance(row.event, ExecutionStarted):
        return ("start", row.execution_id, 0)
    return ("request", row.message_id or "", 0)
