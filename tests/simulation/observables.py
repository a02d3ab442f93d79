"""What can be seen of an instance at rest, read through the port: so it is read alike on any store.

What two runs of one program may differ in is not looked at: times, ids, and which inputs came in
one episode.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from durable.model.codec import Column, decode_row
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TaskCompleted,
    TaskFailed,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.storage.payloads import fetch_payloads, fetch_record
from durable.storage.port import TaskHubStore
from durable.testing.oracles.models import fact_of
from durable.testing.oracles.outcomes import FAILED, Standing
from durable.testing.oracles.specified import value_of

# Columns of the projection that say when, or that are drawn anew in each run.
VARYING = frozenset(
    {
        "ExecutionId",
        "CreatedTime",
        "LastUpdatedTime",
        "CompletedTime",
        "TaskHubName",
        "StatusSequence",
    }
)

Fact = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Observables:
    """One instance at rest; the history is that of its last execution.

    `scheduled`: what it asked for, in order, and how it ended. `answers`: by task id. `requests`:
    what came from outside, its start included. `summary`: its row of the projection.
    """

    standing: Standing
    has_ended: bool
    generation: int
    scheduled: tuple[Fact, ...]
    answers: Mapping[int, Fact]
    requests: Counter[Fact]
    summary: Mapping[str, Column]

    @property
    def facts(self) -> int:
        """How many facts of the history were looked at."""
        return len(self.scheduled) + len(self.answers) + self.requests.total()

    def differences(self, other: "Observables") -> list[str]:
        """Say in what another run of the same program differs.

        An execution that has ended may not have waited for every answer and event; whether those
        came before its end is chance. What both have is the same.
        """
        names = ("standing", "generation", "scheduled", "summary")
        found = [name for name in names if getattr(self, name) != getattr(other, name)]
        common = self.answers.keys() & other.answers.keys()
        is_complete = self.has_ended or self.answers.keys() == other.answers.keys()
        if not is_complete or any(self.answers[each] != other.answers[each] for each in common):
            found.append("answers")
        late = {EventRaised.__name__} if self.has_ended else set()
        differing = (self.requests - other.requests) + (other.requests - self.requests)
        if {fact[0] for fact in differing} - late:
            found.append("requests")
        return [f"{name}: {getattr(self, name)} and {getattr(other, name)}" for name in found]


async def look(store: TaskHubStore, instance_id: InstanceId) -> Observables | None:
    """Look at an instance; `None` if there is none."""
    sentinel = await store.read_sentinel(instance_id)
    if sentinel is None:
        return None
    record = await fetch_record(store, decode_record(instance_id, sentinel.columns))
    events = await _history(store, instance_id, record)
    summary = await store.read_summary(instance_id)
    assert summary is not None
    return Observables(
        standing=_standing(instance_id, record),
        has_ended=record.status.is_terminal,
        generation=record.generation,
        scheduled=tuple(fact for event in events for fact in _scheduled(event)),
        answers={
            task_id: _answer(event)
            for event in events
            if (task_id := answered_task_id(event)) is not None
        },
        requests=Counter(fact for event in events for fact in _request(event)),
        summary={name: value for name, value in summary.columns.items() if _is_stable(name)},
    )


async def _history(
    store: TaskHubStore, instance_id: InstanceId, record: InstanceRecord
) -> list[HistoryEvent]:
    events: list[HistoryEvent] = []
    first, more = record.base, True
    while more:
        page = await store.read_page(instance_id, first=first)
        for ordinal, columns in page.rows:
            if ordinal <= record.sequence:
                row = decode_row(ordinal, columns)
                assert row.execution_id == record.execution_id
                events.append(await fetch_payloads(store, row.event, row.blobs))
            first = ordinal + 1
        more = page.more
    return events


def _standing(instance_id: InstanceId, record: InstanceRecord) -> Standing:
    output = value_of(record.output)
    if record.status is RuntimeStatus.FAILED and isinstance(output, str):
        output = output.removeprefix(FAILED.format(record.name))
    return (instance_id, record.status.value, output, value_of(record.custom_status))


def _scheduled(event: HistoryEvent) -> list[Fact]:
    fact = fact_of(event, ExecutionId(""))
    if fact is None:
        return []
    return [fact[:2] if fact[0] == "timer" else fact]  # not when it was due


def _answer(event: HistoryEvent) -> Fact:
    match event:
        case TaskCompleted():
            return ("completed", event.result)
        case TaskFailed():
            details = event.failure_details
            assert details is not None
            return ("failed", event.reason, details.error_type, details.error_message)
        case _:
            assert isinstance(event, TimerFired)
            return ("fired",)


def _request(event: HistoryEvent) -> list[Fact]:
    match event:
        case ExecutionStarted() | EventRaised():
            return [(type(event).__name__, event.name, event.input)]
        case ExecutionTerminated():
            return [(type(event).__name__, event.input)]
        case _:
            return []


def _is_stable(column: str) -> bool:
    return column not in VARYING and not column.endswith("BlobName")
