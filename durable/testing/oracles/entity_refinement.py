"""EntityRefinement: each accepted commit of an entity is a step that the specification allows.

What it says that it served is served once more, by the specification and from the state that the
commit before had left; state, lock, what it keeps and what it sends must come out the same. What it
says is not believed: `entity_commits` holds it against the watermarks and the rows that are kept.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from durable.model.codec import with_payload
from durable.model.entities import EntityLock, EntityRecord
from durable.model.entity_ids import is_entity_id
from durable.model.history import HistoryEvent, TimerCreated
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.storage.memory import MemoryStore
from durable.testing.oracles.entity_commits import (
    ORACLE,
    EntityCommit,
    EntityStanding,
    is_scheduled,
    key_of,
)
from durable.testing.oracles.entity_facts import is_like, sent_fact
from durable.testing.oracles.entity_serving import Refused, Serving
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.models import Model
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import Committed, Entry


class EntityRefinement:
    """Watches the commits of the entities of one hub. Put it behind the invariants."""

    def __init__(
        self, view: HubView, store: MemoryStore, model: Model, *, skew_s: float = 0.0
    ) -> None:
        """Compare with this model; clocks may go wrong by `skew_s`."""
        self.commits = 0
        self._view = view
        self._store = store
        self._model = model
        self._skew = timedelta(seconds=skew_s)
        self._standings: defaultdict[InstanceId, EntityStanding] = defaultdict(EntityStanding)
        self._states: dict[InstanceId, Any] = {}
        self._texts: dict[InstanceId, str | None] = {}
        self._broken: defaultdict[InstanceId, set[tuple[str, int]]] = defaultdict(set)

    def watch(self, entry: Entry, now: datetime) -> None:
        """Check an accepted commit of an entity, or raise `Violation`."""
        if not isinstance(entry, Committed) or not is_entity_id(entry.instance_id):
            return
        record, rows = self._view.last_commit
        if record is None or record.is_stub:
            return
        instance_id, view = entry.instance_id, self._view.instances[entry.instance_id]
        commit = EntityCommit(instance_id, view, self._standings[instance_id], record, rows)
        if record.is_purged:
            self._check_purge(commit)
        else:
            self.commits += bool(rows)
            self._check(commit, now)
        self._standings[instance_id] = EntityStanding.of(view)

    def _check_purge(self, commit: EntityCommit) -> None:
        """Nothing is forgotten that somebody holds or waits for; places and epochs go on."""
        before, after = commit.before.record, commit.after
        if before is None or before.is_purged or before.entity is None:
            return
        entity = after.entity or EntityRecord()
        if not before.entity.is_idle:
            raise commit.refuse("it was purged and is not idle")
        if entity.next_place < before.entity.next_place or entity.epoch < before.entity.epoch:
            raise commit.refuse("its tombstone has forgotten places or locks")

    def _check(self, commit: EntityCommit, now: datetime) -> None:
        before, after = commit.before.record, commit.after
        if after.entity is None:
            raise commit.refuse("it is no entity")
        if before is None or before.generation != after.generation:
            self._states[commit.instance_id] = self._model.new_state(commit.instance_id)
            self._texts[commit.instance_id] = None
        pool = {key: message for key, (_, message) in commit.before.queued.items()}
        pool.update(commit.arrived(self._is_readable))
        serving = self._served(commit, pool, now)
        commit.check_kept(serving.pool, self._filled)
        self._check_lock(commit, after.entity, serving.lock, serving.epoch)
        text = self._text_of(after)
        self._check_state(commit, serving, text)
        self._check_sent(commit, serving)
        self._states[commit.instance_id] = serving.state
        self._texts[commit.instance_id] = text

    def _served(
        self, commit: EntityCommit, pool: dict[tuple[str, int], TaskMessage], now: datetime
    ) -> Serving:
        record = commit.before.record
        entity = (record.entity if record is not None else None) or EntityRecord()
        serving = Serving(
            instance_id=commit.instance_id,
            model=self._model,
            pool=dict(pool),
            state=self._states[commit.instance_id],
            lock=entity.lock,
            epoch=entity.epoch,
            latest=now + self._skew,
            broken=self._broken[commit.instance_id],
        )
        try:
            for one in commit.served():
                message = pool.get((one.source, one.number))
                event = None if message is None else self._filled(message)
                serving.serve(one, event)
        except Refused as refused:
            raise commit.refuse(str(refused)) from None
        return serving

    def _check_lock(
        self, commit: EntityCommit, entity: EntityRecord, lock: EntityLock | None, epoch: int
    ) -> None:
        held = entity.lock
        said = None if held is None else (held.owner, held.execution_id, held.section_id)
        right = None if lock is None else (lock.owner, lock.execution_id, lock.section_id)
        if said != right or entity.epoch != epoch:
            raise commit.refuse(f"it is locked by {held}, epoch {entity.epoch}; by rights {lock}")
        if held is not None and lock is not None and held.lock_set != lock.lock_set:
            raise commit.refuse(f"it is locked with {held.lock_set}, not {lock.lock_set}")

    def _check_state(self, commit: EntityCommit, serving: Serving, text: str | None) -> None:
        is_right = self._model.is_state(commit.instance_id, serving.state, text)
        if all(one.what != "operation" or one.is_failed for one in commit.served()):
            is_right &= text == self._texts[commit.instance_id]
        if not is_right:
            raise commit.refuse(f"its state is {text}, the specification has {serving.state}")

    def _check_sent(self, commit: EntityCommit, serving: Serving) -> None:
        """What it sends, in order; and a timer for each signal whose time has to come."""
        rows = commit.consequences()
        timers = {
            row.event.event_id: row.event.fire_at
            for row in rows
            if isinstance(row.event, TimerCreated)
        }
        known = commit.before.queued
        due = {
            place: getattr(message.event, "scheduled_time", None)
            for place, message in commit.view.queue.scheduled.items()
            if key_of(message) not in known and is_scheduled(message)
        }
        if timers != due:
            raise commit.refuse(f"it sets the timers {timers}, for the signals {due}")
        sent = [
            sent_fact(self._with_payloads(row.event, row.blobs))
            for row in rows
            if not isinstance(row.event, TimerCreated)
        ]
        if not is_like(sent, serving.facts):
            raise commit.refuse(f"it sends {sent}, the specification has {serving.facts}")

    def _text_of(self, record: InstanceRecord) -> str | None:
        name = record.blobs.get("State")
        return record.state if name is None else self._payload(name)

    def _is_readable(self, message: TaskMessage) -> bool:
        return all(name in self._store.blobs for name in message.blobs.values())

    def _payload(self, name: str) -> str:
        text = self._store.blobs.get(name)
        if text is None:
            raise Violation(ORACLE, f"the payload {name} is gone")
        return text

    def _filled(self, message: TaskMessage) -> HistoryEvent:
        return self._with_payloads(message.event, message.blobs)

    def _with_payloads(self, event: HistoryEvent, blobs: Any) -> HistoryEvent:
        for column, name in blobs.items():
            event = with_payload(event, column, self._payload(name))
        return event
