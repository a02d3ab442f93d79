"""HubView: what a hub has committed and what is under way, followed entry by entry.

It reads what the store holds, as tables and queues, and asks the engine nothing. It keeps the rows
of ended executions as well: what they asked for may still be under way.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from durable.model.codec import decode_row
from durable.model.history import (
    ExecutionStarted,
    Scheduling,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.storage.memory import MemoryStore
from durable.testing.oracles.parcels import Identity, Parcel, Parcels, identity_of, message_of
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import (
    Committed,
    Deleted,
    Entry,
    PoisonForgotten,
    Put,
    Shown,
    TimerParked,
    TimerRemoved,
)

TaskKey = tuple[ExecutionId, int]


@dataclass(slots=True)
class InstanceView:
    """What is committed of one instance."""

    record: InstanceRecord | None = None
    rows: dict[int, HistoryRow] = field(default_factory=dict)
    scheduled: dict[TaskKey, HistoryRow] = field(default_factory=dict)
    answered: set[TaskKey] = field(default_factory=set)
    requests: set[tuple[int, str]] = field(default_factory=set)
    shown: int = 0
    shows_of_episode: dict[int, int] = field(default_factory=dict)
    put: defaultdict[Identity, list[TaskMessage]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_alive(self) -> bool:
        """Whether an execution is running or about to."""
        record = self.record
        return record is not None and not record.is_stub and not record.status.is_terminal

    def open_tasks(self) -> list[HistoryRow]:
        """List what the current execution has asked for and not been answered."""
        record = self.record
        if record is None or not self.is_alive:
            return []
        return [
            row
            for key, row in self.scheduled.items()
            if key[0] == record.execution_id and key not in self.answered
        ]

    def is_new(self, message: TaskMessage) -> bool:
        """Whether the instance would record this message now."""
        kind, name, number = identity_of(message)
        record = self.record
        generation = record.generation if record is not None else 0
        if kind == "start":
            if record is not None and record.life_id == name:
                return record.status is RuntimeStatus.PENDING
            return not self.is_alive and message.generation == generation
        if record is None or not self.is_alive:
            return False
        if kind == "request":
            return message.generation == generation and (generation, name) not in self.requests
        key = (ExecutionId(name), number)
        return name == record.execution_id and key in self.scheduled and key not in self.answered


class HubView:
    """One hub, as its journal tells it. `last_commit`: what the last transaction came to."""

    def __init__(self, store: MemoryStore) -> None:
        """Follow this store."""
        self.instances: defaultdict[InstanceId, InstanceView] = defaultdict(InstanceView)
        self.parcels = Parcels()
        self.last_commit: tuple[InstanceRecord | None, list[HistoryRow]] = (None, [])
        self._store = store

    def follow(self, entry: Entry) -> Parcel | None:
        """Take an entry in; gives the parcel that is under way no more, if there is one."""
        match entry:
            case Committed():
                self._commit(entry)
            case Shown():
                count = entry.after.get("StatusSequence")
                self.instances[entry.instance_id].shown = count if isinstance(count, int) else 0
            case Put(message):
                self.parcels.add(id(message), message.body, message)
                self._note_put(message.body)
            case TimerParked(key, body):
                self.parcels.add(key, body, None)
                self._note_put(body)
            case Deleted(message):
                return self.parcels.remove(id(message))
            case TimerRemoved(key, _):
                return self.parcels.remove(key)
            case PoisonForgotten(poisoned):
                return self.parcels.remove(id(poisoned.receipt))
            case _:
                pass
        return None

    def output_of(self, instance_id: InstanceId) -> str | None:
        """Read the output of an instance, be it in a blob."""
        record = self.instances[instance_id].record
        if record is None:
            return None
        name = record.blobs.get("Output")
        return record.output if name is None else self._store.blobs[name]

    def _note_put(self, body: str) -> None:
        message = message_of(body)
        if message is not None:
            self.instances[message.instance_id].put[identity_of(message)].append(message)

    def read_commit(self, entry: Committed) -> tuple[InstanceRecord, list[HistoryRow]]:
        """Read the record that a transaction leaves and the rows that it makes part of the history.

        The view must still stand before it. A row that does not exist is a `Violation`.
        """
        before = self.instances[entry.instance_id].record
        last = before.sequence if before is not None else -1
        record = decode_record(entry.instance_id, entry.after)
        raw = self._store.rows.get(entry.instance_id, {})
        ordinals = range(last + 1, record.sequence + 1)
        missing = [ordinal for ordinal in ordinals if ordinal not in raw]
        if missing:
            raise Violation("torn history", f"{entry.instance_id}: rows {missing} do not exist")
        return record, [decode_row(ordinal, raw[ordinal]) for ordinal in ordinals]

    def _commit(self, entry: Committed) -> None:
        view = self.instances[entry.instance_id]
        record, rows = self.read_commit(entry)
        for row in rows:
            self._take_in(view, record, row)
        self.last_commit = (record, rows)
        shown = view.record.status_sequence if view.record is not None else 0
        if rows and record.status_sequence > shown:  # a caller's transition has no episode
            view.shows_of_episode[record.episode] = record.status_sequence
        view.record = record

    def _take_in(self, view: InstanceView, record: InstanceRecord, row: HistoryRow) -> None:
        view.rows[row.ordinal] = row
        if isinstance(row.event, TaskScheduled | TimerCreated):
            view.scheduled[row.execution_id, row.event.event_id] = row
        task_id = answered_task_id(row.event)
        if task_id is not None:
            view.answered.add((row.execution_id, task_id))
        if row.message_id is not None and not isinstance(row.event, ExecutionStarted):
            view.requests.add((record.generation, row.message_id))


def asked_by(row: HistoryRow) -> Scheduling:
    """Tell what a row of `scheduled` asks for."""
    assert isinstance(row.event, TaskScheduled | TimerCreated)
    return row.event


def task_of(row: HistoryRow) -> Identity:
    """Name the task that a row of `scheduled` asks for, as its messages do."""
    return ("task", row.execution_id, row.event.event_id)
