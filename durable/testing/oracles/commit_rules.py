"""What one accepted transaction may do to an instance, looked at before it is taken into the view.

No decision is judged here (that is the refinement's), only the protocol: rows are added and never
changed, numbers count up, an episode leaves the unsent set when it was sent and not before.
"""

from collections.abc import Sequence

from durable.model.history import (
    ExecutionCompleted,
    ExecutionStarted,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.storage.memory import MemoryStore
from durable.testing.oracles.hub_view import HubView, InstanceView, task_of
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
    if rows:
        _check_rows(entry.instance_id, view, after, rows)
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
    elif after.life_id != before.life_id or after.execution_id != before.execution_id:
        raise Violation("one life at a time", f"{instance_id}: a life changed its id")
    elif before.status.is_terminal and (grows or after.status is not before.status):
        raise Violation(ORACLE, f"{instance_id}: something happened after the end")
    shown = (after.status, after.custom_status, after.generation)
    if after.status_sequence < before.status_sequence or (
        shown != (before.status, before.custom_status, before.generation)
        and after.status_sequence == before.status_sequence
    ):
        raise Violation(
            "projection", f"{instance_id}: a change that lists show was not counted: {shown}"
        )
    _check_unsent(instance_id, view, before, after)


def _check_unsent(
    instance_id: InstanceId, view: InstanceView, before: InstanceRecord, after: InstanceRecord
) -> None:
    """Rules A5 and A6: what leaves the unsent set was sent, or nobody wants it any more."""
    added = after.unsent - before.unsent
    if added - {after.episode}:
        raise Violation(ORACLE, f"{instance_id}: old episodes {sorted(added)} became unsent")
    for episode in before.unsent - after.unsent:
        if view.shown < view.shows_of_episode.get(episode, 0):
            raise Violation(
                "unsent", f"{instance_id}: episode {episode} was taken out before it was shown"
            )
        for row in view.open_tasks():
            if row.episode == episode and task_of(row) not in view.put:
                raise Violation(
                    "unsent",
                    f"{instance_id}: episode {episode} was taken out before {row.event} was sent",
                )


def _check_rows(
    instance_id: InstanceId, view: InstanceView, after: InstanceRecord, rows: Sequence[HistoryRow]
) -> None:
    """Check an episode as DTFx would read it: brackets, one answer a task, one record a message."""

    def refuse(what: str) -> Violation:
        return Violation("history", f"{instance_id} episode {after.episode}: {what}")

    if any(row.episode != after.episode for row in rows):
        raise refuse("rows of another episode")
    if any(row.execution_id != after.execution_id for row in rows):
        raise refuse("rows of another execution")
    started = [row.event for row in rows if isinstance(row.event, OrchestratorStarted)]
    ended = isinstance(rows[-1].event, OrchestratorCompleted)
    if len(started) != 1 or rows[0].event is not started[0] or not ended:
        raise refuse("it is not one pair of brackets")
    if after.status.is_terminal != any(isinstance(r.event, ExecutionCompleted) for r in rows):
        raise refuse(f"status {after.status.value} and the rows disagree")
    _check_answers(view, after, rows, refuse)
    for row in rows:
        if isinstance(row.event, TimerFired) and row.event.fire_at > started[0].timestamp:
            raise refuse(f"a timer due at {row.event.fire_at} fired at {started[0].timestamp}")
    before = [row.event for row in view.rows.values() if isinstance(row.event, OrchestratorStarted)]
    if before and started[0].timestamp < before[-1].timestamp and not _begins(rows):
        raise refuse(f"its time {started[0].timestamp} is before {before[-1].timestamp}")
    asks = any(isinstance(row.event, TaskScheduled | TimerCreated) for row in rows)
    if asks and after.episode not in after.unsent:
        raise refuse("it sends something and does not count as unsent")


def _begins(rows: Sequence[HistoryRow]) -> bool:
    """Whether the episode is the first of a life: another host's clock may have begun the last."""
    return any(isinstance(row.event, ExecutionStarted) for row in rows)


def _check_answers(
    view: InstanceView, after: InstanceRecord, rows: Sequence[HistoryRow], refuse: object
) -> None:
    """One answer to each task that was scheduled before; one record of each request."""
    assert callable(refuse)
    answered, requests = set(view.answered), set(view.requests)
    for row in rows:
        task_id = answered_task_id(row.event)
        key = (ExecutionId(row.execution_id), task_id or 0)
        if task_id is not None:
            if row.message_id is not None:
                raise refuse(f"an answer bears the id of a request: {row.event}")
            if key not in view.scheduled:
                raise refuse(f"an answer to a task that was never scheduled: {row.event}")
            if key in answered:
                raise refuse(f"a second answer to one task: {row.event}")
            answered.add(key)
        elif row.message_id is not None and not isinstance(row.event, ExecutionStarted):
            request = (after.generation, row.message_id)
            if request in requests:
                raise refuse(f"a message was recorded twice: {row.event}")
            requests.add(request)


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
