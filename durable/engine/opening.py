"""Which execution the new messages of a turn are for: the running one, or one that they begin."""

from collections.abc import Sequence
from datetime import datetime

from durable.model.births import born, running, start_of_pending
from durable.model.history import ExecutionStarted
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus


def open_execution(
    instance_id: InstanceId,
    before: InstanceRecord | None,
    new: Sequence[TaskMessage],
    *,
    now: datetime,
) -> tuple[InstanceRecord, list[TaskMessage]]:
    """Return the record that the execution has, and the messages with the start first.

    A pending record starts from any message (rule E2): its start may be lost with a client that
    died, or come later, and is then known.
    """
    messages = sorted(new, key=lambda message: not isinstance(message.event, ExecutionStarted))
    first = messages[0]
    is_pending = (
        before is not None and before.status is RuntimeStatus.PENDING and not before.is_stub
    )
    if before is not None and is_pending:
        if not isinstance(first.event, ExecutionStarted):
            messages.insert(0, start_of_pending(instance_id, before))
        return running(before), messages
    if isinstance(first.event, ExecutionStarted) and first.execution_id is not None:
        record = born(
            before,
            first.event,
            first.execution_id,
            now=now,
            commit_id="",
            status=RuntimeStatus.RUNNING,
        )
        return record, messages
    if before is None:
        raise AssertionError(f"{first.event} can't be new to an absent instance")
    return before, messages
