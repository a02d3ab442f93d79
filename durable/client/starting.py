"""Start: put the message, then make the conditional transition g → g+1 (rule E2).

In this order neither a death between the two nor a message that is received in between can leave
an instance that is pending for ever: whoever gets there first makes the transition, the other finds
it made. The message of a start that is refused carries a generation that no longer stands.
A start for later is the same: its message goes the way of timers, its record is pending until then.
"""

from dataclasses import replace
from datetime import datetime

from durable.model.births import born, orchestration_instance
from durable.model.environment import Environment
from durable.model.errors import InstanceExistsError
from durable.model.history import ExecutionStarted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import decode_record, encode_record
from durable.model.status import RuntimeStatus
from durable.storage import summaries
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.payloads import spill_input
from durable.storage.port import (
    TIMERS,
    ETag,
    LostRace,
    OutcomeUnknown,
    StorageFault,
    TaskHubStore,
)
from durable.storage.sending import send
from durable.storage.timers import due_at_of

ATTEMPTS_MAX = 10
BACKOFF_S_FIRST = 0.05


class _Overtaken(OutcomeUnknown):
    """The start may have begun a life that others have replaced since."""


async def start(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    *,
    name: str,
    input_: str,
    version: str | None,
    start_at: datetime | None = None,
    is_new_id: bool = False,
) -> None:
    """Start, or raise `InstanceExistsError` or a `StorageFault`.

    `start_at`, aware, is when the instance may begin; what has passed is now. `is_new_id`: nobody
    else can have this id, so nothing need be read first.
    """
    execution_id = ExecutionId(environment.new_id())
    blobs = await spill_input(store, environment, instance_id, input_)
    before: InstanceRecord | None = None
    etag: ETag | None = None
    fault: StorageFault | None = None
    is_read, replaced = is_new_id, None
    for attempt in range(ATTEMPTS_MAX):
        try:
            if fault is not None:
                await environment.wait(BACKOFF_S_FIRST * 2**attempt * (0.5 + environment.jitter()))
            if not is_read:
                before, etag = await _read(store, instance_id)
                if before is not None and before.life_id == execution_id:
                    return  # our own transition, made by the receiver, or by us without an answer
                _refuse_if_overtaken(instance_id, before, replaced)
                _refuse_if_alive(instance_id, before)
            started = ExecutionStarted(
                timestamp=environment.now(),
                name=name,
                version=version,
                input=input_,
                generation=(before.generation if before else 0) + 1,
                orchestration_instance=orchestration_instance(instance_id, execution_id),
                scheduled_start_time=start_at,
            )
            message = TaskMessage(
                instance_id=instance_id,
                event=started,
                execution_id=execution_id,
                generation=started.generation - 1,
                replaced_episode=before.episode if before else 0,
                blobs=blobs,
            )
            replaced = message.generation
            await _put(store, environment, message)
            await _make_pending(store, environment, message, started, before=before, etag=etag)
        except _Overtaken:
            raise
        except (LostRace, StorageFault) as outcome:
            fault = outcome if isinstance(outcome, StorageFault) else None
            is_read = False
        else:
            return
    if fault is not None and replaced is not None and not isinstance(fault, OutcomeUnknown):
        raise OutcomeUnknown(f"The start of '{instance_id}' may have been put: {fault}") from fault
    raise fault or InstanceExistsError(f"Too many starts of instance '{instance_id}' at once.")


def _refuse_if_overtaken(
    instance_id: InstanceId, before: InstanceRecord | None, replaced: int | None
) -> None:
    """Give up where our message may have begun a life that others have replaced since.

    The message that we put begins generation `replaced` + 1 or nothing. If that generation stands
    and is another's, ours is void and may be put again; if it has passed, nobody knows whose it
    was, and a second life of one start is what must not be.
    """
    if before is None or replaced is None or before.generation <= replaced + 1:
        return
    raise _Overtaken(
        f"Instance '{instance_id}' was started anew by others while this start was under way. It "
        "may have run and been replaced; look at what it was to do before starting it again."
    )


def _refuse_if_alive(instance_id: InstanceId, before: InstanceRecord | None) -> None:
    """Only what has ended may be replaced (extension default `NonRunningStates`)."""
    if before is not None and before.is_alive:
        raise InstanceExistsError(
            f"An Orchestration instance with the status {before.status.value} already exists: "
            f"'{instance_id}'. Wait for it to end, terminate it, or use another instance id."
        )


async def _put(store: TaskHubStore, environment: Environment, message: TaskMessage) -> None:
    due_at = due_at_of(message.event)
    if due_at is None or due_at <= environment.now():
        outgoing = Outgoing(queue=CONTROL, message=message)
    else:
        outgoing = Outgoing(queue=TIMERS, message=message, due_at=due_at)
    await send(store, environment, outgoing)


async def _make_pending(
    store: TaskHubStore,
    environment: Environment,
    message: TaskMessage,
    started: ExecutionStarted,
    *,
    before: InstanceRecord | None,
    etag: ETag | None,
) -> None:
    assert message.execution_id is not None
    pending = born(
        before,
        started,
        message.execution_id,
        now=environment.now(),
        commit_id=environment.new_id(),
        status=RuntimeStatus.PENDING,
    )
    pending = replace(pending, input=started.input, blobs=message.blobs)
    await store.transact(message.instance_id, (), encode_record(pending), etag=etag)
    try:
        await summaries.show(
            store, message.instance_id, pending, etag=None, is_first=before is None
        )
    except StorageFault:
        return  # only lists are late; the first episode shows it


async def _read(
    store: TaskHubStore, instance_id: InstanceId
) -> tuple[InstanceRecord | None, ETag | None]:
    sentinel = await store.read_sentinel(instance_id)
    if sentinel is None:
        return None, None
    return decode_record(instance_id, sentinel.columns), sentinel.etag
