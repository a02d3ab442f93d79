"""Which execution the new messages of a round are for: the running one, or one that they begin."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.model.births import born, orchestration_instance, running, start_of_pending
from durable.model.history import (
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    StartRefused,
    answered_task_id,
)
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.model.streams import next_execution
from durable.replay.decision import Continuation

PAUSES = ExecutionSuspended | ExecutionResumed


def open_execution(
    instance_id: InstanceId,
    before: InstanceRecord | None,
    new: Sequence[TaskMessage],
    waiting: Sequence[TaskMessage],
    *,
    now: datetime,
    is_rewindable: bool = True,
) -> tuple[InstanceRecord, list[TaskMessage]]:
    """Return the record that the execution has, and the messages with the start first.

    A pending record starts from any message (rule E2): its start may be lost with a client that
    died, or come later, and is then known. What waited for it comes before what is new, and what
    has suspended it before its time, or between two executions, before the start: no code runs.
    """
    starts = [m for m in new if isinstance(m.event, ExecutionStarted)]
    others = [m for m in new if not isinstance(m.event, ExecutionStarted)]
    if before is not None and before.is_alive and before.is_pending:
        # The record tells it all; a message that only wakes has no input. How long the message has
        # been held is told by itself alone (rule K).
        start = start_of_pending(instance_id, before)
        if starts:
            start = replace(starts[0], event=start.event, blobs=start.blobs)
        kept = [_nameless(message) for message in waiting]
        if before.status is RuntimeStatus.CONTINUED_AS_NEW:
            # One that never waits would else be ahead of every suspend.
            kept, others = [*kept, *others], []
        pauses = [m for m in kept if isinstance(m.event, PAUSES)]
        # Refusals first: an execution that ends at once takes them and nothing else.
        kept.sort(key=lambda m: not isinstance(m.event, StartRefused))
        rest = [m for m in kept if not isinstance(m.event, PAUSES)]
        return running(before), [*pauses, start, *rest, *others]
    if starts:
        first = starts[0]
        assert isinstance(first.event, ExecutionStarted)
        assert first.execution_id is not None
        record = born(
            before,
            first.event,
            first.execution_id,
            now=now,
            commit_id="",
            status=RuntimeStatus.RUNNING,
        )
        return record, [first, *others]
    if before is None:
        raise AssertionError(f"{new[0].event} can't be new to an absent instance")
    rewinds = [m.event for m in others if isinstance(m.event, ExecutionRewound)]
    for rewind in rewinds:
        parent = rewind.parent_instance or before.parent
        before = replace(before, parent=parent)
        if before.status is RuntimeStatus.FAILED and is_rewindable:
            before = _revived(before)
    return before, others


def _nameless(message: TaskMessage) -> TaskMessage:
    """Take its id from an event that a former execution left; no copy of it is on its way.

    An id that is remembered for nothing would be remembered for ever.
    """
    is_ours = message.generation is None and message.origin is None
    return replace(message, message_id=None) if is_ours else message


def _revived(before: InstanceRecord) -> InstanceRecord:
    """The failed execution goes on."""
    return replace(
        before,
        status=RuntimeStatus.RUNNING,
        status_sequence=before.status_sequence + 1,
        output=None,
        completed_at=None,
        blobs={},
    )


def open_next(
    instance_id: InstanceId,
    ended: InstanceRecord,
    continued: Continuation,
    left: Sequence[TaskMessage],
    *,
    time: datetime,
    base: int,
) -> tuple[InstanceRecord, list[TaskMessage]]:
    """Open the execution that follows by continue-as-new (rule F).

    It begins with the input, then the events that nobody had read, then what came in the batch
    behind the end; answers among that were for tasks which are no more.
    """
    execution_id = next_execution(ended.execution_id)
    # It may have been a resume that led here; the execution that follows is not suspended.
    record = replace(
        ended, execution_id=execution_id, base=base, status=RuntimeStatus.RUNNING, reason=None
    )
    started = ExecutionStarted(
        timestamp=time,
        name=ended.name,
        version=ended.version,
        input=continued.input,
        generation=ended.generation,
        orchestration_instance=orchestration_instance(instance_id, execution_id),
        parent_instance=ended.parent,
    )
    begun_with = [
        TaskMessage(instance_id=instance_id, event=event, execution_id=execution_id)
        for event in (started, *continued.carried)
    ]
    return record, [*begun_with, *(m for m in left if is_carried(m))]


def is_carried(message: TaskMessage) -> bool:
    """Say whether a message outlives the execution that it came to."""
    return answered_task_id(message.event) is None
