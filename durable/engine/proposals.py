"""From new messages to a proposal: fetch what they carry, decide, lay out rows, spill the large.

Everything here may be thrown away: nothing is written but blobs, whose names nobody else has.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.episode_rows import record_after, rows_of
from durable.engine.holding import Held, is_patience_over
from durable.engine.opening import open_execution
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.environment import Environment
from durable.model.history import ExecutionTerminated, HistoryEvent, TimerFired
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.replay.parking import park
from durable.storage.payloads import fetch_all, spill_rows
from durable.storage.port import BlobMissing, TaskHubStore

logger = logging.getLogger("durable")


class HistoryBlobMissing(BlobMissing):
    """The blob belongs to the history: without it the code can't be replayed."""


class Proposer:
    """Makes proposals for one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
        sent: SentEpisodes,
    ) -> None:
        """Propose with these functions."""
        self._store = store
        self._registry = registry
        self._environment = environment
        self._settings = settings
        self._sent = sent

    async def propose(
        self, turn: Turn, state: InstanceState, *, problem: str | None = None
    ) -> Proposal:
        """Decide over the turn's new messages. Raises `BlobMissing`, `Held` or a `StorageFault`.

        `state.live` stands behind the proposal afterwards: it must be dropped unless exactly this
        proposal is committed. With `problem`, known to be final, the instance is parked at once.
        """
        now = self._environment.now()
        before = state.snapshot.record
        opened, messages = open_execution(turn.instance_id, before, turn.new_messages, now=now)
        fetched = await fetch_all(self._store, [(m.event, m.blobs) for m in messages])
        inputs = [
            replace(message, event=event) for message, event in zip(messages, fetched, strict=True)
        ]
        decision = await self._decide(turn, state, opened, inputs, now=now, problem=problem)
        state.live = decision.execution
        turn.drop_latecomers(messages[decision.consumed :])
        rows = await self._rows(turn, opened, decision, inputs)
        record = record_after(
            decision,
            before,
            opened,
            rows,
            sent=self._sent.of(turn.instance_id, before.life_id) if before else frozenset(),
            now=now,
            commit_id=self._environment.new_id(),
        )
        return Proposal(
            record=record,
            rows=rows,
            live=None if record.status.is_terminal else decision.execution,
            shows=record.status_sequence > (before.status_sequence if before else 0),
        )

    async def _decide(
        self,
        turn: Turn,
        state: InstanceState,
        opened: InstanceRecord,
        inputs: Sequence[TaskMessage],
        *,
        now: datetime,
        problem: str | None,
    ) -> Decision:
        """Run the code, or say why it can't be run: `Held` first, parked when patience is over."""
        arrived = [message.event for message in inputs]
        is_parked = opened.status is RuntimeStatus.SUSPENDED
        if is_parked:
            outcome: Decision | str = opened.reason or ""
        elif problem is not None:
            outcome = problem
        else:
            outcome = await self._run(turn, state, opened, arrived, now)
            if isinstance(outcome, str) and not self._is_final(inputs, now):
                raise Held(outcome)
        if isinstance(outcome, Decision):
            for warning in outcome.warnings:
                logger.warning("instance=%s %s", turn.instance_id, warning)
            return outcome
        if not is_parked:
            logger.error("instance=%s parked: %s", turn.instance_id, outcome)
        return park(
            arrived,
            now=_episode_time(state, arrived, now),
            reason=outcome,
            custom_status=opened.custom_status,
            is_parked=is_parked,
        )

    async def _run(
        self,
        turn: Turn,
        state: InstanceState,
        opened: InstanceRecord,
        arrived: list[HistoryEvent],
        now: datetime,
    ) -> Decision | str:
        """Run the orchestrator away from the event loop; return why, where that can't be done."""
        orchestrator = self._registry.orchestrators.get(opened.name)
        if orchestrator is None:
            return (
                f"No orchestrator function named '{opened.name}' is registered in this app. "
                "Deploy code that has it while the instance is held; once it is parked, terminate "
                "it and start it anew."
            )
        history = await self._history(state, opened)
        outcome = await self._environment.run_orchestrator(
            functools.partial(
                decide,
                history,
                arrived,
                orchestrator,
                now=now,
                instance_id=turn.instance_id,
                live=state.live,
                strict_arguments=self._settings.strict_arguments,
            )
        )
        if isinstance(outcome, Divergence):
            state.live = None
            return outcome.mismatch.explain()
        return outcome

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
        try:
            return await fetch_all(self._store, [(row.event, row.blobs) for row in rows])
        except BlobMissing as missing:
            raise HistoryBlobMissing(str(missing)) from missing

    async def _rows(
        self,
        turn: Turn,
        opened: InstanceRecord,
        decision: Decision,
        inputs: Sequence[TaskMessage],
    ) -> tuple[HistoryRow, ...]:
        sources = {id(message.event): message for message in inputs}
        rows = rows_of(decision, opened, sources)
        return await spill_rows(self._store, self._environment, turn.instance_id, rows)

    def _is_final(self, messages: Sequence[TaskMessage], now: datetime) -> bool:
        """Whether waiting for a host with the right code is over, or of no use."""
        hold_s_max = self._settings.hold_s_max
        return any(
            is_patience_over(message, now, hold_s_max=hold_s_max)
            or isinstance(message.event, ExecutionTerminated)
            for message in messages
        )


def _episode_time(state: InstanceState, arrived: Sequence[HistoryEvent], now: datetime) -> datetime:
    """Never before the last episode, whose host's clock may have been ahead, nor before a timer."""
    last = [row.event.timestamp for row in state.snapshot.rows[-1:]]
    fired = [event.fire_at for event in arrived if isinstance(event, TimerFired)]
    return max([now, *last, *fired])
