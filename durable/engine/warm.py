"""Warm state: what this process remembers of instances. A cache, bounded in bytes.

Nothing here is ever the truth. It may serve decisions that end in a conditional write, which
fails if the state was stale, and nothing else (rule A3).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from durable.engine.entity_queue import EMPTY, EntityQueue
from durable.engine.ledger import Ledger
from durable.engine.seals import NOTHING, Remembered, Seals, remembered
from durable.engine.stash import Stash
from durable.engine.verdicts import Standing
from durable.model.codec import Columns
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.sections import failed_about_sections
from durable.model.status import RuntimeStatus
from durable.replay.executor import Execution
from durable.storage.partition import Snapshot
from durable.storage.port import ETag

# What a row, its event and its task cost in memory beside its texts, roughly.
ROW_BYTES = 900
STATE_BYTES = 4000
SENT_LIVES_MAX = 20_000


@dataclass(slots=True)
class InstanceState:
    """An instance as it was at one ETag, with what makes the next episode cheap.

    `live` stands exactly behind the rows, or is `None`. `summary_etag` is that of the projection
    when this process wrote it last.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    ledger: Ledger = field(default_factory=Ledger)
    live: Execution | None = None
    summary_etag: ETag | None = None
    bytes: int = STATE_BYTES
    weight: int = 0  # what it was counted for when it was put back
    seals: Seals = field(default_factory=Seals)
    remembered: Remembered = NOTHING
    stash: Stash = field(default_factory=Stash)
    queue: EntityQueue = EMPTY

    @classmethod
    def of(cls, snapshot: Snapshot) -> "InstanceState":
        """Take in a loaded snapshot."""
        state = cls()
        state.advance(snapshot, snapshot.rows, live=None)
        return state

    def reload(self, snapshot: Snapshot) -> None:
        """Stand behind what somebody else has committed.

        What was loaded on top of the rows at hand is taken in alone; a fan-in under many
        conflicts would else be quadratic.
        """
        self.drop_live()
        mine = self.snapshot
        if snapshot.record and snapshot.record.entity:
            self.bytes = STATE_BYTES
            self.advance(snapshot, snapshot.rows, live=None)
            return
        if snapshot.record and mine.record and snapshot.record.life_id == mine.record.life_id:
            self.advance(snapshot, snapshot.rows[len(mine.rows) :], live=None)
            return
        self.ledger = Ledger()
        self.seals = Seals()
        self.bytes = STATE_BYTES
        self.advance(snapshot, snapshot.rows, live=None)

    def advance(
        self, snapshot: Snapshot, new_rows: tuple[HistoryRow, ...], *, live: Execution | None
    ) -> None:
        """Stand behind a commit."""
        if self.live is not live:
            self.drop_live()  # of an instance that is suspended, or has ended (rule J)
        self.snapshot = snapshot
        self.live = live
        entity = snapshot.record.entity if snapshot.record is not None else None
        if snapshot.record is not None:
            self.seals = self.seals.read_on(snapshot.record, snapshot.named)
            if entity is None:  # what an entity knows is in its record
                self.ledger.note(new_rows, snapshot.record.execution_id, all_rows=snapshot.rows)
        self.queue = EntityQueue.of(entity, snapshot.named, self.queue)
        self.remembered = remembered(snapshot.record, self.seals)
        self.stash = Stash.of(snapshot.record, self.remembered.marks, snapshot.named, self.stash)
        self.bytes += _bytes_of(new_rows)

    def standing(self, instance_id: InstanceId) -> Standing:
        """Show what messages are judged by."""
        return Standing(
            instance_id,
            self.snapshot.record,
            self.ledger,
            self.remembered,
            self.stash,
            self.queue,
            self.is_rewindable,
        )

    @property
    def is_rewindable(self) -> bool:
        """Whether the last episode can be made void, should the instance have failed in it."""
        record = self.snapshot.record
        if record is None or record.status is not RuntimeStatus.FAILED:
            return True
        return not failed_about_sections(self.snapshot.rows, record.execution_id)

    @property
    def has_ready(self) -> bool:
        """Whether something that is kept here could be taken now."""
        return bool(self.stash.ready(self.remembered.marks)) or self.queue.is_runnable

    @property
    def garbage(self) -> list[str]:
        """The names of rows that count no more."""
        return [*self.stash.garbage, *sorted(self.queue.garbage), *sorted(self.seals.outlived)]

    def forget_rows(self, kept: list[HistoryRow], names: Iterable[str]) -> None:
        """Hold only these rows, and none of these names; they are deleted."""
        gone = set(names)
        named = {name: row for name, row in self.snapshot.named.items() if name not in gone}
        self.snapshot = replace(self.snapshot, rows=tuple(kept), named=named)
        self.stash.garbage = [name for name in self.stash.garbage if name not in gone]
        self.seals = replace(self.seals, outlived=self.seals.outlived - gone)
        kept_in_queue = {k: v for k, v in self.queue.garbage.items() if k not in gone}
        self.queue = replace(self.queue, garbage=kept_in_queue)
        self.bytes = STATE_BYTES + _bytes_of(kept)

    def drop_live(self) -> None:
        """Let go of the generator."""
        if self.live is not None:
            self.live.drop()
            self.live = None


def _bytes_of(rows: Iterable[HistoryRow]) -> int:
    """Estimate; a text is held as JSON here and as a value in the generator's frame."""
    texts = (
        getattr(row.event, "result", None) or getattr(row.event, "input", None) for row in rows
    )
    return sum(ROW_BYTES + (3 * len(text) if text else 0) for text in texts)


def _bytes_of_named(named: Mapping[str, Columns]) -> int:
    """Estimate; what a row says is held a second time, read."""
    return sum(
        ROW_BYTES + 3 * sum(len(text) for text in row.values() if isinstance(text, str))
        for row in named.values()
    )


class WarmStates:
    """The states of the instances that this process ran last."""

    def __init__(self, bytes_max: int) -> None:
        """Hold nothing."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._states: OrderedDict[InstanceId, InstanceState] = OrderedDict()
        self._lent: dict[InstanceId, Snapshot] = {}

    def __len__(self) -> int:
        """Count the instances that are warm."""
        return len(self._states)

    @property
    def bytes(self) -> int:
        """What they weigh, roughly."""
        return self._bytes

    def peek(self, instance_id: InstanceId) -> InstanceState | None:
        """Look at a state without taking it."""
        return self._states.get(instance_id)

    def take(self, instance_id: InstanceId) -> InstanceState | None:
        """Hand the state out; who takes it has it alone, and must `keep` or `forget` it."""
        state = self._states.pop(instance_id, None)
        if state is not None:
            self._bytes -= state.weight
            self._lent[instance_id] = state.snapshot
        return state

    def known(self, instance_id: InstanceId) -> Snapshot | None:
        """Tell what was loaded of an instance, also while somebody has its state."""
        state = self._states.get(instance_id)
        return state.snapshot if state is not None else self._lent.get(instance_id)

    def forget(self, instance_id: InstanceId) -> None:
        """Give up what was handed out."""
        self._lent.pop(instance_id, None)

    def keep(self, instance_id: InstanceId, state: InstanceState) -> None:
        """Put a state back as the most recent; the oldest go when there is no room."""
        replaced = self.take(instance_id)
        self.forget(instance_id)
        if replaced is not None and replaced.live is not state.live:
            replaced.drop_live()
        self._states[instance_id] = state
        record = state.snapshot.record
        state.weight = state.bytes + _bytes_of_named(state.snapshot.named)
        state.weight += len(record.state) if record is not None and record.state else 0
        self._bytes += state.weight
        while self._bytes > self._bytes_max and self._states:
            _, oldest = self._states.popitem(last=False)
            self._bytes -= oldest.weight
            oldest.drop_live()

    def clear(self) -> None:
        """Forget everything."""
        while self._states:
            self._states.popitem()[1].drop_live()
        self._bytes = 0


class SentEpisodes:
    """Which committed episodes this process has sent completely.

    Keyed by life as well (rule A8): after a purge the same id begins again, and "episode 3 was
    sent" must not take another life's episode 3 out of the unsent set. Forgetting is harmless.
    """

    def __init__(self) -> None:
        """Remember nothing."""
        self._sent: OrderedDict[tuple[InstanceId, ExecutionId], set[int]] = OrderedDict()

    def of(self, instance_id: InstanceId, life_id: ExecutionId) -> frozenset[int]:
        """Return what was sent for this life."""
        return frozenset(self._sent.get((instance_id, life_id), ()))

    def note(self, instance_id: InstanceId, life_id: ExecutionId, episodes: frozenset[int]) -> None:
        """Remember that these were sent completely."""
        key = (instance_id, life_id)
        self._sent.setdefault(key, set()).update(episodes)
        self._sent.move_to_end(key)
        if len(self._sent) > SENT_LIVES_MAX:
            self._sent.popitem(last=False)

    def keep(self, instance_id: InstanceId, life_id: ExecutionId, unsent: frozenset[int]) -> None:
        """Forget all but what the store still lists as unsent."""
        sent = self._sent.get((instance_id, life_id))
        if sent is not None:
            sent &= unsent
            if not sent:
                del self._sent[(instance_id, life_id)]
