"""InstanceUnderTest: one instance as facts in memory, advanced by `replay.decide` and nothing else.

Rule 1. Every episode replays the whole history, and arguments must match (`strict_arguments`), so
        code that is not deterministic fails the test that runs it. `check_replay=False` keeps the
        generator alive instead: quicker for thousands of steps, and blind.
Rule 2. An answer counts for the execution that asked. One that is late, behind a continue-as-new or
        an end, is dropped, as the hub does.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

from durable.model.births import orchestration_instance
from durable.model.failures import FailureDetails
from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    Scheduling,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.types_of_app import TypesOfApp
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.replay.executor import Execution, Orchestrator

# A fact, and the execution whose it is.
Fact = tuple[ExecutionId, HistoryEvent]
# An orchestrator that continues as new without waiting for anything never comes to rest.
EXECUTIONS_WITHOUT_WAITING_MAX = 1000
ASKS_FOR_AN_ANSWER = (
    TaskScheduled,
    TimerCreated,
    SubOrchestrationInstanceCreated,
    EntityOperationCalled,
    EntityLockRequested,
)
ADVICE = (
    "An orchestrator must ask for the same each time it is run: take the time from "
    "context.current_utc_datetime, ids from context.new_uuid(), and what else may change from an "
    "activity or the input."
)


class NotDeterministicError(AssertionError):
    """The orchestrator did something else when it was run over its own history again."""


class InstanceUnderTest:
    """An instance, its status, and the histories of its executions."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        *,
        name: str,
        instance_id: InstanceId,
        life_id: ExecutionId,
        types: TypesOfApp,
        version: str | None = None,
        parent: Parent | None = None,
        check_replay: bool = True,
    ) -> None:
        """Hold an instance that has not started."""
        self.name = name
        self.instance_id = instance_id
        self.life_id = life_id
        self.parent = parent
        self.status = RuntimeStatus.PENDING
        self.output: str | None = None
        self.failure: FailureDetails | None = None
        self.custom_status: str | None = None
        self.warnings: list[str] = []
        self.ended: list[tuple[HistoryEvent, ...]] = []
        self.history: list[HistoryEvent] = []
        self.version = version
        self.updated_at: datetime | None = None
        self._orchestrator = orchestrator
        self._types = types
        self._check_replay = check_replay
        self._live: Execution | None = None
        self._answered: set[int] = set()

    @property
    def execution_id(self) -> ExecutionId:
        """The id of the execution that runs now."""
        count = len(self.ended)
        return ExecutionId(f"{self.life_id}.{count}") if count else self.life_id

    def start(self, input_: str | None, now: datetime) -> list[Fact]:
        """Call the orchestrator; return the facts of its first episode."""
        return self.take([self._started(input_, now)], now)

    def take(self, arrived: Sequence[HistoryEvent], now: datetime) -> list[Fact]:
        """Apply what arrived; return the new facts, of each execution that this ran through.

        Raises `NotDeterministicError`.
        """
        self._answered.update(
            task_id for task_id in map(answered_task_id, arrived) if task_id is not None
        )
        self.updated_at = now
        facts: list[Fact] = []
        for _ in range(EXECUTIONS_WITHOUT_WAITING_MAX):
            decision = self._decide(arrived, now)
            facts += [(self.execution_id, fact) for fact in decision.facts]
            self.history += decision.facts
            if decision.continued is None:
                self._show(decision)
                return facts
            rest = arrived[decision.consumed :]
            arrived = self._continue(decision, now, rest)
        raise AssertionError(
            f"'{self.name}' continued as new {EXECUTIONS_WITHOUT_WAITING_MAX} times "
            "without waiting for anything."
        )

    def open_tasks(self) -> list[Scheduling]:
        """List what has no answer yet, in the order of ids: calls, children, timers, locks.

        A timer that the code has cancelled, or lost in a race, is among them: it will still fire.
        """
        if self.status.is_terminal:
            return []
        return [
            fact
            for fact in self.history
            if isinstance(fact, ASKS_FOR_AN_ANSWER)
            and fact.event_id not in self._answered
            and not getattr(fact, "is_detached", False)
        ]

    def takes_answer(self, execution_id: ExecutionId, task_id: int) -> bool:
        """Say whether an answer to this task of this execution would still count (rule 2)."""
        return (
            execution_id == self.execution_id
            and not self.status.is_terminal
            and task_id not in self._answered
        )

    def check(self, now: datetime) -> None:
        """Replay all of it once more, the end included; raise `NotDeterministicError`."""
        if not self._check_replay or not self.history:
            return
        execution = self._replayed([], now).execution
        if execution is not None:
            execution.drop()

    def _decide(self, arrived: Sequence[HistoryEvent], now: datetime) -> Decision:
        decision = self._replayed(arrived, now)
        if self._check_replay:
            if decision.execution is not None:
                decision.execution.drop()
        else:
            self._live = decision.execution
        return decision

    def _replayed(self, arrived: Sequence[HistoryEvent], now: datetime) -> Decision:
        decision = decide(
            self.history,
            arrived,
            self._orchestrator,
            now=now,
            instance_id=self.instance_id,
            live=self._live,
            strict_arguments=True,
            types=self._types,
        )
        if isinstance(decision, Divergence):
            raise NotDeterministicError(f"{decision.mismatch.tell()} {ADVICE}")
        return decision

    def _show(self, decision: Decision) -> None:
        self.status, self.output = decision.status, decision.output
        self.warnings += decision.warnings
        if decision.sets_custom_status:
            self.custom_status = decision.custom_status
        for fact in _endings(decision.facts):
            self.failure = fact.failure_details

    def _continue(
        self, decision: Decision, now: datetime, rest: Sequence[HistoryEvent]
    ) -> list[HistoryEvent]:
        continued = decision.continued
        assert continued is not None
        if decision.sets_custom_status:
            self.custom_status = decision.custom_status
        if decision.execution is not None:
            decision.execution.drop()
        self.ended.append(tuple(self.history))
        self.history, self._live, self._answered = [], None, set()
        late = (event for event in rest if answered_task_id(event) is None)
        return [self._started(continued.input, now), *continued.carried, *late]

    def _started(self, input_: str | None, now: datetime) -> ExecutionStarted:
        return ExecutionStarted(
            timestamp=now,
            name=self.name,
            version=self.version,
            input=input_,
            generation=1,
            orchestration_instance=orchestration_instance(self.instance_id, self.execution_id),
            parent_instance=self.parent.to_json() if self.parent else None,
        )


def _endings(facts: Sequence[HistoryEvent]) -> Iterator[ExecutionCompleted]:
    return (fact for fact in itertools.chain(facts) if isinstance(fact, ExecutionCompleted))
