"""One turn of an orchestration: admit, load, decide, commit, dispatch. The order is the protocol.

    admit     judge the messages on the state at hand; whatever does not end in a conditional write
              is judged again on a state loaded after their receipt (rule A3)
    decide    pure; the live generator where there is one
    commit    one transaction under the sentinel's ETag; a loser starts over on the newer state
    dispatch  only then send; then answer the submitters, whose hosts delete the messages

A crash may fall in any gap. Before the commit nothing has happened. After it, each message that it
recorded comes again, is known, has the duty, and sends what was not sent.

Eager and in-place execution will have their place between commit and dispatch: they take one of the
messages that dispatch would put, and leave its episode unsent until their commit (rules B1, B2).
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from durable.engine.coalescer import Submission
from durable.engine.collection import collect, delete_spent, discard
from durable.engine.deciding import HistoryBlobMissing
from durable.engine.dispatch import Dispatcher
from durable.engine.entities import EntityProposer
from durable.engine.forgetting import forget
from durable.engine.inbox import Verdict, admit
from durable.engine.proposals import Proposer
from durable.engine.registry import Registry
from durable.engine.settings import LOST_RACES_MAX, POISONINGS_MAX, EngineSettings
from durable.engine.stash import as_kept
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState, SentEpisodes, WarmStates
from durable.model.entity_ids import is_entity_id
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import ExecutionCompleted, TaskCompleted, TaskScheduled
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.storage import partition
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.port import BlobMissing, LostRace, OutcomeUnknown, StorageFault, TaskHubStore

logger = logging.getLogger("durable")

# A turn that serves a long queue goes on in another invocation: the host ends each in the end.
TURN_S_MAX = 60.0


class Orchestrations:
    """Advances the orchestrations of one task hub in this process."""

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
    ) -> None:
        """Start with nothing warm."""
        self._store = store
        self._environment = environment
        self.warm = WarmStates(settings.warm_bytes_max)
        self._sent = SentEpisodes()
        self.dispatcher = Dispatcher(store, environment, self._sent, settings)
        self._proposer = Proposer(store, registry, environment, settings, self._sent)
        self._entities = EntityProposer(store, registry, environment, settings, self._sent)

    async def advance(self, instance_id: InstanceId, batch: Sequence[Submission]) -> None:
        """Deal with a batch of messages to one instance; return when all that follows is sent.

        Raises `Held`, `StorageFault` or `MalformedMessageError`; then every message of the batch
        is still a token and must not be deleted. The caller is the only one in this process that
        advances the instance.
        """
        turn = Turn(instance_id, batch, self.warm.take(instance_id))
        begun_at = self._environment.now()
        try:
            while True:
                await self._commit(turn)
                await self._dispatch(turn)
                if not turn.close_round():
                    break
                taken_s = (self._environment.now() - begun_at).total_seconds()
                if taken_s > TURN_S_MAX:
                    await self._hand_on(turn, batch[0].message)
                    break
        except BaseException:
            self.warm.forget(instance_id)
            if turn.state is not None:
                turn.state.drop_live()
            raise
        if turn.state is not None and turn.state.snapshot.record is not None:
            self.warm.keep(instance_id, turn.state)
        else:
            self.warm.forget(instance_id)

    async def _hand_on(self, turn: Turn, message: TaskMessage) -> None:
        """Leave what is still open, or kept beside the instance, to other invocations.

        What is kept is found by a copy of a message that is recorded now; and it is no suspect, for
        things go on. Something stays open for as long as an orchestrator continues as new without
        waiting; and nobody could end it while this turn went on.
        """
        copies = [replace(left, again=True) for left in turn.messages]
        for copy in copies or [replace(as_kept(message), again=True)]:
            await self.dispatcher.put(Outgoing(queue=CONTROL, message=copy))

    async def is_open(self, message: TaskMessage) -> bool:
        """Ask the store whether the task of a work item still waits for its answer.

        What was loaded stays warm: after a crash all of a fan-out asks, and must not load the
        whole history each.
        """
        known = self.warm.known(message.instance_id)
        snapshot = await partition.load(self._store, message.instance_id, known)
        state = self.warm.peek(message.instance_id)
        if state is not None and state.snapshot is known:
            if known.etag != snapshot.etag:
                state.reload(snapshot)
                self.warm.keep(message.instance_id, state)  # it weighs more now
        else:  # it was not warm, or somebody has it now
            state = InstanceState.of(snapshot)
            if known is None and snapshot.record is not None:
                self.warm.keep(message.instance_id, state)
        probe = TaskCompleted(
            timestamp=message.event.timestamp,
            task_scheduled_id=message.event.event_id,
            run=message.event.run if isinstance(message.event, TaskScheduled) else None,
        )
        answer = replace(message, event=probe)
        now = self._environment.now()
        return admit(state.standing(message.instance_id), [answer], now).verdicts == [Verdict.NEW]

    async def _commit(self, turn: Turn) -> None:
        """Loop until the new messages are committed, or nothing is new on a fresh state."""
        for attempt in range(LOST_RACES_MAX):
            state = await self._state_of(turn)
            standing, now = state.standing(turn.instance_id), self._environment.now()
            turn.admission = admit(standing, turn.messages, now)
            if not turn.is_fresh and self._needs_fresh(turn):
                await self._refresh(turn, state)
                continue
            if not turn.admission.commits:
                return
            proposal = await self._propose(turn, state)
            if proposal is None:
                continue
            if await self._write(turn, state, proposal):
                turn.committed = proposal
                return
            await self._environment.wait(self._environment.jitter() * 0.02 * (attempt + 1))
        raise StorageFault(
            f"Instance '{turn.instance_id}' lost {LOST_RACES_MAX} races in a row; trying later."
        )

    async def _write(self, turn: Turn, state: InstanceState, proposal: Proposal) -> bool:
        """Commit the proposal; say whether it stands. Otherwise the state is reloaded."""
        try:
            snapshot = await partition.commit(
                self._store,
                turn.instance_id,
                state.snapshot,
                proposal.record,
                proposal.rows,
                named=proposal.named,
            )
        except LostRace:
            state.drop_live()  # it stands behind a decision that never happened
            await delete_spent(self._store, proposal.fresh)
            await self._refresh(turn, state)
            return False
        except OutcomeUnknown:
            # It may be applied now, later or never. Recognising it is only a short cut: if it is
            # applied and overtaken, its messages are known, and `is_tried` sends what is unsent.
            turn.is_tried = True
            state.drop_live()
            await self._refresh(turn, state)
            record = state.snapshot.record
            return record is not None and record.commit_id == proposal.record.commit_id
        state.advance(snapshot, proposal.rows, live=proposal.live)
        _tell_failures(turn.instance_id, proposal.rows)
        if proposal.rows:
            sent_life = proposal.record.life_id
            self._sent.keep(turn.instance_id, sent_life, proposal.record.unsent)
        return True

    async def _propose(self, turn: Turn, state: InstanceState) -> Proposal | None:
        """Decide. `None`: a blob was gone, as somebody else had moved on; the state is newer."""
        is_entity = is_entity_id(turn.instance_id)
        proposer = self._entities if is_entity else self._proposer
        before = state.snapshot.record
        problem = _operation_given_up(turn, before) if is_entity else _given_up(turn)
        try:
            return await proposer.propose(turn, state, problem=problem)
        except BlobMissing as missing:
            etag = state.snapshot.etag
            state.drop_live()
            await self._refresh(turn, state)
            is_state = isinstance(missing, HistoryBlobMissing)
            if state.snapshot.etag != etag or (is_entity and not is_state):
                return None  # on a fresh state an entity's operation fails by itself
            gone = f"A payload of instance '{turn.instance_id}' is gone: blob {missing}."
            if is_state and not is_entity:
                return await self._proposer.propose(turn, state, problem=gone)
            raise MalformedMessageError(gone) from missing

    async def _dispatch(self, turn: Turn) -> None:
        """Send what was committed, and what somebody else may have left unsent."""
        state, committed = turn.state, turn.committed
        if state is None:
            return
        episode = committed.episode if committed is not None else None
        if committed is not None and committed.rows:
            await self.dispatcher.dispatch(
                turn.instance_id, state, committed.rows, shows=committed.shows
            )
        if turn.has_duty:
            await self.dispatcher.resend(turn.instance_id, state, except_episode=episode)
        if committed is not None:
            await delete_spent(self._store, committed.spent)
            await collect(self._store, self.dispatcher, turn.instance_id, state)
            await forget(self._store, self._environment, self.dispatcher, turn.instance_id, state)
        still_open = [turn.messages[index] for index in sorted(turn.left)]
        await discard(self._store, state, turn.unused_messages, still_open=still_open)

    async def _state_of(self, turn: Turn) -> InstanceState:
        if turn.state is None:
            turn.state = InstanceState.of(await partition.load(self._store, turn.instance_id))
            turn.is_fresh = True
        return turn.state

    async def _refresh(self, turn: Turn, state: InstanceState) -> None:
        """Read what is newer; the generator stays only where nothing is."""
        known = state.snapshot
        newer = await partition.load(self._store, turn.instance_id, known)
        if newer.etag is None or newer.etag != known.etag:
            state.reload(newer)
        turn.is_fresh = True

    def _needs_fresh(self, turn: Turn) -> bool:
        """Rule A3: what a state that was loaded before the messages came must not be believed.

        "New" it may say, for a commit will tell, and "known", for that stays so. But with the duty
        not even "known": the store may have unsent episodes that the cache has never heard of
        (hole H3b).
        """
        if any(submission.duty for submission in turn.batch):
            return True
        if Verdict.UNKNOWN_TASK in turn.verdicts:
            return True
        return not turn.admission.commits and Verdict.DROPPED in turn.verdicts


def _tell_failures(instance_id: InstanceId, rows: Sequence[HistoryRow]) -> None:
    """Write into the log of the host, too, where people look first, what has failed for good."""
    for row in rows:
        if isinstance(row.event, ExecutionCompleted) and row.event.failure_details is not None:
            failure = row.event.failure_details
            logger.error(
                "instance=%s failed: %s: %s\n%s",
                instance_id,
                failure.error_type,
                failure.error_message,
                failure.stack_trace or "",
            )


def _given_up(turn: Turn) -> str | None:
    """Say why the instance must be parked without running its code, if it must.

    The message may be recorded by now, and the code run for what it has made ready in the stash.
    """
    poisonings = max((message.poisonings for message in turn.messages), default=0)
    if poisonings < POISONINGS_MAX:
        return None
    return (
        f"The host has given up a message to this instance {poisonings} times, also when it ran "
        "alone: its orchestrator ends the process that runs it, or outlives the function timeout. "
        "Deploy code that does not and resume it, or terminate it."
    )


def _operation_given_up(turn: Turn, before: InstanceRecord | None) -> str | None:
    """Say why an entity's next operation must fail without being run, if it must.

    Whose code ends the process is not known when a message is given up: what it leads to may lie in
    the queue. So from then on what is new is queued first, and each operation has a commit of its
    own. If a message that is recorded is given up once more, it was the first of the queue; once
    for each time, of which the record keeps a note.
    """
    poisoned = [m for m in turn.messages if m.poisonings >= POISONINGS_MAX]
    turn.is_careful = turn.is_careful or bool(poisoned)
    for message, verdict in zip(turn.messages, turn.verdicts, strict=True):
        note = f"{message.origin or message.message_id}/{message.number}/{message.poisonings}"
        is_noted = before is not None and before.entity and before.entity.given_up == note
        is_guilty = message.poisonings > POISONINGS_MAX and verdict is Verdict.KNOWN
        if is_guilty and turn.admission.has_work and not is_noted:
            turn.given_up = note
            return (
                "it ended its process, or outlived the function timeout, each time that it ran, "
                f"also alone: the host gave it up {message.poisonings} times"
            )
    return None
