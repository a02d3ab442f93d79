"""Bugs in how lives begin and are forgotten: children, parents, purge (rules A8, E1, E3, H)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine import children, orchestrations, proposals
from durable.engine.inbox import Verdict, _Judge
from durable.engine.verdicts import StreamJudge
from durable.engine.warm import InstanceState
from durable.model.environment import Environment
from durable.model.history import (
    ExecutionStarted,
    StartRefused,
    SubOrchestrationInstanceCreated,
    TerminationSent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import life_of_child
from durable.replay.decision import Decision
from durable.storage import partition, purging, summaries
from durable.storage.partition import Snapshot
from durable.storage.port import StorageOutcome, TaskHubStore
from tests.mutants.mutant import mutant

_judge_child_start = _Judge._judge_child_start
_take_turn = StreamJudge._take_turn
_tombstone = purging._tombstone
_send_unsent = purging._send_unsent
_delete = purging._delete
_terminations = children._terminations

PURGED_BESIDE = ("a purge beside a new life",)


@mutant(_Judge, "_judge_child_start", rule="E3", shown_by=("child whose id is alive",))
def a_start_of_another_parents_child_is_a_repeat(
    self: _Judge, message: TaskMessage, started: ExecutionStarted
) -> tuple[Verdict, TaskMessage]:
    """Where an instance is alive already, the start of a child is dropped as known.

    It is another's child or nobody's, and the parent waits for ever (hole H8).
    """
    verdict, taken = _judge_child_start(self, message, started)
    if isinstance(taken.event, StartRefused):
        return Verdict.COUNTED, message
    return verdict, taken


@mutant(StreamJudge, "_take_turn", rule="E3", shown_by=("child", "child of a child"))
def a_repeated_child_start_starts_again(
    self: StreamJudge, origin: str, message: TaskMessage, index: int | None
) -> Verdict:
    """The start of a child is not known by its number.

    Its second copy, come after the end, begins a second life (hole H8).
    """
    is_start = isinstance(message.event, ExecutionStarted)
    if is_start and isinstance(self, _Judge) and not self.is_alive:
        self.life_id = None
        self.marks[origin] = min(self.marks.get(origin, 0), message.number - 1)
    return _take_turn(self, origin, message, index)


@mutant(_Judge, "_judge_child_start", rule="E3", shown_by=("two parents, one child id",))
def a_child_start_replaces_a_live_instance(
    self: _Judge, message: TaskMessage, started: ExecutionStarted
) -> tuple[Verdict, TaskMessage]:
    """The start of a child begins a life whatever stands there."""
    self.is_alive = self.is_there = False
    return _judge_child_start(self, message, started)


@mutant(
    _Judge,
    "_is_meant",
    rule="E3: the life that is meant",
    shown_by=("terminated, and its child's id is another's",),
)
def a_parent_means_whoever_has_the_id(self: _Judge, message: TaskMessage) -> bool:
    """The life that a parent speaks of is not compared.

    Its termination ends somebody else's instance, and a start finds that its child is there.
    """
    return self.life_id is not None


@mutant(
    proposals,
    "with_children_ended",
    rule="semantics: a parent's end",
    shown_by=("terminated with its children",),
)
def children_outlive_their_parent(decision: Decision, rows: Sequence[HistoryRow]) -> Decision:
    """A termination ends the instance alone."""
    del rows
    return decision


@mutant(
    children,
    "_terminations",
    rule="semantics: a parent's end",
    shown_by=("terminated, what it detached is not",),
)
def what_was_detached_is_terminated_too(
    decision: Decision, rows: Sequence[HistoryRow], reason: str | None, time: datetime
) -> list[TerminationSent]:
    """What an instance has started without waiting for it ends with it."""
    return _terminations(decision, rows, reason, time) + [
        TerminationSent(
            timestamp=time,
            instance_id=row.event.instance_id,
            life_id=life_of_child(row.execution_id, row.event.event_id),
            input=reason,
        )
        for row in rows
        if isinstance(row.event, SubOrchestrationInstanceCreated) and row.event.is_detached
    ]


# Purge.


@mutant(purging, "_send_unsent", rule="E1", shown_by=("purged as soon as it has ended",))
async def purged_without_sending(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, snapshot: Snapshot
) -> None:
    """A purge sends nothing.

    What a dead sender left unsent is deleted with the rows that ask for it (hole H9b).
    """


@mutant(purging, "_tombstone", rule="E1", shown_by=("purged", "receiver purged and born again"))
def a_purge_leaves_nothing(record: InstanceRecord, environment: Environment) -> InstanceRecord:
    """A purge deletes the record as well, here: makes it that of an id which was never used.

    Late messages make ghosts, and a reborn instance takes old numbers for its own (hole H9a).
    """
    nobody = ExecutionId("")
    return replace(
        _tombstone(record, environment),
        is_purged=False,
        generation=0,
        life_id=nobody,
        execution_id=nobody,
        marks={},
        sealed=0,
    )


@mutant(purging, "_tombstone", rule="A8", shown_by=("purged and born again",))
def numbers_begin_again_after_a_purge(
    record: InstanceRecord, environment: Environment
) -> InstanceRecord:
    """What comes after a purge counts its rows and episodes from the beginning.

    Whoever slept over the purge deletes and sends the wrong ones (hole H16).
    """
    return replace(_tombstone(record, environment), sequence=-1, base=0, episode=0)


@mutant(purging, "_send_unsent", rule="E1: the fence", shown_by=PURGED_BESIDE)
async def a_purge_overwrites_what_came_meanwhile(
    store: TaskHubStore, environment: Environment, instance_id: InstanceId, snapshot: Snapshot
) -> None:
    """The tombstone is written whatever stands there by now.

    The life that began in between is gone.
    """
    await _send_unsent(store, environment, instance_id, snapshot)
    sentinel = await store.read_sentinel(instance_id)
    if sentinel is not None:
        object.__setattr__(snapshot, "etag", sentinel.etag)


@mutant(purging, "_delete", rule="E1: what was read", shown_by=PURGED_BESIDE)
async def a_purge_deletes_what_it_finds(
    store: TaskHubStore, instance_id: InstanceId, snapshot: Snapshot, tombstone: InstanceRecord
) -> None:
    """A purge deletes the rows that there are, not those that it had read.

    Some are of the life that has begun since.
    """
    now = await partition.load(store, instance_id)
    await _delete(store, instance_id, replace(snapshot, rows=now.rows), tombstone)


@mutant(
    summaries,
    "_is_purged",
    rule="H",
    shown_by=("purged as soon as it has ended",),
)
async def lists_show_what_was_purged(store: TaskHubStore, instance_id: InstanceId) -> bool:
    """A host that slept shows an instance which was purged meanwhile."""
    del store, instance_id
    return False


@mutant(orchestrations, "discard", rule="I", shown_by=("large values", "large values in bursts"))
async def the_payload_of_a_repeat_is_deleted(
    store: TaskHubStore,
    state: InstanceState,
    unused: Sequence[TaskMessage],
    *,
    still_open: Sequence[TaskMessage],
) -> None:
    """A message that is of no use has its payloads deleted, whoever else names them.

    The row that its first copy became has lost its own.
    """
    del state, still_open
    names = {name for message in unused for name in message.blobs.values()}
    try:
        await store.delete_blobs(sorted(names))
    except StorageOutcome:
        return
