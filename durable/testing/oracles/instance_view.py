"""InstanceView: what is committed of one instance, and what that says of a message to it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from durable.engine.stash import Stash
from durable.model.codec import Columns
from durable.model.entity_forms import read_batch
from durable.model.entity_ids import is_entity_id
from durable.model.history import (
    EntityBatchCompleted,
    EntityLockRequested,
    EntityOperationCalled,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionTerminated,
    RewindSent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.rewinding import effective
from durable.model.status import RuntimeStatus
from durable.testing.oracles.entity_queue import EntityQueue
from durable.testing.oracles.parcels import Identity, identity_of

TaskKey = tuple[ExecutionId, int]


@dataclass(slots=True)
class InstanceView:
    """What is committed of one instance.

    `rows` are all that ever were, collected ones too. `scheduled`: what owes an answer, or did.
    `passed`: the requests that were put before a rewind, which may have come while it had failed.
    `marks` are the watermarks, those that moved out of the record too; `stash` is read from the
    rows beside the history, `named`, and so is the `queue` of an entity. `accepted`: the ids of the
    messages of clients that an entity has accepted.
    """

    record: InstanceRecord | None = None
    rows: dict[int, HistoryRow] = field(default_factory=dict)
    scheduled: dict[TaskKey, HistoryRow] = field(default_factory=dict)
    answered: set[TaskKey] = field(default_factory=set)
    requests: set[tuple[int, str]] = field(default_factory=set)
    passed: set[Identity] = field(default_factory=set)
    shown: int = 0
    shows_of_episode: dict[int, int] = field(default_factory=dict)
    put: defaultdict[Identity, list[TaskMessage]] = field(default_factory=lambda: defaultdict(list))
    named: dict[str, Columns] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    stash: Stash = field(default_factory=Stash)
    queue: EntityQueue = field(default_factory=EntityQueue)
    accepted: set[str] = field(default_factory=set)

    @property
    def is_alive(self) -> bool:
        """Whether an execution is running or about to."""
        return self.record is not None and self.record.is_alive

    @property
    def is_waiting(self) -> bool:
        """Whether it is alive and its code has not begun."""
        return self.is_alive and self.record is not None and self.record.is_pending

    def open_tasks(self) -> list[HistoryRow]:
        """List what the current execution has asked for and not been answered."""
        return [row for key, row in self.scheduled.items() if self.is_open(key)]

    def is_open(self, key: TaskKey) -> bool:
        """Whether it still waits for the answer to a task; an entity, for the time of a signal."""
        record = self.record
        if record is None or not record.is_alive or key[0] != record.execution_id:
            return False
        if record.entity is not None:
            return key in self.scheduled and key[1] in record.entity.scheduled
        return key in self.scheduled and key not in self.answered

    def is_child_of(self, parent_id: InstanceId, execution_id: ExecutionId, task_id: int) -> bool:
        """Whether it lives for the sake of this task."""
        if self.record is None or not self.is_alive or self.record.parent is None:
            return False
        parent = Parent.from_json(self.record.parent)
        known = (parent.instance_id, parent.execution_id, parent.task_id)
        return known == (parent_id, execution_id, task_id)

    def has_taken(self, origin: str, number: int) -> bool:
        """Whether a message of a stream is taken, or put aside until its turn."""
        return number <= self.marks.get(origin, 0) or (origin, number) in self.stash.numbered

    def is_new(self, message: TaskMessage) -> bool:
        """Whether the instance would record this message now."""
        kind, name, number = identity_of(message)
        match kind:
            case "stream":
                return not self.has_taken(name, number)
            case "start":
                return self._is_new_start(message, name)
            case "request":
                return self._is_new_request(message, name)
            case _:
                expected = run_of(self.scheduled.get((ExecutionId(name), number)))
                run = getattr(message.event, "run", expected)
                return self.is_open((ExecutionId(name), number)) and run == expected

    def _is_new_start(self, message: TaskMessage, execution_id: str) -> bool:
        record = self.record
        if record is not None and record.execution_id == execution_id:
            return self.is_waiting
        if record is not None and record.life_id == execution_id:
            return False
        generation = record.generation if record is not None else 0
        episode = record.episode if record is not None else 0
        is_meant = message.replaced_episode in (None, episode)
        return not self.is_alive and message.generation == generation and is_meant

    def _is_new_request(self, message: TaskMessage, message_id: str) -> bool:
        if is_entity_id(message.instance_id):
            return message_id not in self.accepted
        record = self.record
        if record is None or record.is_absent or message.generation != record.generation:
            return False
        if isinstance(message.event, ExecutionRewound):
            seen = message.event.voided_episode
            can_be = record.status is RuntimeStatus.FAILED and seen in (-1, record.episode)
        else:
            can_be = self.is_alive
        is_kept = self.stash.holds(message) and not isinstance(message.event, ExecutionTerminated)
        return can_be and not is_kept and (record.generation, message_id) not in self.requests

    def may_be_dropped(self, message: TaskMessage) -> bool:
        """Whether it may have come to what had failed, and has been rewound since."""
        return message.message_id is not None and identity_of(message) in self.passed

    # Following.

    def take_in(self, record: InstanceRecord, rows: Iterable[HistoryRow]) -> None:
        """Stand behind a commit of these rows."""
        for row in rows:
            self.rows[row.ordinal] = row
            if isinstance(row.event, ExecutionRewound):
                self.passed.update(self.put)
                self._rewind(row.execution_id)
            self._note_task(row)
            if row.message_id is not None and not isinstance(row.event, ExecutionStarted):
                self.requests.add((record.generation, row.message_id))
        for origin, number in record.marks.items():
            self.marks[origin] = max(number, self.marks.get(origin, 0))
        self.record = record
        self.read_stash()
        if record.entity is not None:
            self._note_accepted(record)

    def read_stash(self) -> None:
        """Read what is put aside now."""
        self.stash = Stash.of(self.record, self.marks, self.named)
        self.queue = EntityQueue.of(self.record, self.named)

    def _note_accepted(self, record: InstanceRecord) -> None:
        self.accepted |= record.message_ids
        self.accepted |= {m.message_id for m in self.queue.messages if m.message_id is not None}

    def _rewind(self, execution_id: ExecutionId) -> None:
        self.scheduled = {k: row for k, row in self.scheduled.items() if k[0] != execution_id}
        self.answered = {key for key in self.answered if key[0] != execution_id}
        for row in effective(self.rows.values(), execution_id):
            self._note_task(row)

    def _note_task(self, row: HistoryRow) -> None:
        match row.event:
            case EntityBatchCompleted(operations=text):
                self.accepted |= {one.source for one in read_batch(text) if not one.number}
            case (
                TaskScheduled(event_id=task_id)
                | TimerCreated(event_id=task_id)
                | SubOrchestrationInstanceCreated(is_detached=False, event_id=task_id)
                | RewindSent(task_scheduled_id=task_id)
                | EntityOperationCalled(event_id=task_id)
                | EntityLockRequested(position=0, event_id=task_id)
            ):
                self.scheduled[row.execution_id, task_id] = row
        answered = answered_task_id(row.event)
        # An entity's own row of a reply says who is told; it has asked nobody itself.
        if answered is not None and getattr(row.event, "parent_instance", None) is None:
            self.answered.add((row.execution_id, answered))


def run_of(row: HistoryRow | None) -> int | None:
    """Tell which run of a task the answer must be of; `None` before any rewind."""
    return getattr(row.event, "run", None) if row is not None else None
