"""Replay a history of which only the answers are known (`projected` says what that can't see)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from durable.model.history import (
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    answered_task_id,
)
from durable.model.status import RuntimeStatus
from durable.model.values import decode_value
from durable.replay.code import Orchestrator
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.testing.app import AppUnderTest
from durable.testing.replaying.full import told
from durable.testing.replaying.projected import (
    NobodyAskedError,
    ProjectedHistory,
    Task,
    input_of,
    text_of,
)
from durable.testing.replaying.report import Outcome, ReplayReport

# How an execution may have ended by what its code did.
BY_ITSELF = frozenset(
    {RuntimeStatus.COMPLETED, RuntimeStatus.FAILED, RuntimeStatus.CONTINUED_AS_NEW}
)


class _Guided:
    """The code, led through the answers; its own requests are the history."""

    def __init__(
        self, history: ProjectedHistory, app: AppUnderTest, orchestrator: Orchestrator
    ) -> None:
        self._history = history
        self._app = app
        self._orchestrator = orchestrator
        self._facts: list[HistoryEvent] = []
        self._answered: set[int] = set()
        self._now: datetime | None = None

    def run(self) -> Decision | Divergence:
        """Apply all inputs, each as an episode; then replay what came of it."""
        for shown in self._history.inputs:
            event = input_of(shown, self._history, self._open())
            outcome = self._decide([event])
            if isinstance(outcome, Divergence):
                return outcome
            self._facts += outcome.facts
            task_id = answered_task_id(event)
            if task_id is not None:
                self._answered.add(task_id)
            if outcome.status.is_terminal or outcome.continued is not None:
                break
        self._check_open_calls()
        return outcome

    def _check_open_calls(self) -> None:
        asked = Counter(task.name for task in self._open() if not isinstance(task, TimerCreated))
        missing = self._history.open_calls - asked
        if missing:
            raise NobodyAskedError(
                f"the history has open calls that the code does not make: {', '.join(missing)}"
            )

    def _decide(self, arrived: Iterable[HistoryEvent]) -> Decision | Divergence:
        inputs = list(arrived)
        outcome = decide(
            self._facts,
            inputs,
            self._orchestrator,
            now=inputs[-1].timestamp,
            instance_id=self._history.instance_id,
            strict_arguments=True,
            types=self._app.registry,
        )
        if isinstance(outcome, Decision) and outcome.execution is not None:
            outcome.execution.drop()
        return outcome

    def _open(self) -> list[Task]:
        return [
            fact
            for fact in self._facts
            if isinstance(fact, TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated)
            and fact.event_id not in self._answered
        ]


def replay_projected(
    history: ProjectedHistory, app: AppUnderTest, orchestrator: Orchestrator, name: str
) -> ReplayReport:
    """Lead the code through the answers that were shown."""
    outcome, problem = None, None
    try:
        outcome = _Guided(history, app, orchestrator).run()
        problem = told(outcome) if isinstance(outcome, Divergence) else _wrong_end(history, outcome)
    except NobodyAskedError as error:
        problem = str(error)
    return ReplayReport(
        instance_id=history.instance_id,
        name=name,
        outcome=Outcome.MISMATCH if problem else Outcome.OK,
        events=len(history.events),
        problem=problem,
        mismatch=outcome.mismatch if isinstance(outcome, Divergence) else None,
    )


def _wrong_end(history: ProjectedHistory, decision: Decision) -> str | None:
    end = history.end
    if end is None:
        ended = decision.status.is_terminal or decision.continued is not None
        return (
            f"the history goes on, and the code ends as {decision.status.value}" if ended else None
        )
    status = RuntimeStatus(end.get("OrchestrationStatus", "Completed"))
    if status not in BY_ITSELF:
        return None
    if decision.status is not status:
        return f"the history ends as {status.value}, and the code as {decision.status.value}"
    if "Result" not in end:
        return None  # results were not asked for
    output = decision.continued.input if decision.continued else decision.output
    if decode_value(output) == end["Result"]:
        return None
    return f"the history ends with {text_of(end, 'Result')}, and the code with {output}"
