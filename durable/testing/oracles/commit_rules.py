"""What one accepted transaction may do to an instance, looked at before it is taken into the view.

No decision is judged here (that is the refinement's), only the protocol: rows are added and never
changed, numbers count up, an episode leaves the unsent set when it was sent and not before, streams
have no gap. What an episode's rows may be is in `episode_rules`.
"""

from collections.abc import Sequence

from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.streams import Origin, life_of
from durable.storage.memory import MemoryStore
from durable.testing.oracles.episode_rules import check_rows
from durable.testing.oracles.hub_view import HubView, InstanceView
from durable.testing.oracles.parcels import numbered
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import Committed

ORACLE = "commit rules"


def check_commit(hub: HubView, store: MemoryStore, entry: Committed) -> None:
    """Check one transaction, or raise `Violation`. The view still stands before it."""
    view = hub.instances[entry.instance_id]
    before = view.record
    last = before.sequence if before is not None else -1
    overwritten = [ordinal for ordinal, _ in entry.rows if ordinal <= last]
    if overwritten:
        raise Violation(ORACLE, f"{entry.instance_id}: committed rows {overwritten} overwritten")
    after, rows = hub.read_commit(entry)
    if before is not None:
        _check_record(entry.instance_id, view, before, after)
        _check_unsent(hub, entry.instance_id, before, after)
    _check_marks(hub, entry.instance_id, view, after)
    if rows:
        check_rows(entry.instance_id, view, after, rows)
        _check_blobs(entry.instance_id, store, after, rows)


def _check_record(
    instance_id: InstanceId, view: InstanceView, before: InstanceRecord, after: InstanceRecord
) -> None:
    """Compare two records that follow one another."""
    grows = after.sequence > before.sequence
    if after.sequence < before.sequence or after.episode != before.episode + grows:
        raise Violation(ORACLE, f"{instance_id}: {_numbers(before)} then {_numbers(after)}")
    if after.generation != before.generation:
        if after.generation != before.generation + 1 or view.is_alive:
            raise Violation(
                "one life at a time",
                f"{instance_id}: life {before.generation} ({before.status.value}) was replaced by "
                f"life {after.generation}",
            )
    else:
        _check_same_life(instance_id, before, after, grows=grows)
    shown = (after.status, after.custom_status, after.generation, after.has_state)
    if after.status_sequence < before.status_sequence or (
        not after.is_purged
        and shown != (before.status, before.custom_status, before.generation, before.has_state)
        and after.status_sequence == before.status_sequence
    ):
        raise Violation(
            "projection", f"{instance_id}: a change that lists show was not counted: {shown}"
        )


def _check_same_life(
    instance_id: InstanceId, before: InstanceRecord, after: InstanceRecord, *, grows: bool
) -> None:
    moved = after.execution_id != before.execution_id
    if after.life_id != before.life_id or life_of(after.execution_id) != after.life_id:
        raise Violation("one life at a time", f"{instance_id}: a life changed its id")
    if moved and not grows:
        raise Violation("one life at a time", f"{instance_id}: an execution changed its id")
    if before.is_purged and (grows or not after.is_purged):
        raise Violation(ORACLE, f"{instance_id}: something happened to what was purged")
    may_go = before.status.is_terminal or before.entity is not None
    if after.is_purged and not before.is_purged and (grows or not may_go):
        raise Violation(ORACLE, f"{instance_id}: it was purged and had not ended")
    # An ended one only refuses starts, answers once more, or is rewound: those commits have rows.
    if before.status.is_terminal and not grows and after.status is not before.status:
        raise Violation(ORACLE, f"{instance_id}: something happened after the end")
    if not grows and after.status is not before.status:
        raise Violation(ORACLE, f"{instance_id}: its status changed, and no row says why")


def _check_unsent(
    hub: HubView, instance_id: InstanceId, before: InstanceRecord, after: InstanceRecord
) -> None:
    """Rules A5 and A6: what leaves the unsent set was sent, or nobody wants it any more."""
    view = hub.instances[instance_id]
    added = after.unsent - before.unsent
    if added - {after.episode}:
        raise Violation(ORACLE, f"{instance_id}: old episodes {sorted(added)} became unsent")
    removed = before.unsent - after.unsent
    for episode in removed:
        is_shown = view.shown >= view.shows_of_episode.get(episode, 0) or after.is_purged
        if not is_shown:
            raise Violation(
                "unsent", f"{instance_id}: episode {episode} was taken out before it was shown"
            )
    for debt in list(hub.open_debts(instance_id)):
        is_mine = debt.sender == instance_id and debt.row.episode in removed
        if is_mine and debt.identity not in hub.instances[debt.receiver].put:
            raise Violation(
                "unsent",
                f"{instance_id}: episode {debt.row.episode} was taken out before "
                f"{debt.row.event} was sent",
            )


def _check_marks(
    hub: HubView, instance_id: InstanceId, view: InstanceView, after: InstanceRecord
) -> None:
    """Rules D2, D3: a watermark never goes back, is never forgotten, and passes what was sent."""
    before = view.record
    if before is not None and before.sealed == after.sealed:
        forgotten = sorted(before.marks.keys() - after.marks.keys())
        if forgotten:
            raise Violation("streams", f"{instance_id}: the watermarks of {forgotten} are gone")
    for origin, mark in after.marks.items():
        known = view.marks.get(origin, 0)
        if mark < known:
            raise Violation("streams", f"{instance_id}: the watermark of {origin} went back")
        for number in range(known + 1, mark + 1):
            if not hub.owed[instance_id, numbered(Origin.from_text(origin), number)]:
                raise Violation("streams", f"{instance_id}: {origin} never sent its {number}")


def _check_blobs(
    instance_id: InstanceId, store: MemoryStore, after: InstanceRecord, rows: Sequence[HistoryRow]
) -> None:
    """Rule I: a payload is there before what names it."""
    named = {name for row in rows for name in row.blobs.values()} | set(after.blobs.values())
    missing = sorted(name for name in named if name not in store.blobs)
    if missing:
        raise Violation("blobs", f"{instance_id}: committed rows name {missing}: not there")


def _numbers(record: InstanceRecord) -> str:
    return f"(row {record.sequence}, episode {record.episode}, life {record.generation})"
