"""What rows one commit may add: as DTFx would read them, whatever was decided.

Mostly one pair of brackets. Where an orchestration continues as new there are several, one for each
execution; all but the last end so, and the next begins with the input that the last one left.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, pairwise

from durable.model.entity_ids import is_entity_id
from durable.model.history import (
    EntityLockRequested,
    EntityUnlockSent,
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    OrchestratorCompleted,
    OrchestratorStarted,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.model.streams import life_of, next_execution, places_of
from durable.testing.oracles.instance_view import InstanceView, TaskKey
from durable.testing.oracles.owed import debts_of
from durable.testing.oracles.violation import Violation

CONTINUED = RuntimeStatus.CONTINUED_AS_NEW


def check_rows(
    instance_id: InstanceId, view: InstanceView, after: InstanceRecord, rows: Sequence[HistoryRow]
) -> None:
    """Check the rows of a commit, or raise `Violation`. The view still stands before it."""
    rules = _Rules(instance_id, view, after)
    rules.check_numbers(rows)
    if is_entity_id(instance_id):
        rules.check_of_entity(rows)
    else:
        rules.check_chapters(chapters_of(rows))
        rules.check_answers(rows)
        rules.check_requests(rows)
        rules.check_times(rows)
        rules.check_sections(rows)
    if any(debts_of(instance_id, row) for row in rows) and after.episode not in after.unsent:
        raise rules.refuse("it sends something and does not count as unsent")


def chapters_of(rows: Sequence[HistoryRow]) -> list[list[HistoryRow]]:
    """Cut the rows of a commit into those of each execution."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.execution_id)]


def ending_of(rows: Sequence[HistoryRow]) -> ExecutionCompleted | None:
    """Find how the rows of an execution end it."""
    ends = [row.event for row in rows if isinstance(row.event, ExecutionCompleted)]
    return ends[-1] if ends else None


class _Rules:
    def __init__(self, instance_id: InstanceId, view: InstanceView, after: InstanceRecord) -> None:
        self.instance_id = instance_id
        self.view = view
        self.after = after

    def refuse(self, what: str) -> Violation:
        where = f"{self.instance_id} episode {self.after.episode}"
        return Violation("history", f"{where}: {what}")

    def check_chapters(self, chapters: Sequence[Sequence[HistoryRow]]) -> None:
        for rows in chapters:
            self._check_brackets(rows)
        for rows, following in pairwise(chapters):
            ended = ending_of(rows)
            if ended is None or ended.orchestration_status is not CONTINUED:
                raise self.refuse("one execution follows another that goes on")
            self._check_follows(rows[0].execution_id, following[0].execution_id)
            if following[0].ordinal > self.after.base:
                raise self.refuse("the rows of an ended execution do not count as old")
        last, ended = chapters[-1], ending_of(chapters[-1])
        status = self.after.status
        if ended is not None and ended.orchestration_status is CONTINUED:
            self._check_follows(last[0].execution_id, self.after.execution_id)
            is_right = status is CONTINUED and self.after.base > last[-1].ordinal
        else:
            is_right = self.after.execution_id == last[0].execution_id
            is_right &= status.is_terminal == (ended is not None)
            is_right &= ended is None or ended.orchestration_status is status
        if not is_right:
            raise self.refuse(f"status {status.value} and the rows disagree")

    def _check_follows(self, execution_id: ExecutionId, following: ExecutionId) -> None:
        if following != next_execution(execution_id):
            raise self.refuse(f"execution {following} follows {execution_id}")

    def _check_brackets(self, rows: Sequence[HistoryRow]) -> None:
        if any(row.episode != self.after.episode for row in rows):
            raise self.refuse("rows of another episode")
        if any(life_of(row.execution_id) != self.after.life_id for row in rows):
            raise self.refuse("rows of another life")
        opens = [row for row in rows if isinstance(row.event, OrchestratorStarted)]
        is_closed = isinstance(rows[-1].event, OrchestratorCompleted)
        if len(opens) != 1 or rows[0] is not opens[0] or not is_closed:
            raise self.refuse("it is not one pair of brackets")

    def check_of_entity(self, rows: Sequence[HistoryRow]) -> None:
        """An entity has no history: its rows are those of this commit and this life."""
        if any(row.episode != self.after.episode for row in rows):
            raise self.refuse("rows of another episode")
        if any(row.execution_id != self.after.execution_id for row in rows):
            raise self.refuse("rows of another life")
        if self.after.status is not RuntimeStatus.RUNNING:
            raise self.refuse(f"an entity is {self.after.status.value}")

    def check_sections(self, rows: Sequence[HistoryRow]) -> None:
        """Rule G2: an execution that ends has left each section that it has asked for, once."""
        for chapter in chapters_of(rows):
            execution_id = chapter[0].execution_id
            asked: Counter[tuple[int, str]] = Counter()
            known = [r for r in self.view.rows.values() if r.execution_id == execution_id]
            for row in (*known, *chapter):
                match row.event:
                    case EntityLockRequested(event_id=section_id, lock_set=lock_set):
                        asked[section_id, lock_set] += 1
                    case EntityUnlockSent(critical_section_id=section_id, lock_set=lock_set):
                        asked[section_id, lock_set] -= 1
                        if asked[section_id, lock_set] < 0:
                            raise self.refuse(f"section {section_id} is left and was not asked for")
            open_ = sorted(section for section in asked if asked[section])
            if open_ and ending_of(chapter) is not None:
                raise self.refuse(f"it ends and has not left the sections {open_}")

    def check_answers(self, rows: Sequence[HistoryRow]) -> None:
        """One answer to each task that was scheduled before."""
        answered: set[TaskKey] = set()
        if not any(isinstance(row.event, ExecutionRewound) for row in rows):
            answered |= self.view.answered
        for row in rows:
            task_id = answered_task_id(row.event)
            if task_id is None:
                continue
            key = (row.execution_id, task_id)
            if row.message_id is not None:
                raise self.refuse(f"an answer bears the id of a request: {row.event}")
            if key not in self.view.scheduled:
                raise self.refuse(f"an answer to a task that was never scheduled: {row.event}")
            if key in answered:
                raise self.refuse(f"a second answer to one task: {row.event}")
            answered.add(key)

    def check_requests(self, rows: Sequence[HistoryRow]) -> None:
        """One record of each request, over all executions of a life."""
        requests = set(self.view.requests)
        if any(isinstance(row.event, ExecutionRewound) for row in rows):
            return  # what a voided episode had consumed comes again
        for row in rows:
            if row.message_id is None or isinstance(row.event, ExecutionStarted):
                continue
            request = (self.after.generation, row.message_id)
            if request in requests:
                raise self.refuse(f"a message was recorded twice: {row.event}")
            requests.add(request)

    def check_numbers(self, rows: Sequence[HistoryRow]) -> None:
        """Rule D1: what a life sends to one receiver is numbered from 1, without a gap."""
        outs: dict[InstanceId, int] = {}
        for row in self.view.rows.values():
            if life_of(row.execution_id) == self.after.life_id:
                outs.update(places_of(row.event, row.number))
        for row in rows:
            places = places_of(row.event, row.number)
            if row.number is not None and not places:
                raise self.refuse(f"a number, and no stream: {row.event}")
            for receiver, number in places.items():
                known = outs.get(receiver, 0)
                if number != known + 1:
                    raise self.refuse(f"{number} follows {known} in the stream to {receiver}")
            outs.update(places)

    def check_times(self, rows: Sequence[HistoryRow]) -> None:
        """Time never goes back within a life, and a timer never fires before its own."""
        opened = self._last_time(rows)
        for row in rows:
            if isinstance(row.event, OrchestratorStarted):
                time = row.event.timestamp
                if opened is not None and time < opened:
                    raise self.refuse(f"its time {time} is before {opened}")
                opened = time
            if isinstance(row.event, TimerFired):
                assert opened is not None
                if row.event.fire_at > opened:
                    raise self.refuse(f"a timer due at {row.event.fire_at} fired at {opened}")

    def _last_time(self, rows: Sequence[HistoryRow]) -> datetime | None:
        """When this life ran last; another host's clock may have begun the life before."""
        times = [
            row.event.timestamp
            for row in self.view.rows.values()
            if isinstance(row.event, OrchestratorStarted)
            and life_of(row.execution_id) == life_of(rows[0].execution_id)
        ]
        return times[-1] if times else None
