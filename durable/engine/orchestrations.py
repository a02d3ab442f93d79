"""One turn of an orchestration: admit, load, decide, commit, dispatch. The commit protocol, sections A, C, E, H, J.

    admit     judge the messages on the state at hand; whatever does not end in a conditional write
              is judged again on a state loaded after their receipt (rule A3)
    decide    pure; the live generator where there is one
    commit    one transaction under the sentinel's ETag; a loser starts over on the newer state
    dispatch  only then send; then answer the submitters, whose hosts delete the messages

A crash may fall in any gap. Before the commit nothing has happened. After it, each message that it
recorded comes again, is known, has the duty, and sends what was not sent.
"""

import asyncio
import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from durable.engine.coalescer import Submission
from durable.engine.collection import collect
from durable.engine.dispatch import Dispatcher
from durable.engine.episode_rows import record_after, rows_of
from durable.engine.holding import Held, is_patience_over
from durable.engine.inbox import Verdict, admit
from durable.engine.registry import Registry
from durable.engine.settings import LOST_RACES_MAX, EngineSettings
from durable.engine.warm import InstanceState, SentEpisodes, WarmStates
from durable.model.births import born, running, start_of_pending
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import ExecutionStarted, HistoryEvent
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.episode import decide
from durable.replay.executor import Execution
from durable.replay.parking import park
from durable.storage import partition
from durable.storage.payloads import fetch_payloads, spill_row
from durable.storage.port import BlobMissing, LostRace, OutcomeUnknown, StorageFault, TaskHubStore

logger = logging.getLogger("durable")


@dataclass(slots=True)
class Turn:
    """What one batch comes to."""

    instance_id: InstanceId
    batch: Sequence[Submission]
    state: InstanceState | None
    is_fresh: bool = False  # loaded after the receipt of the batch
    is_tried: bool = False  # a commit of this turn had an unknown outcome
    verdicts: list[Verdict] = field(default_factory=list)
    committed: "_Proposal | None" = None

    @property
    def messages(self) -> list[TaskMessage]:
        return [submission.message for submission in self.batch]


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A decision, ready to be committed."""

    record: InstanceRecord
    rows: tuple[HistoryRow, ...]
    live: Execution | None
    shows: bool


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
        self._registry = registry
        self._environment = environment
        self._settings = settings
        self.warm = WarmStates(settings.warm_bytes_max)
        self._sent = SentEpisodes()
        self._dispatcher = Dispatcher(store, environment, self._sent, settings)

    @property
    def dispatcher(self) -> Dispatcher:
        """What sends."""
        return self._dispatcher

    async def advance(self, instance_id: InstanceId, batch: Sequence[Submission]) -> None:
        """Deal with a batch of messages to one instance; return when all that follows is sent.

        Raises `Held`, `StorageFault` or `MalformedMessageError`; then every message of the batch
        is still a token and must not be deleted. The caller is the only one in this process that
        advances the instance.
        """
        turn = Turn(instance_id, batch, self._take_warm(instance_id, batch))
        try:
            await self._commit(turn)
            await self._dispatch(turn)
        except BaseException:
            if turn.state is not None:
                turn.state.drop_live()
            raise
        if turn.state is not None and turn.state.snapshot.record is not None:
            self.warm.keep(instance_id, turn.state)

    def _take_warm(
        self, instance_id: InstanceId, batch: Sequence[Submission]
    ) -> InstanceState | None:
        """Take what is warm, unless a message of the batch has the duty (rule A3).

        Then no verdict must come from the cache, not even "known": the store may have unsent
        episodes that the cache has never heard of (hole H3b).
        """
        state = self.warm.take(instance_id)
        if state is not None and any(submission.duty for submission in batch):
            state.drop_live()
            return None
        return state

    async def _commit(self, turn: Turn) -> None:
        """Loop until the new messages are committed, or nothing is new on a fresh state."""
        for attempt in range(LOST_RACES_MAX):
            state = await self._state_of(turn)
            record, messages = state.snapshot.record, turn.messages
            turn.verdicts = admit(record, state.ledger, messages)
            if not turn.is_fresh and self._needs_fresh(turn.verdicts):
                await self._reload(turn)
                continue
            if Verdict.NEW not in turn.verdicts:
                return
            proposal = await self._propose(turn, state)
            if proposal is None:
                continue
            try:
                snapshot = await partition.commit(
                    self._store, turn.instance_id, state.snapshot, proposal.record, proposal.rows
                )
            except LostRace:
                await self._reload(turn)
                await self._environment.wait(self._environment.jitter() * 0.02 * (attempt + 1))
            except OutcomeUnknown:
                # It may be applied now, later or never. Recognising it is only a short cut: if it
                # is applied and overtaken, its messages are known, and `is_tried` sends the rest.
                turn.is_tried = True
                await self._reload(turn)
                if self._is_ours(turn, proposal):
                    turn.committed = proposal
                    return
            else:
                state.advance(snapshot, proposal.rows, live=proposal.live)
                turn.committed = proposal
                return
        raise StorageFault(
            f"Instance '{turn.instance_id}' lost {LOST_RACES_MAX} races in a row; trying later."
        )

    async def _state_of(self, turn: Turn) -> InstanceState:
        if turn.state is None:
            turn.state = InstanceState.of(await partition.load(self._store, turn.instance_id))
            turn.is_fresh = True
        return turn.state

    async def _reload(self, turn: Turn) -> None:
        """Read what is newer. The generator is dropped first: it stands behind a lost decision."""
        assert turn.state is not None
        turn.state.drop_live()
        known = turn.state.snapshot
        turn.state.reload(await partition.load(self._store, turn.instance_id, known))
        turn.is_fresh = True

    @staticmethod
    def _is_ours(turn: Turn, proposal: _Proposal) -> bool:
        assert turn.state is not None
        record = turn.state.snapshot.record
        return record is not None and record.commit_id == proposal.record.commit_id

    async def _propose(self, turn: Turn, state: InstanceState) -> _Proposal | None:
        """Decide, and put large payloads into blobs. `None`: a blob was gone, the state is reloaded."""
        now = self._environment.now()
        before = state.snapshot.record
        opened, messages = self._open(turn, before)
        try:
            inputs = [
                replace(message, event=await fetch_payloads(self._store, message.event, message.blobs))
                for message in messages
            ]
            history = await self._history(state, opened)
        except BlobMissing as missing:
            # Another host may have moved on and collected; only an unchanged ETag makes it a loss.
            etag = state.snapshot.etag
            await self._reload(turn)
            if state.snapshot.etag == etag:
                raise MalformedMessageError(
                    f"A payload of instance '{turn.instance_id}' is gone: blob {missing}."
                ) from missing
            return None
        decision = await self._decide(turn, state, opened, history, inputs)
        self._mark_latecomers(turn, messages, decision)
        sources = {id(message.event): message for message in inputs}
        rows = rows_of(decision, opened, sources)
        rows = tuple(
            [await spill_row(self._store, self._environment, turn.instance_id, row) for row in rows]
        )
        sent = self._sent.of(turn.instance_id, before.life_id) if before else frozenset()
        record = record_after(
            decision,
            before,
            opened,
            rows,
            sent=sent,
            now=now,
            commit_id=self._environment.new_id(),
        )
        return _Proposal(
            record=record,
            rows=rows,
            live=None if record.status.is_terminal else decision.execution,
            shows=record.status_sequence > (before.status_sequence if before else 0),
        )

    def _open(
        self, turn: Turn, before: InstanceRecord | None
    ) -> tuple[InstanceRecord, list[TaskMessage]]:
        """List the new messages, the start first, and make the record that their execution has."""
        new = [m for m, v in zip(turn.messages, turn.verdicts, strict=True) if v is Verdict.NEW]
        new.sort(key=lambda message: not isinstance(message.event, ExecutionStarted))
        is_pending = before is not None and before.status is RuntimeStatus.PENDING and not before.is_stub
        started = new[0].event
        if isinstance(started, ExecutionStarted):
            if before is not None and is_pending:
                return running(before), new
            execution_id = new[0].execution_id
            assert execution_id is not None
            return (
                born(
                    before,
                    started,
                    execution_id,
                    now=self._environment.now(),
                    commit_id="",
                    status=RuntimeStatus.RUNNING,
                ),
                new,
            )
        assert before is not None
        if is_pending:
            return running(before), [start_of_pending(turn.instance_id, before), *new]
        return before, new

    async def _history(self, state: InstanceState, opened: InstanceRecord) -> list[HistoryEvent]:
        """List what there is to replay: nothing where the generator is alive."""
        if state.live is not None and opened is state.snapshot.record:
            return []
        state.drop_live()
        rows = [
            row
            for row in state.snapshot.rows
            if row.ordinal >= opened.base and row.execution_id == opened.execution_id
        ]
        if any(row.blobs for row in rows):
            events = await asyncio.gather(
                *(fetch_payloads(self._store, row.event, row.blobs) for row in rows)
            )
            return list(events)
        return [row.event for row in rows]

    async def _decide(
        self,
        turn: Turn,
        state: InstanceState,
        opened: InstanceRecord,
        history: list[HistoryEvent],
        inputs: Sequence[TaskMessage],
    ) -> Decision:
        """Run the code, or say why it can't be run: `Held` first, parked when patience is over."""
        arrived = [message.event for message in inputs]
        now = self._environment.now()
        orchestrator = self._registry.orchestrators.get(opened.name)
        if opened.status is RuntimeStatus.SUSPENDED:
            problem = opened.reason or ""
        elif orchestrator is None:
            problem = (
                f"No orchestrator function named '{opened.name}' is registered in this app. "
                "Deploy code that has it, or terminate the instance."
            )
        else:
            decide_it = functools.partial(
                decide,
                history,
                arrived,
                orchestrator,
                now=now,
                instance_id=turn.instance_id,
                execution_id=opened.execution_id,
                live=state.live,
                strict_arguments=self._settings.strict_arguments,
            )
            decision = await self._environment.call_blocking(decide_it)
            if isinstance(decision, Decision):
                for warning in decision.warnings:
                    logger.warning("instance=%s %s", turn.instance_id, warning)
                return decision
            state.live = None
            problem = decision.mismatch.explain()
        is_parked = opened.status is RuntimeStatus.SUSPENDED
        if not is_parked and not self._is_patience_over(inputs, now):
            raise Held(problem)
        if not is_parked:
            logger.error("instance=%s parked: %s", turn.instance_id, problem)
        return park(
            arrived,
            now=now,
            reason=problem,
            custom_status=opened.custom_status,
            is_parked=is_parked,
        )

    def _is_patience_over(self, messages: Sequence[TaskMessage], now: datetime) -> bool:
        hold_s_max = self._settings.hold_s_max
        return any(is_patience_over(message, now, hold_s_max=hold_s_max) for message in messages)

    @staticmethod
    def _mark_latecomers(
        turn: Turn, messages: Sequence[TaskMessage], decision: Decision
    ) -> None:
        """What came after the end is dropped, in the same commit that makes the end."""
        late = {id(message) for message in messages[decision.consumed :]}
        for index, message in enumerate(turn.messages):
            if id(message) in late:
                turn.verdicts[index] = Verdict.DROPPED

    async def _dispatch(self, turn: Turn) -> None:
        """Send what was committed, and what somebody else may have left unsent."""
        state, committed = turn.state, turn.committed
        if state is None:
            return
        if committed is not None:
            await self._dispatcher.dispatch(
                turn.instance_id, state, committed.rows, shows=committed.shows
            )
        has_duty = any(
            verdict is not Verdict.NEW and (submission.duty or turn.is_tried)
            for submission, verdict in zip(turn.batch, turn.verdicts, strict=True)
        )
        if has_duty:
            await self._dispatcher.resend(
                turn.instance_id, state, committed.record.episode if committed else None
            )
        if committed is not None:
            await collect(self._store, self._dispatcher, turn.instance_id, state)

    def _needs_fresh(self, verdicts: Sequence[Verdict]) -> bool:
        """Rule A3: a stale state may say "new" (a commit will tell) and "known" (it stays known)."""
        if Verdict.UNKNOWN_TASK in verdicts:
            return True
        return Verdict.NEW not in verdicts and Verdict.DROPPED in verdicts
