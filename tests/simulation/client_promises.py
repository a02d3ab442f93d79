"""What clients were promised, held against what is recorded when the hub is at rest.

What was accepted has happened once, what was refused has not, and where a client learned nothing it
happened at most once. Two requests may pass each other on their way: so a request counts for sure
only while the life that it was for has never ended, and of suspends and resumes the last recorded
one holds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from durable.model.history import (
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.rewinding import effective
from durable.model.status import RuntimeStatus
from durable.model.streams import EXECUTION_MARK, life_of
from durable.testing.oracles.hub_view import HubView, InstanceView
from tests.simulation.client_requests import (
    ACCEPTED,
    UNKNOWN,
    Purge,
    Request,
    Rewind,
    Start,
    Terminate,
)

Told = Sequence[tuple[Request, str]]


def check_promises(told: Told, view: HubView, *, endless: str) -> None:
    """Rule 2. `endless`: the orchestration that ends in no way but by a terminate."""
    for request, answer in told:
        instance = view.instances[InstanceId(request.instance_id)]
        if isinstance(request, Purge):
            continue
        # A rewind that is voided by the next one was not in vain; anything else comes again then.
        rows = instance.rows.values() if isinstance(request, Rewind) else rows_that_count(instance)
        times = sum(request.is_recorded_in(row) for row in rows)
        at_least = answer == ACCEPTED and _must_be_recorded(request, instance)
        at_most = answer in (ACCEPTED, UNKNOWN)
        assert at_least <= times <= at_most, (
            f"{request} was answered with '{answer}' and is recorded {times} times"
        )
        if isinstance(request, Terminate) and answer == ACCEPTED:
            _check_terminated(request, instance, endless)
    for instance_id, instance in view.instances.items():
        _check_suspended(instance_id, instance)
        _check_parent(instance_id, instance, view)


def check_purges(told: Told, stood: dict[str, list[InstanceRecord | None]]) -> int:
    """Each purge that was promised has made a tombstone, and nobody else has; say how many."""
    made: Counter[str] = Counter()
    for instance_id, records in stood.items():
        for before, after in pairwise(records):
            is_purge = after is not None and after.is_purged
            made[instance_id] += is_purge and not (before is not None and before.is_purged)
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for request, answer in told:
        if isinstance(request, Purge):
            answers[request.instance_id][answer] += 1
    for instance_id in stood:
        promised, unknown = answers[instance_id][ACCEPTED], answers[instance_id][UNKNOWN]
        assert promised <= made[instance_id] <= promised + unknown, (
            f"{instance_id}: {made[instance_id]} purges happened, {promised} were promised, and of "
            f"{unknown} nothing was learned"
        )
    return made.total()


def rows_that_count(instance: InstanceView) -> list[HistoryRow]:
    """List the rows of all executions, but for those that a rewind has voided."""
    executions = dict.fromkeys(row.execution_id for row in instance.rows.values())
    return [row for each in executions for row in effective(instance.rows.values(), each)]


def lives_of(instance: InstanceView) -> list[HistoryRow]:
    """List the starts of its lives, in order."""
    rows = rows_that_count(instance)
    started = [row for row in rows if isinstance(row.event, ExecutionStarted)]
    return [row for row in started if EXECUTION_MARK not in row.execution_id]


def rewound_and_alive(view: HubView) -> set[InstanceId]:
    """List what runs after it had failed: what it did not take then, it takes from a late copy."""
    return {
        instance_id
        for instance_id, instance in view.instances.items()
        if instance.record is not None
        and instance.record.is_alive
        and _is_rewound(instance, instance.record.life_id)
    }


def _message_of(request: Request, instance: InstanceView) -> TaskMessage:
    """Find the message of a request that was accepted."""
    puts = [message for copies in instance.put.values() for message in copies]
    found = {
        message.message_id: message for message in puts if request.is_recorded_in(_row_of(message))
    }
    assert len(found) == 1, f"{request} was put as {list(found)}"
    return next(iter(found.values()))


def _row_of(message: TaskMessage) -> HistoryRow:
    """Lay a message out as the row that would record it."""
    return HistoryRow(
        ordinal=0,
        episode=0,
        execution_id=message.execution_id or ExecutionId(""),
        event=message.event,
        message_id=message.message_id,
    )


def _must_be_recorded(request: Request, instance: InstanceView) -> bool:
    """A start always; the rest if the life that it was for has never ended."""
    if isinstance(request, Start):
        return True
    record, message = instance.record, _message_of(request, instance)
    assert record is not None
    if record.is_absent or record.generation != message.generation:
        return False
    if isinstance(request, Rewind):
        assert isinstance(message.event, ExecutionRewound)
        is_failed = record.status is RuntimeStatus.FAILED
        return is_failed and record.episode == message.event.voided_episode
    return record.is_alive and not _is_rewound(instance, record.life_id)


def _is_rewound(instance: InstanceView, life_id: ExecutionId) -> bool:
    return any(isinstance(row.event, ExecutionRewound) for row in _of_life(instance, life_id))


def _of_life(instance: InstanceView, life_id: ExecutionId) -> Iterable[HistoryRow]:
    return (row for row in instance.rows.values() if life_of(row.execution_id) == life_id)


def _check_terminated(request: Terminate, instance: InstanceView, endless: str) -> None:
    """The life that it was for has ended, by this unless something else came first."""
    generation = _message_of(request, instance).generation
    assert generation is not None
    life = lives_of(instance)[generation - 1]
    assert isinstance(life.event, ExecutionStarted)
    if _is_rewound(instance, life.execution_id):
        return
    ended_as = {
        row.event.orchestration_status
        for row in _of_life(instance, life.execution_id)
        if isinstance(row.event, ExecutionCompleted)
    } - {RuntimeStatus.CONTINUED_AS_NEW}
    assert len(ended_as) == 1, f"{request} was accepted, and the instance runs on"
    assert life.event.name != endless or ended_as == {RuntimeStatus.TERMINATED}


def _check_suspended(instance_id: InstanceId, instance: InstanceView) -> None:
    """A live instance is suspended exactly if the last that was said about it was a suspend."""
    record = instance.record
    if record is None or not record.is_alive:
        return
    said = [
        row.event
        for row in _of_life(instance, record.life_id)
        if isinstance(row.event, ExecutionSuspended | ExecutionResumed)
    ]
    wanted = bool(said) and isinstance(said[-1], ExecutionSuspended)
    assert (record.status is RuntimeStatus.SUSPENDED) == wanted, (
        f"{instance_id} is {record.status.value}, and the last that was said was {said[-1:]}"
    )


def _check_parent(instance_id: InstanceId, instance: InstanceView, view: HubView) -> None:
    """Nothing lives whose parent was terminated with its children while it waited for it."""
    record = instance.record
    if record is None or not record.is_alive or record.parent is None:
        return
    parent = Parent.from_json(record.parent)
    rows = effective(view.instances[parent.instance_id].rows.values(), parent.execution_id)
    ends = [row.event for row in rows if isinstance(row.event, ExecutionTerminated)]
    is_answered = any(answered_task_id(row.event) == parent.task_id for row in rows)
    assert not ends or not ends[0].is_recursive or is_answered, (
        f"{instance_id} lives on, and '{parent.instance_id}' was terminated with its children"
    )
