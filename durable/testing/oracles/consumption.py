"""Consumption: whether what a commit has recorded as inputs had been sent, to this life, once.

An answer is known by its task and a request by its id. What came in a stream leaves no mark on its
row; so the messages that a watermark has passed are held against the rows, in their order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from durable.model.codec import with_payload
from durable.model.history import (
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    StartRefused,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import life_again
from durable.model.streams import EXECUTION_MARK, Origin
from durable.storage.memory import MemoryStore
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.parcels import Identity, numbered
from durable.testing.oracles.violation import Violation

ORACLE = "refinement"
INPUTS = (
    ExecutionStarted,
    ExecutionTerminated,
    ExecutionSuspended,
    ExecutionResumed,
    ExecutionRewound,
    EventRaised,
    StartRefused,
    TaskCompleted,
    TaskFailed,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityLockGranted,
    TimerFired,
)


class Consumption:
    """Follows what the instances of one hub have taken."""

    def __init__(self, view: HubView, store: MemoryStore) -> None:
        """Begin with nothing taken."""
        self._view = view
        self._store = store
        self._marks: defaultdict[InstanceId, dict[str, int]] = defaultdict(dict)
        self._taken: defaultdict[InstanceId, list[TaskMessage]] = defaultdict(list)
        self._lives: dict[InstanceId, InstanceRecord] = {}

    def begin(self, instance_id: InstanceId) -> None:
        """Note what a commit has taken out of streams. The view stands behind it."""
        self._note_taken(instance_id)

    def check(
        self,
        instance_id: InstanceId,
        record: InstanceRecord,
        rows: Sequence[HistoryRow],
        *,
        carried: int,
    ) -> None:
        """Check the inputs of one execution in a commit, or raise `Violation`.

        The first events, so many as are `carried`, are what the execution before it had left.
        """
        is_rewound = any(isinstance(row.event, ExecutionRewound) for row in rows)
        events = [row for row in rows if isinstance(row.event, EventRaised)]
        made_here = {row.ordinal for row in events[:carried]}
        for row in rows:
            if not isinstance(row.event, INPUTS) or _is_made_by_the_engine(row):
                continue
            if row.ordinal in made_here:
                continue
            if not self._was_sent(instance_id, row, record, is_rewound=is_rewound):
                raise Violation(ORACLE, f"{instance_id}: consumed what was never sent: {row.event}")

    def end(self, instance_id: InstanceId, record: InstanceRecord) -> None:
        """Check that all that a commit has taken out of streams is among its rows."""
        self._check_all_recorded(instance_id, record)

    def full(self, row: HistoryRow) -> HistoryEvent:
        """Fill in the payloads that lie in blobs."""
        return self._filled(row.event, row.blobs)

    def _was_sent(
        self,
        instance_id: InstanceId,
        row: HistoryRow,
        record: InstanceRecord,
        *,
        is_rewound: bool,
    ) -> bool:
        view = self._view.instances[instance_id]
        identity = _identity(row)
        if identity is not None:
            sent = view.put.get(identity, [])
            if any(self._is_same(row, message, record) for message in sent):
                return True
            if not isinstance(row.event, ExecutionStarted):
                return False
        if self._take(instance_id, row):
            return True
        # A rewind brings back what the episode that it voids had taken.
        return is_rewound and any(
            self.full(row) == self.full(old)
            for old in view.rows.values()
            if old.ordinal < row.ordinal and old.execution_id == row.execution_id
        )

    def _is_same(self, row: HistoryRow, message: TaskMessage, record: InstanceRecord) -> bool:
        """Whether the row records this message. A start may come from the pending record too."""
        ours, theirs = self.full(row), self._filled(message.event, message.blobs)
        if isinstance(ours, ExecutionStarted) and isinstance(theirs, ExecutionStarted):
            return (ours.name, ours.input) == (theirs.name, theirs.input)
        if isinstance(ours, ExecutionRewound):
            return isinstance(theirs, ExecutionRewound) and message.generation == record.generation
        is_request = message.message_id is not None
        return ours == theirs and not (is_request and message.generation != record.generation)

    def _filled(self, event: HistoryEvent, blobs: Mapping[str, str]) -> HistoryEvent:
        for column, name in blobs.items():
            event = with_payload(event, column, self._store.blobs.get(name, ""))
        return event

    # Streams.

    def _note_taken(self, instance_id: InstanceId) -> None:
        view, marks = self._view.instances[instance_id], self._marks[instance_id]
        for origin, mark in view.marks.items():
            for number in range(marks.get(origin, 0) + 1, mark + 1):
                copies = view.put[numbered(Origin.from_text(origin), number)]
                if not copies:
                    raise Violation("streams", f"{instance_id}: {origin} {number} was never put")
                self._taken[instance_id].append(copies[0])
        self._marks[instance_id] = dict(view.marks)

    def _take(self, instance_id: InstanceId, row: HistoryRow) -> bool:
        """Find the message of a row among those that were taken: the next one of its stream."""
        event = self.full(row)
        passed: set[str] = set()
        for at, message in enumerate(self._taken[instance_id]):
            assert message.origin is not None
            origin = message.origin.to_text()
            if origin not in passed and self._leads_to(message, event, row):
                del self._taken[instance_id][at]
                return True
            # Before a start nobody was alive, to whom an event would have been of use.
            if isinstance(message.event, EventRaised) and not isinstance(event, ExecutionStarted):
                passed.add(origin)
        return False

    def _leads_to(self, message: TaskMessage, event: HistoryEvent, row: HistoryRow) -> bool:
        sent = self._filled(message.event, message.blobs)
        match event, sent:
            case ExecutionStarted(), ExecutionStarted():
                same = (event.name, event.input) == (sent.name, sent.input)
                offered = message.execution_id
                assert offered is not None
                lives = (offered, life_again(offered, event.generation))
                return same and row.execution_id in lives
            case StartRefused(), ExecutionStarted():
                return event.parent_instance == sent.parent_instance
            case ExecutionStarted(), ExecutionRewound():
                return (event.name, event.input) == (sent.name, sent.input)
            case StartRefused() | ExecutionRewound(), ExecutionRewound() | ExecutionStarted():
                return event.parent_instance == sent.parent_instance
            case _:
                return event == sent

    def _check_all_recorded(self, instance_id: InstanceId, record: InstanceRecord) -> None:
        """An event that a running instance takes is recorded; what others do not need is dropped.

        One that waits for its beginning keeps them.
        """
        before = self._lives.get(instance_id)
        self._lives[instance_id] = record
        if record.is_alive and record.is_pending:
            return
        left, self._taken[instance_id] = self._taken[instance_id], []
        was_running = before is not None and before.is_alive and before.life_id == record.life_id
        if was_running and record.is_alive:
            for message in left:
                if isinstance(message.event, EventRaised):
                    raise Violation(
                        ORACLE, f"{instance_id}: {message.event} was taken and not recorded"
                    )


def _is_made_by_the_engine(row: HistoryRow) -> bool:
    """The start of an execution that follows another, a parking, what a rewind voids besides."""
    event = row.event
    if isinstance(event, ExecutionStarted):
        return EXECUTION_MARK in row.execution_id
    if isinstance(event, ExecutionRewound):
        return row.message_id is None and event.parent_instance is None
    return isinstance(event, ExecutionSuspended) and event.is_parked


def _identity(row: HistoryRow) -> Identity | None:
    """Name what the row recorded as its message did; `None` for what came in a stream."""
    task_id = answered_task_id(row.event)
    if task_id is not None:
        return ("task", row.execution_id, task_id)
    if isinstance(row.event, ExecutionStarted):
        return ("start", row.execution_id, 0)
    return ("request", row.message_id, 0) if row.message_id is not None else None
