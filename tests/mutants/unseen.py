"""Bugs that no run can show: what they break is not built, or guarded twice. Each says why.

They are not among `MUTANTS`. Whoever builds what they wait for moves them there.
"""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from durable.engine import collection, dispatch
from durable.engine.inbox import Verdict, _Judge
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.failures import TaskFailedError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.replay.executor import Execution
from durable.storage.outbox import Outgoing, outbox
from durable.storage.port import TaskHubStore
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_judge_answer = _Judge._judge_answer
_delete = collection._delete
_of, _note, _keep = SentEpisodes.of, SentEpisodes.note, SentEpisodes.keep


@mutant(dispatch, "outbox", rule="A4")
def sent_again_without_again(
    instance_id: InstanceId, rows: Iterable[HistoryRow], *, again: bool = False
) -> Iterator[Outgoing]:
    """What is sent in the place of a dead sender has no `again`.

    Waits for in-place delivery: today the copy of a message that was recorded is its own token
    until it is deleted.
    """
    return outbox(instance_id, rows)


@mutant_of_many(rule="A8")
@contextmanager
def sent_episodes_known_without_their_life() -> Iterator[None]:
    """What the process remembers as sent is kept by instance alone (hole H16).

    Guarded twice: a tombstone keeps the count, so that episode numbers count up across lives.
    """
    any_life = ExecutionId("")

    def of(self: SentEpisodes, instance_id: InstanceId, life_id: ExecutionId) -> frozenset[int]:
        del life_id
        return _of(self, instance_id, any_life)

    def note(
        self: SentEpisodes, instance_id: InstanceId, life_id: ExecutionId, episodes: frozenset[int]
    ) -> None:
        del life_id
        _note(self, instance_id, any_life, episodes)

    def keep(
        self: SentEpisodes, instance_id: InstanceId, life_id: ExecutionId, unsent: frozenset[int]
    ) -> None:
        del life_id
        _keep(self, instance_id, any_life, unsent)

    with (
        replaced(SentEpisodes, "of", of),
        replaced(SentEpisodes, "note", note),
        replaced(SentEpisodes, "keep", keep),
    ):
        yield


@mutant(_Judge, "_judge_answer", rule="semantics 5.4: answer before its schedule")
def an_answer_before_its_schedule(self: _Judge, message: TaskMessage, task_id: int) -> Verdict:
    """The answer to a task that was never scheduled is taken.

    Waits for messages that are sent before a commit, which is a mutant of its own: today only a
    stale cache finds such an answer, and what it decides fails on the ETag.
    """
    verdict = _judge_answer(self, message, task_id)
    return Verdict.NEW if verdict is Verdict.UNKNOWN_TASK else verdict


@mutant(collection, "_delete", rule="I")
async def a_blob_deleted_that_a_younger_row_names(
    store: TaskHubStore, instance_id: InstanceId, state: InstanceState
) -> None:
    """The collector deletes every blob of an old row.

    Guarded twice: what is carried over to another execution gets blobs of its own, and rows that
    share one after a rewind are of one execution and go together.
    """
    record = state.snapshot.record
    assert record is not None
    old = [row for row in state.snapshot.rows if row.ordinal < record.base]
    dead = {name for row in old if row.episode not in record.unsent for name in row.blobs.values()}
    await _delete(store, instance_id, state)
    await store.delete_blobs(sorted(dead))


@mutant(Execution, "drop", rule="J")
def generator_closed_with_a_live_context(self: Execution) -> None:
    """The generator is closed, then its context dies.

    Guarded twice: what a `finally` block says counts as not done (docs/semantics.md, decision 1.9).
    """
    generator, self._running = self._running, None
    with contextlib.suppress(BaseException):
        if generator is not None:
            generator.close()
    self.is_ended = True
    self.surroundings.is_dropped = True


@mutant(Execution, "drop", rule="J")
def generator_dropped_by_an_error(self: Execution) -> None:
    """The code is told of its end by an error that it can catch.

    Guarded twice: what its `except` block says counts as not done (decision 1.9).
    """
    generator, self._running = self._running, None
    with contextlib.suppress(BaseException):
        if generator is not None:
            generator.throw(TaskFailedError("The execution was dropped.", ""))
    self.is_ended = True
    self.surroundings.is_dropped = True
