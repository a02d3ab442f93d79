"""Bugs in sending: commit before send, the token, the duty, and the unsent set (rules A)."""

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine import collection, proposals
from durable.engine.chapters import Chapter
from durable.engine.dispatch import Dispatcher
from durable.engine.episode_rows import record_after
from durable.engine.inbox import Verdict
from durable.engine.orchestrations import Orchestrations
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.environment import Environment
from durable.model.history import ExecutionStarted, answered_task_id
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import encode_record
from durable.storage import sending
from durable.storage.outbox import outbox, sends
from durable.storage.port import LostRace, StorageFault
from durable.storage.resending import unsent_messages
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_write = Orchestrations._write
_turn_dispatch = Orchestrations._dispatch
_dispatch = Dispatcher.dispatch
_of = SentEpisodes.of


@mutant_of_many(rule="commit before send")
@contextlib.contextmanager
def sends_before_commit() -> Iterator[None]:
    """The messages go out, then comes the commit.

    One that loses its race, or dies in between, has sent what never happened; an activity runs on a
    decision that is not committed.
    """

    async def send_then_write(
        self: Orchestrations, turn: Turn, state: InstanceState, proposal: Proposal
    ) -> bool:
        for outgoing in outbox(turn.instance_id, proposal.rows):
            await self.dispatcher.put(outgoing)
        return await _write(self, turn, state, proposal)

    async def only_show(
        self: Dispatcher,
        instance_id: InstanceId,
        state: InstanceState,
        rows: Iterable[HistoryRow],
        *,
        shows: bool,
    ) -> None:
        await _dispatch(self, instance_id, state, (), shows=shows)

    with (
        replaced(Orchestrations, "_write", send_then_write),
        replaced(Dispatcher, "dispatch", only_show),
    ):
        yield


@mutant(
    Orchestrations,
    "_dispatch",
    rule="A1",
    shown_by=("fan-out of 8", "failure beside siblings that run on"),
)
async def followers_released_at_the_commit(self: Orchestrations, turn: Turn) -> None:
    """The batch is answered when it is committed, before its messages are sent.

    A leader that is killed then leaves tasks that nothing will send (hole H14b).
    """
    for submission in turn.batch:
        submission.done()
    await _turn_dispatch(self, turn)


@mutant(sending, "_insist", rule="A1", shown_by=("fan-out of 8",))
async def a_put_that_fails_is_forgiven(
    environment: Environment, put: Callable[[], Awaitable[None]]
) -> None:
    """A message that storage refuses is not sent again, and nobody hears of it.

    The episode counts as sent and the task is never run.
    """
    with contextlib.suppress(StorageFault):
        await put()


@mutant(Turn, "has_duty", rule="A2")
def duty_forgotten(self: Turn) -> bool:
    """A message that comes again is just dropped where it is known.

    What a dead sender left unsent stays unsent.
    """
    return False


@mutant(Turn, "has_duty", rule="A2", shown_by=("failure, caught",))
def foreign_and_ended_dropped_without_duty(self: Turn) -> bool:
    """Only a known message has the duty.

    Where the sender of the last episode died, its message finds the instance ended, is dropped, and
    lists show Running for ever (hole H2).
    """
    judged = zip(self.batch, self.verdicts, strict=True)
    return any(
        verdict is Verdict.KNOWN and (submission.duty or self.is_tried)
        for submission, verdict in judged
    )


@mutant(Orchestrations, "_dispatch", rule="A2")
async def only_the_own_episode_sent_again(self: Orchestrations, turn: Turn) -> None:
    """A message that comes again sends the episode that recorded it, and no other (hole H1).

    Where its row was collected with its execution, it sends nothing.
    """
    state, committed, to = turn.state, turn.committed, self.dispatcher
    if state is None:
        return
    if committed is not None:
        await to.dispatch(turn.instance_id, state, committed.rows, shows=committed.shows)
    record = state.snapshot.record
    if turn.has_duty and record is not None:
        rows = [row for row in state.snapshot.rows if row.episode in record.unsent]
        own = {row.episode for row in rows if any(_is_of(row, m) for m in turn.messages)}
        await to._send_all(
            await unsent_messages(self._store, turn.instance_id, state.snapshot, frozenset(own))
        )
        await to.project(turn.instance_id, state)
        await to._take_out(turn.instance_id, state, frozenset(own))
    if committed is not None:
        await collection.collect(self._store, to, turn.instance_id, state)


def _is_of(row: HistoryRow, message: TaskMessage) -> bool:
    """Whether the row recorded the message."""
    if row.message_id is not None or message.message_id is not None:
        return row.message_id == message.message_id
    if row.execution_id != message.execution_id:
        return False
    if isinstance(message.event, ExecutionStarted):
        return isinstance(row.event, ExecutionStarted)
    task_id = answered_task_id(message.event)
    return task_id is not None and task_id == answered_task_id(row.event)


@mutant(proposals, "record_after", rule="A6")
def own_episode_not_unsent(
    chapter: Chapter,
    before: InstanceRecord | None,
    rows: Sequence[HistoryRow],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """The episode that is being committed is not noted as unsent.

    If its sender dies, the message that comes again finds nothing to send.
    """
    record = record_after(chapter, before, rows, sent=sent, now=now, commit_id=commit_id)
    return replace(record, unsent=record.unsent - {record.episode})


@mutant(proposals, "record_after", rule="A6", shown_by=("failure, caught",))
def a_change_of_status_alone_is_not_unsent(
    chapter: Chapter,
    before: InstanceRecord | None,
    rows: Sequence[HistoryRow],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """An episode that sends nothing is not noted as unsent, though lists must show its change.

    If its sender dies first, they show Running for ever (hole H13).
    """
    record = record_after(chapter, before, rows, sent=sent, now=now, commit_id=commit_id)
    if any(sends(row.event) for row in rows):
        return record
    return replace(record, unsent=record.unsent - {record.episode})


@mutant(
    SentEpisodes, "of", rule="A5", shown_by=("events, an activity after each", "failure, caught")
)
def unsent_as_a_watermark(
    self: SentEpisodes, instance_id: InstanceId, life_id: ExecutionId
) -> frozenset[int]:
    """What was sent last is taken for the end of all that was sent.

    An older episode, whose sender died, is taken out with it and never sent.
    """
    last = max(_of(self, instance_id, life_id), default=-1)
    return frozenset(range(last + 1))


@mutant(Dispatcher, "dispatch", rule="A5", shown_by=("fan-out of 8", "race, then its loser"))
async def noted_as_sent_before_it_is_sent(
    self: Dispatcher,
    instance_id: InstanceId,
    state: InstanceState,
    rows: Iterable[HistoryRow],
    *,
    shows: bool,
) -> None:
    """The process remembers an episode as sent when it begins to send it.

    If that invocation is killed, the next commit takes the episode out of the set.
    """
    record = state.snapshot.record
    assert record is not None
    self._sent.note(instance_id, record.life_id, frozenset({record.episode}))
    await _dispatch(self, instance_id, state, rows, shows=shows)


@mutant(Dispatcher, "resend", rule="A5", shown_by=("failure, caught",))
async def taken_out_before_it_is_sent_again(
    self: Dispatcher, instance_id: InstanceId, state: InstanceState, except_episode: int | None
) -> None:
    """Who takes over from a dead sender takes the episodes out of the set first.

    If he dies as well, nobody will send them.
    """
    record = state.snapshot.record
    if record is None or not (need := record.unsent - {except_episode}):
        return
    await self._take_out(instance_id, state, need)
    await self._send_all(await unsent_messages(self._store, instance_id, state.snapshot, need))
    await self.project(instance_id, state)


@mutant(Dispatcher, "_take_out", rule="A5")
async def taken_out_with_the_next_commit_only(
    self: Dispatcher, instance_id: InstanceId, state: InstanceState, sent: frozenset[int]
) -> None:
    """What was sent again stays in the set until the next commit.

    An ended instance has none, and everything is sent again for ever (hole H4).
    """


@mutant(Dispatcher, "_take_out", rule="A5", shown_by=("fan-out of 8",))
async def taken_out_of_an_old_record(
    self: Dispatcher, instance_id: InstanceId, state: InstanceState, sent: frozenset[int]
) -> None:
    """Taking out writes the record at hand under whatever ETag stands now.

    The sequence number goes back, and what somebody else has committed is gone.
    """
    record, sentinel = state.snapshot.record, await self._store.read_sentinel(instance_id)
    if record is None or sentinel is None:
        return
    cleared = replace(record, unsent=record.unsent - sent, commit_id=self._environment.new_id())
    with contextlib.suppress(LostRace):
        etag = await self._store.transact(
            instance_id, (), encode_record(cleared), etag=sentinel.etag
        )
        state.snapshot = replace(state.snapshot, record=cleared, etag=etag)


@mutant(Turn, "has_duty", rule="A7")
def every_known_message_sends_again(self: Turn) -> bool:
    """A repeat has the duty the first time that it comes, too.

    What another host is just sending is sent twice, and an activity runs twice where nothing has
    failed (hole H5).
    """
    return any(verdict is not Verdict.NEW for verdict in self.verdicts)


@mutant(collection, "_adopt", rule="A9", shown_by=("started again with another input",))
async def old_episodes_never_adopted(
    dispatcher: Dispatcher, instance_id: InstanceId, state: InstanceState
) -> None:
    """The collector waits for somebody else to take old episodes out of the unsent set.

    The rows of the life before stay behind, though nothing has failed.
    """
