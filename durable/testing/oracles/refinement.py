"""Refinement: each accepted commit is a step that the specification allows (paper, Theorem 5.3).

S-Commit's side conditions, commit by commit: what was consumed had been sent and was still open;
the state was the one that the commit before had left (`commit_rules` sees to the numbers); what was
produced is exactly what the model produces from that state with those inputs in that order. A
finding names the guilty commit. A commit that takes an instance through several executions is as
many steps. What entities commit is looked at by `entity_refinement`.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from durable.model.entity_ids import is_entity_id
from durable.model.history import (
    EventRaised,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    OrchestratorStarted,
    StartRefused,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TerminationSent,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.model.streams import EXECUTION_MARK, next_execution
from durable.storage.memory import MemoryStore
from durable.testing.oracles.consumption import INPUTS, ORACLE, Consumption
from durable.testing.oracles.episode_rules import chapters_of, ending_of
from durable.testing.oracles.facts import Fact, fact_of
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.models import Foreseen, Given, Model
from durable.testing.oracles.violation import Violation
from durable.testing.world.journal import Committed, Entry

Key = tuple[InstanceId, ExecutionId]
# Inputs that the code does not see.
UNSEEN = (StartRefused, ExecutionRewound, TerminationSent)


class Refinement:
    """Watches the commits of one hub. Put it behind the invariants: they vouch for the numbers."""

    def __init__(self, view: HubView, store: MemoryStore, model: Model) -> None:
        """Compare with this model."""
        self.commits = 0
        self._view = view
        self._model = model
        self._consumption = Consumption(view, store)
        self._states: dict[Key, Any] = {}
        # By episode, from the last one in which code ran: a rewind may void those behind it too.
        self._states_before: defaultdict[Key, dict[int, Any]] = defaultdict(dict)
        self._are_suspended: set[Key] = set()
        self._shown: dict[InstanceId, str | None] = {}
        # How an execution that follows another must begin: the input, and the unread events.
        self._begins: defaultdict[Key, list[tuple[str, str | None]]] = defaultdict(list)
        self._inputs: dict[Key, str | None] = {}

    def watch(self, entry: Entry, now: datetime) -> None:
        """Check an accepted commit, or raise `Violation`."""
        del now
        if not isinstance(entry, Committed) or is_entity_id(entry.instance_id):
            return
        record, rows = self._view.last_commit
        if record is None:
            return
        instance_id = entry.instance_id
        self._consumption.begin(instance_id)
        if rows:
            self.commits += 1
            self._check_rows(instance_id, record, rows)
        self._consumption.end(instance_id, record)

    def _check_rows(
        self, instance_id: InstanceId, record: InstanceRecord, rows: Sequence[HistoryRow]
    ) -> None:
        if any(isinstance(r.event, ExecutionSuspended) and r.event.is_parked for r in rows):
            raise Violation(ORACLE, f"{instance_id} was parked: {record.reason}")
        self._check_answers(instance_id, rows)
        if any(isinstance(r.event, ExecutionStarted) and _begins_life(r) for r in rows):
            self._shown[instance_id] = None
        status: RuntimeStatus | None = None
        for chapter in chapters_of(rows):
            carried = len(self._begins[instance_id, chapter[0].execution_id])
            self._consumption.check(instance_id, record, chapter, carried=carried)
            if not _answers_once_more(chapter):
                status = self._check_chapter(instance_id, record, chapter)
        self._check_record(instance_id, record, rows, status)

    def _check_answers(self, instance_id: InstanceId, rows: Sequence[HistoryRow]) -> None:
        """An activity's answer is one that it can have given."""
        view = self._view.instances[instance_id]
        for row in rows:
            asked = view.scheduled.get((row.execution_id, answered_task_id(row.event) or 0))
            if asked is None or not isinstance(row.event, TaskCompleted | TaskFailed):
                continue
            call = self._consumption.full(asked)
            assert isinstance(call, TaskScheduled)
            refusal = self._model.refuses(call, self._consumption.full(row))
            if refusal is not None:
                raise Violation(ORACLE, f"{instance_id}: {refusal}")

    def _check_chapter(
        self, instance_id: InstanceId, record: InstanceRecord, rows: Sequence[HistoryRow]
    ) -> RuntimeStatus:
        started = rows[0].event
        assert isinstance(started, OrchestratorStarted)
        key = (instance_id, rows[0].execution_id)
        inputs = [self._consumption.full(row) for row in rows if isinstance(row.event, INPUTS)]
        voided = [e.voided_episode for e in inputs if isinstance(e, ExecutionRewound) and _voids(e)]
        if voided:
            self._states[key] = self._states_before[key].get(min(voided))
        left = self._check_beginning(key, inputs)
        if key not in self._are_suspended:
            self._states_before[key].clear()
        self._states_before[key][record.episode] = self._states.get(key)
        foreseen = self._foresee(key, inputs, started.timestamp)
        is_suspended = foreseen.status is RuntimeStatus.SUSPENDED
        (self._are_suspended.add if is_suspended else self._are_suspended.discard)(key)
        happened = [fact_of(self._consumption.full(row), row.execution_id) for row in rows]
        facts = tuple(fact for fact in happened if fact is not None)
        if facts != foreseen.facts:
            raise Violation(
                ORACLE,
                f"{instance_id} episode {record.episode}: committed {facts}, "
                f"the specification has {foreseen.facts}",
            )
        self._pass_on(key, rows, foreseen, left)
        return foreseen.status

    def _foresee(self, key: Key, inputs: Sequence[HistoryEvent], time: datetime) -> Foreseen:
        instance_id, execution_id = key
        given = Given(
            instance_id=instance_id,
            execution_id=execution_id,
            state=self._states.get(key),
            inputs=[event for event in inputs if not isinstance(event, UNSEEN)],
            time=time,
            shown=self._shown.get(instance_id),
        )
        foreseen = self._model.foresee(given)
        self._states[key] = foreseen.state
        self._shown[instance_id] = foreseen.custom_status
        return foreseen

    # Continue-as-new.

    def _check_beginning(
        self, key: Key, inputs: Sequence[HistoryEvent]
    ) -> list[tuple[str, str | None]]:
        """An execution that follows begins with what the last one left; say what it left itself."""
        if key not in self._inputs:
            return []
        started = inputs[0]
        wanted = self._inputs.pop(key)
        if not isinstance(started, ExecutionStarted) or started.input != wanted:
            raise Violation(ORACLE, f"{key}: begins with {started}, not with the input {wanted}")
        carried = self._begins.pop(key, [])
        events = [(e.name, e.input) for e in inputs if isinstance(e, EventRaised)]
        count = min(len(events), len(carried))
        if events[:count] != carried[:count]:
            raise Violation(ORACLE, f"{key}: begins with {events}, what was left is {carried}")
        return carried[count:]

    def _pass_on(
        self,
        key: Key,
        rows: Sequence[HistoryRow],
        foreseen: Foreseen,
        left: list[tuple[str, str | None]],
    ) -> None:
        ended = ending_of([*rows])
        if foreseen.status is RuntimeStatus.CONTINUED_AS_NEW:
            full = next(self._consumption.full(row) for row in rows if row.event is ended)
            following = (key[0], next_execution(key[1]))
            self._inputs[following] = getattr(full, "result", None)
            self._begins[following] = [*foreseen.carried, *left]
        elif ended is None and left:
            raise Violation(ORACLE, f"{key}: the events {left} were left to it and are lost")

    # The record.

    def _check_record(
        self,
        instance_id: InstanceId,
        record: InstanceRecord,
        rows: Sequence[HistoryRow],
        status: RuntimeStatus | None,
    ) -> None:
        shown = (record.status, record.custom_status)
        expected = (status or record.status, self._shown.get(instance_id))
        if shown != expected:
            raise Violation(
                ORACLE,
                f"{instance_id} episode {record.episode}: the record says {shown}, the "
                f"specification {expected}",
            )
        ended = [fact_of(self._consumption.full(r), r.execution_id) for r in rows]
        ends = [fact for fact in ended if fact is not None and fact[0] == "ended"]
        if record.status.is_terminal and self._view.output_of(instance_id) != _output(ends):
            raise Violation(ORACLE, f"{instance_id}: the record has another output than the end")


def _output(ends: Sequence[Fact]) -> object:
    return ends[-1][2] if ends else None


def _voids(event: HistoryEvent) -> bool:
    """A child that is alive when its parent is rewound goes on as it is."""
    return isinstance(event, ExecutionRewound) and event.voided_episode >= 0


def _begins_life(row: HistoryRow) -> bool:
    return EXECUTION_MARK not in row.execution_id


def _answers_once_more(rows: Sequence[HistoryRow]) -> bool:
    """A rewound parent asks a child that has ended, and not failed: it says the same again."""
    ended = ending_of([*rows])
    inputs = [row.event for row in rows if isinstance(row.event, INPUTS)]
    is_rewind = bool(inputs) and all(isinstance(event, ExecutionRewound) for event in inputs)
    is_kept = ended is not None and ended.orchestration_status is not RuntimeStatus.FAILED
    return is_rewind and is_kept and len(rows) == len(inputs) + 3
