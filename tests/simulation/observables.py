"""What can be seen of a hub at rest, read through the port: so it is read alike on any store.

What two runs of one program may differ in is not looked at: times, ids, and which inputs came in
one episode. Children that got no id are called as in the specification's outcomes: by the name of
who started them, and a count.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from durable.model.codec import Column, decode_row
from durable.model.entity_forms import read_batch
from durable.model.history import (
    EntityBatchCompleted,
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    StartRefused,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.queries import EVERY_INSTANCE
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin, life_of, number_of
from durable.storage.payloads import fetch_payloads, fetch_record
from durable.storage.port import TaskHubStore
from durable.testing.oracles.facts import fact_of
from durable.testing.oracles.outcomes import FAILED, Standing
from durable.testing.oracles.specified import value_of

# Columns of the projection that say when, or that are drawn anew in each run.
VARYING = frozenset(
    {
        "ExecutionId",
        "CreatedTime",
        "LastUpdatedTime",
        "CompletedTime",
        "ScheduledStartTime",
        "TaskHubName",
        "StatusSequence",
    }
)

INSTANCES_MAX = 100
# Who sent what no instance has sent.
CALLERS = "callers"

Fact = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Observables:
    """One instance at rest; the history is that of its last execution.

    `scheduled`: what it asked for, in order, and how it ended. `answers`: by task id. `requests`:
    what came from outside, its start included. `summary`: its row of the projection. `state`: that
    of an entity, as JSON text. `served`: what an entity has served, in order, each as
    (sender, number in the sender's stream, what, operation, whether it failed); it has no other
    history.
    """

    standing: Standing
    has_ended: bool
    generation: int
    scheduled: tuple[Fact, ...]
    answers: Mapping[int, Fact]
    requests: Counter[Fact]
    summary: Mapping[str, Column]
    state: str | None = None
    served: tuple[Fact, ...] = ()

    @property
    def facts(self) -> int:
        """How many facts of the history were looked at."""
        return len(self.scheduled) + len(self.answers) + self.requests.total() + len(self.served)

    @property
    def served_by_sender(self) -> tuple[Fact, ...]:
        """What an entity has served, whosever turn was first."""
        return tuple(sorted(self.served))

    def differences(self, other: "Observables") -> list[str]:
        """Say in what another run of the same program differs.

        An execution that has ended may not have waited for every answer and event; whether those
        came before its end is chance. What both have is the same.
        """
        names = ("standing", "generation", "scheduled", "summary", "served_by_sender")
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


async def look(store: TaskHubStore) -> dict[str, Observables]:
    """Look at all instances that a list shows, each under its name, in the order of names."""
    records: dict[InstanceId, InstanceRecord] = {}
    page = await store.query_summaries(EVERY_INSTANCE, top=INSTANCES_MAX)
    assert page.token is None
    for instance_id, _ in page.rows:
        sentinel = await store.read_sentinel(instance_id)
        assert sentinel is not None
        records[instance_id] = decode_record(instance_id, sentinel.columns)
    names = _names_of(records)
    found = [
        (names[instance_id], await _look_at(store, instance_id, record, names))
        for instance_id, record in records.items()
    ]
    return dict(sorted(found, key=lambda each: each[0]))


def _names_of(records: Mapping[InstanceId, InstanceRecord]) -> dict[InstanceId, str]:
    """Name what the engine gave an id; whoever started it must not have begun a life since."""
    owners = {record.life_id: instance_id for instance_id, record in records.items()}
    named = {instance_id: str(instance_id) for instance_id in records if ":" not in instance_id}
    started: dict[InstanceId, list[tuple[int, int, InstanceId]]] = {}
    for instance_id in records.keys() - named.keys():
        execution, _, task = instance_id.rpartition(":")
        place = (number_of(ExecutionId(execution)), int(task, 16), instance_id)
        started.setdefault(owners[life_of(ExecutionId(execution))], []).append(place)
    pending = list(named)
    while pending:
        owner = pending.pop()
        for count, (_, _, child) in enumerate(sorted(started.get(owner, []))):
            named[child] = f"{named[owner]}:{count}"
            pending.append(child)
    return named


async def _look_at(
    store: TaskHubStore,
    instance_id: InstanceId,
    bare: InstanceRecord,
    names: Mapping[InstanceId, str],
) -> Observables:
    record = await fetch_record(store, bare)
    assert record.entity is None or record.entity.is_idle, f"{instance_id}: {record.entity}"
    # The rows of an entity are behind its base: they are no history that anybody replays.
    is_entity = record.entity is not None
    rows = await _rows(store, instance_id, record, first=0 if is_entity else record.base)
    events = [] if is_entity else [row.event for row in rows]
    summary = await store.read_summary(instance_id)
    assert summary is not None
    scheduled = [fact_of(event, record.execution_id) for event in events]
    return Observables(
        standing=_standing(names[instance_id], record),
        has_ended=record.status.is_terminal,
        generation=record.generation,
        scheduled=tuple(_comparable(fact, names) for fact in scheduled if fact is not None),
        answers={
            task_id: _answer(event)
            for event in events
            if (task_id := answered_task_id(event)) is not None
        },
        requests=Counter(fact for event in events for fact in _request(event)),
        summary={name: value for name, value in summary.columns.items() if _is_stable(name)},
        state=record.state,
        served=_served(rows, names),
    )


async def _rows(
    store: TaskHubStore, instance_id: InstanceId, record: InstanceRecord, *, first: int
) -> list[HistoryRow]:
    rows: list[HistoryRow] = []
    more = True
    while more:
        page = await store.read_page(instance_id, first=first)
        for ordinal, columns in page.rows:
            if ordinal <= record.sequence:
                row = decode_row(ordinal, columns)
                assert row.execution_id == record.execution_id
                event = await fetch_payloads(store, row.event, row.blobs)
                rows.append(replace(row, event=event))
            first = ordinal + 1
        more = page.more
    return rows


def _served(rows: Iterable[HistoryRow], names: Mapping[InstanceId, str]) -> tuple[Fact, ...]:
    """Lay out what an entity says that it has served, in order; nothing twice."""
    served = [
        one
        for row in rows
        if isinstance(row.event, EntityBatchCompleted)
        for one in read_batch(row.event.operations)
    ]
    keys = Counter((one.source, one.number) for one in served)
    assert all(count == 1 for count in keys.values()), keys
    return tuple(
        (_sender(one.source, names), one.number, one.what, one.name, one.is_failed)
        for one in served
    )


def _sender(source: str, names: Mapping[InstanceId, str]) -> str:
    """Name who sent it: a stream has an origin, a message of a caller nothing but its own id."""
    return names[Origin.from_text(source).instance_id] if "@" in source else CALLERS


def _standing(name: str, record: InstanceRecord) -> Standing:
    output = value_of(record.output)
    if record.status is RuntimeStatus.FAILED and isinstance(output, str):
        output = output.removeprefix(FAILED.format(record.name))
    return (name, record.status.value, output, value_of(record.custom_status))


def _comparable(fact: Fact, names: Mapping[InstanceId, str]) -> Fact:
    match fact:
        case ("timer", task_id, _):
            return ("timer", task_id)  # not when it was due
        case ("termination", instance_id, reason):
            return ("termination", names.get(instance_id, instance_id), reason)
        case ("signal", *sent, due_at):
            return ("signal", *sent, due_at is not None)
        case _:
            return fact


def _answer(event: HistoryEvent) -> Fact:
    match event:
        case TaskCompleted() | SubOrchestrationInstanceCompleted() | EntityOperationCompleted():
            return ("completed", event.result)
        case TaskFailed() | SubOrchestrationInstanceFailed() | EntityOperationFailed():
            details = event.failure_details
            assert details is not None
            return ("failed", event.reason, details.error_type, details.error_message)
        case EntityLockGranted():
            return ("granted",)
        case _:
            assert isinstance(event, TimerFired)
            return ("fired",)


def _request(event: HistoryEvent) -> list[Fact]:
    match event:
        case ExecutionStarted() | EventRaised():
            return [(type(event).__name__, event.name, event.input)]
        case ExecutionTerminated():
            return [(type(event).__name__, event.input)]
        case ExecutionSuspended() | ExecutionResumed() | StartRefused():
            return [(type(event).__name__,)]
        case _:
            return []


def _is_stable(column: str) -> bool:
    return column not in VARYING and not column.endswith("BlobName")
