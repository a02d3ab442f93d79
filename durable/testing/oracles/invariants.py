"""Invariants: what holds after every storage call, whatever failed, died or slept.

The commit is looked at by `commit_rules`, what keeps instances going by `wake_ups`; here is what is
sent, put aside and deleted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from durable.model.history import (
    ExecutionStarted,
    ExecutionTerminated,
    TimerFired,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.storage.memory import MemoryStore, StoredMessage
from durable.storage.port import WORK_ITEMS
from durable.testing.oracles.commit_rules import check_commit
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.parcels import identity_of, message_of
from durable.testing.oracles.requests import asks_for
from durable.testing.oracles.violation import Violation
from durable.testing.oracles.wake_ups import check_wake_ups
from durable.testing.world.journal import (
    BlobPut,
    BlobsDeleted,
    Buried,
    Committed,
    Entry,
    Put,
    RowsDeleted,
    Shown,
    TimerParked,
)


class Invariants:
    """Watches the journal of one hub."""

    def __init__(self, view: HubView, store: MemoryStore, *, skew_s: float = 0.0) -> None:
        """Hold the hub to its invariants; its clocks may go wrong by `skew_s`."""
        self.view = view
        self.checked = 0
        self.skew_s = skew_s
        self._store = store
        self._skew = timedelta(seconds=skew_s)
        # What is looked at before the view takes an entry in, and what afterwards.
        self._before: dict[type[Entry], Callable[[Any], None]] = {
            Committed: lambda entry: check_commit(self.view, self._store, entry),
            RowsDeleted: self._check_rows_deleted,
        }
        self._after: dict[type[Entry], Callable[[Any], None]] = {
            Put: lambda entry: self._check_sent(entry.message.body),
            TimerParked: lambda entry: self._check_sent(entry.body),
            Shown: self._check_projection,
            BlobPut: self._check_blob_put,
            BlobsDeleted: self._check_blobs_deleted,
            Buried: self._check_buried,
        }

    def watch(self, entry: Entry, now: datetime) -> None:
        """Check what this entry may have broken, or raise `Violation`."""
        self.checked += 1
        check_before = self._before.get(type(entry))
        if check_before is not None:
            check_before(entry)
        gone = self.view.follow(entry)
        check_after = self._after.get(type(entry))
        if check_after is not None:
            check_after(entry)
        if isinstance(entry, Committed):
            self._check_never_early(entry.instance_id, now)
            check_wake_ups(self.view, entry.instance_id)
        if gone is not None:
            self._check_not_lost(gone.message)
            check_wake_ups(self.view, gone.message.instance_id)

    def before_run(self, stored: StoredMessage) -> None:
        """Check that an activity which is about to run was asked for by a committed decision."""
        message = message_of(stored.body)
        if stored.queue == WORK_ITEMS and message is not None:
            self._committed_row(message, "an activity runs")

    # What may be sent.

    def _check_sent(self, body: str) -> None:
        """Nothing is sent that no committed row asks for; what it names exists."""
        message = message_of(body)
        if message is None:
            raise Violation("no message is unreadable", body[:200])
        for name in message.blobs.values():
            if name not in self._store.blobs and self._is_wanted(message):
                raise Violation("blobs", f"a message names {name}, which does not exist")
        is_callers = isinstance(message.event, ExecutionStarted) and message.generation is not None
        if not is_callers and (message.origin is not None or message.message_id is None):
            self._committed_row(message, "a message was sent")

    def _committed_row(self, message: TaskMessage, what: str) -> None:
        debts = self.view.owed[message.instance_id, identity_of(message)]
        if not any(asks_for(debt.row, message) for debt in debts):
            raise Violation(
                "commit before send",
                f"{message.instance_id}: {what} on a decision that is not committed: "
                f"{message.event}",
            )

    # What must not be lost.

    def _check_not_lost(self, message: TaskMessage) -> None:
        """What was accepted is recorded, or of no use any more, or a copy of it is under way."""
        view = self.view.instances[message.instance_id]
        kind = identity_of(message)[0]
        if kind == "task" or self.view.parcels.carries(message.instance_id, identity_of(message)):
            return  # tasks: the wake-up says it better
        if view.is_new(message) and not view.may_be_dropped(message):
            raise Violation(
                "nothing accepted is lost",
                f"{message.instance_id}: {message.event} was deleted and never recorded",
            )

    # The rest.

    def _check_never_early(self, instance_id: InstanceId, now: datetime) -> None:
        view = self.view.instances[instance_id]
        last = view.rows.get(view.record.sequence) if view.record is not None else None
        if last is None:
            return
        recent = takewhile(lambda row: row.episode == last.episode, reversed(view.rows.values()))
        rows = list(recent)
        is_cut = any(isinstance(row.event, ExecutionTerminated) for row in rows)
        for row in rows:
            if is_cut and isinstance(row.event, ExecutionStarted):
                continue  # it is over before its time; its code has not run
            due_at = _due_at(row)
            if due_at is not None and due_at > now + self._skew:
                raise Violation(
                    "timers are never early",
                    f"{instance_id}: due at {due_at}, recorded at {now}",
                )

    def _check_projection(self, entry: Shown) -> None:
        view = self.view.instances[entry.instance_id]
        before = entry.before.get("StatusSequence") if entry.before else -1
        after = entry.after.get("StatusSequence")
        if not isinstance(before, int) or not isinstance(after, int) or after < before:
            raise Violation(
                "projection", f"{entry.instance_id}: {before} is replaced by the older {after}"
            )
        if view.record is None or after > view.record.status_sequence:
            raise Violation("projection", f"{entry.instance_id}: {after} was never committed")

    def _check_rows_deleted(self, entry: RowsDeleted) -> None:
        view = self.view.instances[entry.instance_id]
        record = view.record
        garbage = {*view.stash.garbage, *view.queue.garbage}
        kept = sorted({*entry.named} & {*view.named} - garbage)
        if kept:
            raise Violation("collection", f"{entry.instance_id}: {kept} count and were deleted")
        for ordinal in entry.ordinals:
            row = view.rows.get(ordinal)
            if record is None or row is None or ordinal >= record.base:
                raise Violation(
                    "collection", f"{entry.instance_id}: row {ordinal} of the history was deleted"
                )
            if row.episode in record.unsent:
                raise Violation(
                    "collection",
                    f"{entry.instance_id}: row {ordinal} of unsent episode {row.episode} deleted",
                )

    @staticmethod
    def _check_blob_put(entry: BlobPut) -> None:
        if entry.replaces:
            raise Violation("blobs", f"{entry.name} is overwritten by another text")

    @staticmethod
    def _check_buried(entry: Buried) -> None:
        raise Violation("no message is unreadable", f"{entry.queue}: {entry.body[:200]}")

    def _check_blobs_deleted(self, entry: BlobsDeleted) -> None:
        gone = set(entry.names)
        for instance_id, view in self.view.instances.items():
            record = view.record
            if record is None:
                continue
            named = set(record.blobs.values())
            for row in view.rows.values():
                if row.ordinal >= record.base or row.episode in record.unsent:
                    named.update(row.blobs.values())
            for message in (*view.stash.messages, *view.queue.messages):
                named.update(message.blobs.values())
            for parcel in self.view.parcels.of(instance_id):
                if view.is_new(parcel.message):
                    named.update(parcel.message.blobs.values())
            if named & gone:
                raise Violation("blobs", f"{instance_id} still needs {sorted(named & gone)}")

    def _is_wanted(self, message: TaskMessage) -> bool:
        return self.view.instances[message.instance_id].is_new(message)


def _due_at(row: HistoryRow) -> datetime | None:
    if isinstance(row.event, TimerFired):
        return row.event.fire_at
    return row.event.scheduled_start_time if isinstance(row.event, ExecutionStarted) else None
