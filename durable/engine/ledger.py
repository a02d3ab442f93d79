"""Ledger: what an execution has asked for, been answered and been sent, for judging at once.

Drawn from the committed rows of one execution. What earlier executions of its life leave behind is
in the record (`seals.Remembered`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    ExecutionRewound,
    HistoryEvent,
    RewindSent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.rewinding import effective
from durable.model.streams import life_of, places_of

ANSWERS: Mapping[type[HistoryEvent], tuple[type[HistoryEvent], ...]] = {
    TaskScheduled: (TaskCompleted, TaskFailed),
    TimerCreated: (TimerFired,),
    SubOrchestrationInstanceCreated: (
        SubOrchestrationInstanceCompleted,
        SubOrchestrationInstanceFailed,
    ),
    EntityOperationCalled: (EntityOperationCompleted, EntityOperationFailed),
    EntityLockRequested: (EntityLockGranted,),
}


@dataclass(slots=True)
class Ledger:
    """The entries of the running execution; `life_id` is its life.

    `asked`: the tasks that owe an answer, or did, and what each is. `runs`: task id → the run that
    the answer must be of, where a rewind asked anew. `outs`: receiver → the last number of the
    stream to it, as far as the rows tell.
    """

    execution_id: ExecutionId | None = None
    life_id: ExecutionId | None = None
    asked: dict[int, type[HistoryEvent]] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    runs: dict[int, int] = field(default_factory=dict)
    message_ids: set[str] = field(default_factory=set)
    outs: dict[InstanceId, int] = field(default_factory=dict)

    def note(
        self,
        rows: Sequence[HistoryRow],
        execution_id: ExecutionId,
        *,
        all_rows: Sequence[HistoryRow],
    ) -> None:
        """Take committed rows in; all of them are looked at only when a rewind voids some."""
        if execution_id != self.execution_id:
            self._turn_to(execution_id)
            self.life_id = life_of(execution_id)
            self.message_ids, self.outs = set(), {}
        mine = [row for row in rows if row.execution_id == execution_id]
        for row in mine:
            self._note_traffic(row)
        if any(isinstance(row.event, ExecutionRewound) for row in mine):
            self._turn_to(execution_id)
            mine = effective(all_rows, execution_id)
        for row in mine:
            self._note_task(row.event)

    def expects(self, task_id: int, answer: HistoryEvent) -> bool:
        """Say whether a task waits for an answer of this kind.

        One to what a voided episode had asked an entity or a child may come late, and find that the
        code has given the id to another task since.
        """
        return isinstance(answer, ANSWERS[self.asked[task_id]])

    def _turn_to(self, execution_id: ExecutionId) -> None:
        self.execution_id = execution_id
        self.asked, self.answered, self.runs = {}, set(), {}

    def _note_traffic(self, row: HistoryRow) -> None:
        if row.message_id is not None:
            self.message_ids.add(row.message_id)
        for receiver, number in places_of(row.event, row.number).items():
            self.outs[receiver] = max(self.outs.get(receiver, 0), number)

    def _note_task(self, event: HistoryEvent) -> None:
        match event:
            case TaskScheduled() | EntityOperationCalled():
                self.asked[event.event_id] = type(event)
                if event.run is not None:
                    self.runs[event.event_id] = event.run
            case TimerCreated():
                self.asked[event.event_id] = type(event)
            case SubOrchestrationInstanceCreated(is_detached=False):
                self.asked[event.event_id] = type(event)
            case EntityLockRequested():
                self.asked[event.event_id] = type(event)
            case RewindSent():
                self.runs[event.task_scheduled_id] = event.run
            case _:
                task_id = answered_task_id(event)
                if task_id is not None:
                    self.answered.add(task_id)
