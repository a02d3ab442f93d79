"""A story of one entity, told commit by commit, for the oracle to judge.

Alice, with 100, was called by `a` (add 5), asked for a lock together with bob by `a`, and signalled
by `b` (add 7), for whom it must wait. The first commit is honest unless a test changes a part of
it.
"""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from durable.engine.entity_queue import queue_row
from durable.model.codec import Columns
from durable.model.entities import EntityLock, EntityRecord, Served
from durable.model.entity_forms import print_batch
from durable.model.envelopes import encode_message
from durable.model.history import (
    EntityBatchCompleted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage import partition
from durable.storage.partition import Snapshot
from durable.testing.oracles.entity_refinement import EntityRefinement
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.specified import SpecificationModel
from durable.testing.programs.handwritten import NAMED
from durable.testing.programs.syntax import entity_instance_id
from durable.testing.specification.hub_state import BEGINNING
from durable.testing.world.journal import Entry, Journal, JournaledStore

PROGRAM = NAMED["two lockers in opposite order"]
ALICE, BOB = (InstanceId(entity_instance_id(name)) for name in ("alice", "bob"))
LIFE_A, LIFE_B, LIFE_C, LIFE_OF_ALICE = (ExecutionId(32 * digit) for digit in "abce")
A, B, C = (
    Origin(InstanceId(name), life) for name, life in (("a", LIFE_A), ("b", LIFE_B), ("c", LIFE_C))
)
NOW = BEGINNING
LOCK_SET = json.dumps([ALICE, BOB])


def waits(task_id: int) -> str:
    """Name a task of `a`."""
    return Parent(
        instance_id=InstanceId("a"), execution_id=LIFE_A, task_id=task_id, name=""
    ).to_json()


def sent(origin: Origin, number: int, event: HistoryEvent) -> TaskMessage:
    """Make a message of a stream to alice."""
    return TaskMessage(instance_id=ALICE, event=event, origin=origin, number=number)


CALL = EntityOperationCalled(
    timestamp=NOW, instance_id=ALICE, operation="add", input="5", parent_instance=waits(0)
)
LOCK = EntityLockRequested(
    timestamp=NOW, lock_set=LOCK_SET, numbers="[2,1]", parent_instance=waits(1)
)
SIGNAL = EntityOperationSignaled(timestamp=NOW, instance_id=ALICE, operation="add", input="7")
LATER = replace(SIGNAL, scheduled_time=NOW + timedelta(minutes=5))
UNLOCK = EntityUnlockSent(timestamp=NOW, lock_set=LOCK_SET, critical_section_id=1, numbers="[3,2]")
REPLY = EntityOperationCompleted(
    timestamp=NOW, task_scheduled_id=0, result="110", parent_instance=waits(0)
)
HANDED_ON = replace(LOCK, position=1)
HELD = EntityLock(
    owner=A.to_text(),
    execution_id=LIFE_A,
    section_id=1,
    lock_set=(ALICE, BOB),
    epoch=1,
    since=NOW,
)
MESSAGES = (sent(A, 1, CALL), sent(A, 2, LOCK), sent(B, 1, SIGNAL), sent(C, 1, LATER))


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit of alice says."""

    served: tuple[Served, ...]
    facts: tuple[HistoryEvent, ...]
    state: str | None
    entity: EntityRecord
    marks: dict[str, int]
    kept: dict[int, TaskMessage] = field(default_factory=dict)


FIRST = Commit(
    served=(
        Served(A.to_text(), 1, "operation", "add"),
        Served(A.to_text(), 2, "lock"),
    ),
    facts=(REPLY, HANDED_ON),
    state="105",
    entity=EntityRecord(lock=HELD, epoch=1, waiting=frozenset({2}), next_place=3),
    marks={A.to_text(): 2, B.to_text(): 1},
    kept={2: MESSAGES[2]},
)
RELEASED = Commit(
    served=(
        Served(A.to_text(), 3, "unlock"),
        Served(B.to_text(), 1, "operation", "add"),
    ),
    facts=(),
    state="112",
    entity=EntityRecord(epoch=1, next_place=4),
    marks={A.to_text(): 3, B.to_text(): 1},
)


def judge(
    *commits: Commit,
    release: EntityUnlockSent = UNLOCK,
    also_put: tuple[TaskMessage, ...] = (),
) -> Exception | None:
    """Tell the story to the oracle; give its first finding. `release`: how `a` goes on."""
    return asyncio.run(_judge(commits, (*MESSAGES, sent(A, 3, release), *also_put)))


async def _judge(
    commits: tuple[Commit, ...], messages: tuple[TaskMessage, ...]
) -> Exception | None:
    store = JournaledStore(now=_now)
    store.journal = Journal(_now)
    view = HubView(store)
    oracle = EntityRefinement(view, store, SpecificationModel(PROGRAM))

    def follow(entry: Entry, now: datetime) -> None:
        del now
        view.follow(entry)

    store.journal.watchers += [follow, oracle.watch]
    for message in messages:
        await store.put("control", encode_message(message))
    snapshot = Snapshot(None, None, ())
    for number, commit in enumerate(commits, 1):
        record, rows, named = _laid_out(commit, snapshot.record, number)
        snapshot = await partition.commit(store, ALICE, snapshot, record, rows, named=named)
    return store.journal.finding


def _now() -> datetime:
    return NOW


def _laid_out(
    commit: Commit, before: InstanceRecord | None, episode: int
) -> tuple[InstanceRecord, list[HistoryRow], dict[str, Columns]]:
    first = before.sequence + 1 if before is not None else 0
    batch = EntityBatchCompleted(timestamp=NOW, operations=print_batch(commit.served))
    rows = [
        HistoryRow(ordinal=ordinal, episode=episode, execution_id=LIFE_OF_ALICE, event=event)
        for ordinal, event in enumerate((batch, *commit.facts), first)
    ]
    record = InstanceRecord(
        generation=1,
        life_id=LIFE_OF_ALICE,
        execution_id=LIFE_OF_ALICE,
        name="alice",
        status=RuntimeStatus.RUNNING,
        created_at=NOW,
        updated_at=NOW,
        commit_id=str(episode),
        sequence=rows[-1].ordinal,
        base=rows[-1].ordinal + 1,
        episode=episode,
        unsent=frozenset({episode}),
        status_sequence=1,
        marks=commit.marks,
        state=commit.state,
        entity=commit.entity,
    )
    kept = [queue_row(place, encode_message(message)) for place, message in commit.kept.items()]
    return record, rows, dict(kept)
