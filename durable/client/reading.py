"""Reading: where an instance stands, and its history. From its record, never from the projection.

A payload that lies in a blob may go while it is looked for, because the instance began anew (rule
I): then everything is read again. Only where nothing has changed it is a loss.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from durable.model.codec import FIELDS, decode_row
from durable.model.errors import MalformedMessageError, PayloadLostError
from durable.model.history import (
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
)
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.parents import Parent
from durable.model.queries import OrchestrationStatus
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.storage.partition import Snapshot, load
from durable.storage.payloads import fetch_all, fetch_payloads, fetch_record
from durable.storage.port import BlobMissing, ETag, TaskHubStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of a status is asked for besides what the record itself says.

    `results`: in the history, what activities, children and the execution returned.
    """

    input: bool = True
    history: bool = False
    results: bool = False


async def read_record(store: TaskHubStore, instance_id: InstanceId) -> InstanceRecord | None:
    """Read the record; stubs and tombstones count as absent."""
    sentinel = await store.read_sentinel(instance_id)
    if sentinel is None:
        return None
    record = decode_record(instance_id, sentinel.columns)
    return None if record.is_absent else record


async def read_status(
    store: TaskHubStore, instance_id: InstanceId, shown: Shown
) -> OrchestrationStatus | None:
    """Tell where an instance stands, or raise `PayloadLostError`."""

    async def tell(snapshot: Snapshot) -> OrchestrationStatus | None:
        if snapshot.record is None or snapshot.record.is_absent:
            return None
        return await _status(store, instance_id, snapshot, shown)

    return await insist(store, instance_id, tell, with_history=shown.history)


async def read_history(
    store: TaskHubStore, instance_id: InstanceId
) -> tuple[HistoryEvent, ...] | None:
    """Read the facts of the current execution in order, or raise `PayloadLostError`."""

    async def tell(snapshot: Snapshot) -> tuple[HistoryEvent, ...] | None:
        if snapshot.record is None or snapshot.record.is_absent:
            return None
        return await _history(store, snapshot, snapshot.record)

    return await insist(store, instance_id, tell, with_history=True)


async def read_input(
    store: TaskHubStore, instance_id: InstanceId, record: InstanceRecord
) -> str | None:
    """Read the input of the current execution, or raise `BlobMissing`.

    It is in the record until the execution begins. Then its start stands second in its first
    episode, behind OrchestratorStarted; before it stands only what has suspended it before that.
    """
    if record.is_pending:
        return (await fetch_record(store, record)).input
    ordinal = record.base + 1
    while (columns := await store.read_row(instance_id, ordinal)) is not None:
        row = decode_row(ordinal, columns)
        if isinstance(row.event, ExecutionStarted):
            event = await fetch_payloads(store, row.event, row.blobs)
            return event.input if isinstance(event, ExecutionStarted) else None
        if not isinstance(row.event, ExecutionSuspended | ExecutionResumed):
            return None
        ordinal += 1
    return None


async def gather_at_most(at_once: int, calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Await all calls, so many at a time; their results in order.

    None goes on behind a failure of another: that is raised when all have ended.
    """
    free = asyncio.Semaphore(at_once)

    async def run(call: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await call()

    results: list[T] = []
    for result in await asyncio.gather(*(run(call) for call in calls), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results


async def insist(
    store: TaskHubStore,
    instance_id: InstanceId,
    tell: Callable[[Snapshot], Awaitable[T]],
    *,
    with_history: bool,
) -> T:
    """Look and tell, again while what is looked at changes on the way."""
    seen: ETag | None = None
    while True:
        snapshot = await _look(store, instance_id, with_history=with_history)
        try:
            return await tell(snapshot)
        except BlobMissing as missing:
            if snapshot.etag == seen:
                raise PayloadLostError(
                    f"A payload of instance '{instance_id}' is gone: blob {missing}."
                ) from missing
            seen = snapshot.etag


async def _look(store: TaskHubStore, instance_id: InstanceId, *, with_history: bool) -> Snapshot:
    if with_history:
        return await load(store, instance_id)
    sentinel = await store.read_sentinel(instance_id)
    if sentinel is None:
        return Snapshot()
    return Snapshot(decode_record(instance_id, sentinel.columns), sentinel.etag)


async def _status(
    store: TaskHubStore, instance_id: InstanceId, snapshot: Snapshot, shown: Shown
) -> OrchestrationStatus:
    assert snapshot.record is not None
    record = await fetch_record(store, snapshot.record)
    history: tuple[HistoryEvent, ...] | None = None
    if shown.history and record.status is not RuntimeStatus.PENDING:
        facts = await _history(store, snapshot, record)
        history = tuple(_reduced(fact, shown) for fact in facts)
    return OrchestrationStatus(
        instance_id=instance_id,
        name=record.name,
        runtime_status=record.status,
        created_at=record.created_at,
        updated_at=record.updated_at,
        input=await read_input(store, instance_id, record) if shown.input else None,
        output=record.output,
        custom_status=record.custom_status,
        reason=record.reason,
        version=record.version,
        scheduled_at=record.scheduled_at,
        parent_instance_id=_parent_of(record),
        history=history,
    )


async def _history(
    store: TaskHubStore, snapshot: Snapshot, record: InstanceRecord
) -> tuple[HistoryEvent, ...]:
    rows = [row for row in snapshot.rows if row.execution_id == record.execution_id]
    return tuple(await fetch_all(store, [(row.event, row.blobs) for row in rows]))


def _reduced(fact: HistoryEvent, shown: Shown) -> HistoryEvent:
    fields = {field for field, _ in FIELDS[type(fact)]}
    left_out: dict[str, Any] = {}
    if "input" in fields and not shown.input:
        left_out["input"] = None
    if "result" in fields and not shown.results:
        left_out["result"] = None
    return replace(fact, **left_out) if left_out else fact


def _parent_of(record: InstanceRecord) -> str | None:
    if record.parent is None:
        return None
    try:
        return Parent.from_json(record.parent).instance_id
    except MalformedMessageError:
        return None  # another tool's; a status is no place to fail for it
