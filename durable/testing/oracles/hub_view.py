"""HubView: what a hub has committed and what is under way, followed entry by entry.

It reads what the store holds, as tables and queues, and asks the engine nothing. It keeps the rows
of ended executions as well: what they asked for may still be under way.
"""

from collections import defaultdict
from collections.abc import Iterable

from durable.model.codec import decode_row
from durable.model.entity_ids import is_entity_id
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    SubOrchestrationInstanceCreated,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import decode_record
from durable.model.streams import receivers_of
from durable.storage.memory import MemoryStore
from durable.testing.oracles.instance_view import InstanceView, run_of
from durable.testing.oracles.owed import Address, Debt, debts_of
from durable.testing.oracles.parcels import Parcel, Parcels, identity_of, message_of
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import (
    Committed,
    Deleted,
    Entry,
    PoisonForgotten,
    Put,
    RowsDeleted,
    Shown,
    TimerParked,
    TimerRemoved,
    Unlisted,
)

__all__ = ["HubView", "InstanceView"]

ASKING = (SubOrchestrationInstanceCreated, EntityOperationCalled, EntityLockRequested)


class HubView:
    """One hub, as its journal tells it.

    `last_commit`: what the last transaction came to. `owed`: everything that was ever asked to be
    sent. `askers_of`: who has started an instance as its child, or asked it as an entity.
    """

    def __init__(self, store: MemoryStore) -> None:
        """Follow this store."""
        self.instances: defaultdict[InstanceId, InstanceView] = defaultdict(InstanceView)
        self.parcels = Parcels()
        self.last_commit: tuple[InstanceRecord | None, list[HistoryRow]] = (None, [])
        self.owed: defaultdict[Address, list[Debt]] = defaultdict(list)
        self.askers_of: defaultdict[InstanceId, set[InstanceId]] = defaultdict(set)
        self._open: defaultdict[InstanceId, dict[int, Debt]] = defaultdict(dict)
        self._store = store

    def follow(self, entry: Entry) -> Parcel | None:
        """Take an entry in; gives the parcel that is under way no more, if there is one."""
        match entry:
            case Committed():
                self._commit(entry)
            case RowsDeleted(instance_id, _, named):
                view = self.instances[instance_id]
                view.named = {k: row for k, row in view.named.items() if k not in named}
                view.read_stash()
            case Shown():
                count = entry.after.get("StatusSequence")
                self.instances[entry.instance_id].shown = count if isinstance(count, int) else 0
            case Unlisted(instance_id):
                self.instances[instance_id].shown = 0
            case _:
                return self._follow_message(entry)
        return None

    def _follow_message(self, entry: Entry) -> Parcel | None:
        match entry:
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

    def state_of(self, instance_id: InstanceId) -> str | None:
        """Read the state of an entity, be it in a blob; `None` where it has none."""
        record = self.instances[instance_id].record
        if record is None:
            return None
        name = record.blobs.get("State")
        return record.state if name is None else self._store.blobs[name]

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
        self.last_commit = (record, rows)
        shown = view.record.status_sequence if view.record is not None else 0
        if rows and record.status_sequence > shown:  # a caller's transition has no episode
            view.shows_of_episode[record.episode] = record.status_sequence
        view.named.update(entry.named)
        view.take_in(record, rows)
        for row in rows:
            self._note_debts(entry.instance_id, row)

    # What is owed.

    def _note_debts(self, instance_id: InstanceId, row: HistoryRow) -> None:
        if isinstance(row.event, ASKING) and not is_entity_id(instance_id):
            for receiver in receivers_of(row.event):
                self.askers_of[receiver].add(instance_id)
        for debt in debts_of(instance_id, row):
            self.owed[debt.address].append(debt)
            for side in {debt.sender, debt.receiver}:
                self._open[side][id(debt)] = debt

    def open_debts(self, instance_id: InstanceId) -> Iterable[Debt]:
        """List what this instance owes or is owed, and somebody still needs."""
        found = list(self._open[instance_id].values())
        for debt in found:
            if self.is_settled(debt):
                for side in {debt.sender, debt.receiver}:
                    self._open[side].pop(id(debt), None)
            else:
                yield debt

    def is_settled(self, debt: Debt) -> bool:
        """Whether the message was taken, or nobody needs it any more; it stays so."""
        view = self.instances[debt.receiver]
        kind, name, number = debt.identity
        match kind:
            case "stream":
                return view.has_taken(name, number)
            case "start":
                record = view.record
                return record is None or record.execution_id != name or not view.is_waiting
            case _:
                key = (ExecutionId(name), number)
                return not view.is_open(key) or run_of(view.scheduled[key]) != debt.run
