"""What a child says to its parent, and an entity to its caller: a value, or why there is none."""

from dataclasses import replace

from durable.model.failures import FailureDetails
from durable.model.history import (
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    ExecutionCompleted,
    StartRefused,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
)
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.status import RuntimeStatus
from durable.model.values import decode_value


def answer_to_parent(ended: ExecutionCompleted) -> TaskMessage:
    """Make the answer of a child that has ended. Its result may still lie in a blob."""
    parent = Parent.from_json(ended.parent_instance or "")
    event: SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed
    if ended.orchestration_status is RuntimeStatus.COMPLETED:
        event = SubOrchestrationInstanceCompleted(
            timestamp=ended.timestamp,
            task_scheduled_id=parent.task_id,
            result=ended.result,
            run=parent.run,
        )
    else:
        failure = ended.failure_details
        event = SubOrchestrationInstanceFailed(
            timestamp=ended.timestamp,
            task_scheduled_id=parent.task_id,
            reason=_reason(ended),
            details=(failure.stack_trace or failure.error_message) if failure else "",
            failure_details=failure or _ending(ended),
            run=parent.run,
        )
    return _to(parent, event)


def refusal(instance_id: InstanceId, refused: StartRefused) -> TaskMessage:
    """Make the answer to a parent whose child could not be started."""
    parent = Parent.from_json(refused.parent_instance)
    reason = f"An instance with the ID '{instance_id}' is alive already."
    event = SubOrchestrationInstanceFailed(
        timestamp=refused.timestamp,
        task_scheduled_id=parent.task_id,
        reason=reason,
        details="",
        failure_details=FailureDetails(error_type="InstanceExistsError", error_message=reason),
        run=parent.run,
    )
    return _to(parent, event)


def answer_of_entity(
    reply: EntityOperationCompleted | EntityOperationFailed | EntityLockGranted,
) -> TaskMessage:
    """Make the message to whoever waits. A result may still lie in a blob."""
    waits = Parent.from_json(reply.parent_instance or "")
    return TaskMessage(
        instance_id=waits.instance_id,
        execution_id=waits.execution_id,
        event=replace(reply, parent_instance=None),
    )


def _to(
    parent: Parent, event: SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed
) -> TaskMessage:
    return TaskMessage(
        instance_id=parent.instance_id, execution_id=parent.execution_id, event=event
    )


def _reason(ended: ExecutionCompleted) -> str:
    """The text of a failure, or the reason of a termination."""
    text = decode_value(ended.result)
    return text if isinstance(text, str) else f"The orchestration {_ended_how(ended)}."


def _ending(ended: ExecutionCompleted) -> FailureDetails:
    how = ended.orchestration_status.value
    return FailureDetails(error_type=f"Orchestration{how}", error_message=_reason(ended))


def _ended_how(ended: ExecutionCompleted) -> str:
    return "was terminated" if ended.orchestration_status is RuntimeStatus.TERMINATED else "failed"
