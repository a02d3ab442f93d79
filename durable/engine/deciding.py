"""Deciding: run the code over history and inputs, or say without it what follows.

Without the code go an instance that is suspended, one whose code is not here or does something
else than the history says (held first, parked when patience is over), and an ended child whose
rewound parent asks it to answer again.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from durable.engine.holding import Held, is_patience_over
from durable.engine.registry import Registry, unknown
from durable.engine.rewinding import again, rewound, with_tasks_asked_anew
from durable.engine.settings import EngineSettings
from durable.engine.versions import Refusal, refuse_version
from durable.engine.warm import InstanceState
from durable.model.environment import Environment
from durable.model.history import (
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TimerFired,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.rewinding import effective
from durable.model.status import RuntimeStatus
from durable.model.streams import EXECUTION_MARK
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.replay.parking import fail, park
from durable.storage.payloads import fetch_all, fetch_record
from durable.storage.port import BlobMissing, TaskHubStore

logger = logging.getLogger("durable")

# DTFx's name for it.
NON_DETERMINISTIC = "NonDeterministicOrchestrationException"


class HistoryBlobMissing(BlobMissing):
    """The blob belongs to the history: without it the code can't be replayed."""


@dataclass(frozen=True, slots=True)
class Unrun:
    """Why the code was not run, or not to an end; when patience is over the instance is parked.

    `fails_as`: it fails in place of that, with an error of this type.
    """

    reason: str
    fails_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is to be decided: an instance as it was loaded and as it is opened, and what came.

    `problem` says why its code must not run, where that is known.
    """

    instance_id: InstanceId
    state: InstanceState
    opened: InstanceRecord
    inputs: Sequence[TaskMessage]
    now: datetime
    problem: str | None = None

    @property
    def arrived(self) -> list[HistoryEvent]:
        """The inputs' events."""
        return [message.event for message in self.inputs]

    @property
    def clock(self) -> datetime:
        """Never before the execution that this one follows, whose host's clock may be ahead."""
        follows = EXECUTION_MARK in self.opened.execution_id
        return max(self.now, self.opened.updated_at) if follows else self.now

    @property
    def time(self) -> datetime:
        """Never before the last episode, whose host's clock may be ahead, nor before a timer."""
        last = [row.event.timestamp for row in self.state.snapshot.rows[-1:]]
        fired = [event.fire_at for event in self.arrived if isinstance(event, TimerFired)]
        return max([self.clock, *last, *fired])

    @property
    def rows(self) -> list[HistoryRow]:
        """The rows of the execution that count; to be asked for only where they are needed."""
        return effective(self.state.snapshot.rows, self.opened.execution_id)

    def has(self, kind: type[HistoryEvent]) -> bool:
        """Say whether an event of this kind came."""
        return any(isinstance(event, kind) for event in self.arrived)


class Decider:
    """Decides for one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
    ) -> None:
        """Decide with these functions."""
        self._store = store
        self._registry = registry
        self._environment = environment
        self._settings = settings

    async def decide(self, case: Case) -> tuple[Decision, Sequence[TaskMessage]]:
        """Return the decision, and the inputs that it is over: a rewind brings old ones back.

        Raises `Held` where another host may be able to do what this one can't, `BlobMissing`.
        """
        rewind = next((m for m in case.inputs if isinstance(m.event, ExecutionRewound)), None)
        if rewind is not None and case.opened.status.is_terminal:
            ended = await fetch_record(self._store, case.opened)
            return again(ended, rewind.event, now=case.time), [rewind]
        if rewind is None or not _has_failed(case.state):
            return await self._decide(case, None), case.inputs
        case.state.drop_live()
        rows, inputs = await rewound(self._store, case.rows, case.inputs)
        decision = await self._decide(replace(case, inputs=inputs), rows)
        return await with_tasks_asked_anew(self._store, decision, rows), inputs

    async def _decide(self, case: Case, rows: Sequence[HistoryRow] | None) -> Decision:
        """Decide; `rows` are what a rewind has left of those that count."""
        outcome = await self._outcome(case, rows)
        if isinstance(outcome, Decision):
            for warning in outcome.warnings:
                logger.warning("instance=%s %s", case.instance_id, warning)
            return outcome
        is_parked = case.opened.status is RuntimeStatus.SUSPENDED
        if not is_parked or case.has(ExecutionResumed):
            if case.problem is None and not self._is_final(case.inputs, case.now):
                raise Held(outcome.reason)
            logger.error("instance=%s can't run: %s", case.instance_id, outcome.reason)
            if outcome.fails_as is not None and not case.has(ExecutionTerminated):
                return self._fail(case, outcome.reason, outcome.fails_as)
        return park(
            case.arrived,
            now=case.time,
            reason=outcome.reason,
            custom_status=case.opened.custom_status,
            is_parked=is_parked,
            parent_instance=case.opened.parent,
        )

    async def _outcome(self, case: Case, rows: Sequence[HistoryRow] | None) -> Decision | Unrun:
        """Run the code where it may run; else return why it may not."""
        if case.opened.status is RuntimeStatus.SUSPENDED and not case.has(ExecutionResumed):
            return Unrun(case.opened.reason or "")
        refused = refuse_version(case.opened, self._settings)
        if case.has(ExecutionTerminated) and (case.has(ExecutionStarted) or refused):
            return self._end_unrun(case)
        if case.problem is not None:
            return Unrun(case.problem)
        if refused is None:
            return await self._run(case, rows)
        refusal, why = refused
        if refusal is Refusal.HOLD:
            raise Held(why)
        return self._fail(case, why, "VersionMismatch")

    async def _run(self, case: Case, rows: Sequence[HistoryRow] | None) -> Decision | Unrun:
        """Run the orchestrator away from the event loop; return why, where that can't be done."""
        name = case.opened.name
        orchestrator = self._registry.orchestrators.get(name)
        if orchestrator is None:
            # A child that never ran is refused to its parent, whose author has mistyped the name.
            is_new_child = case.opened.parent is not None and case.has(ExecutionStarted)
            reason = unknown(name, "orchestrator", self._registry.orchestrators)
            if is_new_child:
                return Unrun(reason, fails_as="FunctionNotFound")
            return Unrun(
                f"{reason} Deploy code that has it; once the instance is parked, resume it then."
            )
        history = await self._history(case, rows)
        outcome = await self._environment.run_orchestrator(
            functools.partial(
                decide,
                history,
                case.arrived,
                orchestrator,
                now=case.clock,
                instance_id=case.instance_id,
                execution_id=case.opened.execution_id,
                live=case.state.live,
                strict_arguments=self._settings.strict_arguments,
                types=self._registry,
                http_poll=timedelta(seconds=self._settings.http_polling_s),
            )
        )
        if isinstance(outcome, Divergence):
            case.state.live = None
            fails = self._settings.non_determinism == "fail"
            return Unrun(outcome.mismatch.explain(), NON_DETERMINISTIC if fails else None)
        return outcome

    @staticmethod
    def _end_unrun(case: Case) -> Decision:
        """Let a terminate end what has not begun, or what other code than ours is to run.

        It may be here long before the time of a scheduled start; and one that continues as new
        without ever waiting would always be ahead of it.
        """
        return park(
            case.arrived,
            now=case.time,
            reason="",
            custom_status=case.opened.custom_status,
            is_parked=False,
            parent_instance=case.opened.parent,
        )

    @staticmethod
    def _fail(case: Case, reason: str, error_type: str) -> Decision:
        return fail(
            case.arrived,
            now=case.time,
            reason=reason,
            error_type=error_type,
            custom_status=case.opened.custom_status,
            parent_instance=case.opened.parent,
        )

    async def _history(self, case: Case, rows: Sequence[HistoryRow] | None) -> list[HistoryEvent]:
        """List what there is to replay: nothing where the generator is alive."""
        if case.state.live is not None and case.opened is case.state.snapshot.record:
            return []
        case.state.drop_live()
        counting = case.rows if rows is None else rows
        listed = [row for row in counting if row.ordinal >= case.opened.base]
        try:
            return await fetch_all(self._store, [(row.event, row.blobs) for row in listed])
        except BlobMissing as missing:
            raise HistoryBlobMissing(str(missing)) from missing

    def _is_final(self, messages: Sequence[TaskMessage], now: datetime) -> bool:
        """Whether waiting for a host with the right code is over, or of no use."""
        hold_s_max = self._settings.hold_s_max
        return any(
            is_patience_over(message, now, hold_s_max=hold_s_max)
            or isinstance(message.event, ExecutionTerminated)
            for message in messages
        )


def _has_failed(state: InstanceState) -> bool:
    record = state.snapshot.record
    return record is not None and record.status is RuntimeStatus.FAILED
