"""Failed activities: thrown where the task is yielded, as an Exception that tells all."""

from durable.model.failures import TaskFailedError
from durable.model.history import ExecutionCompleted
from durable.model.status import RuntimeStatus
from durable.replay.tasks import TaskState
from tests.replay.recording import (
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    failed,
)


def test_a_failure_is_thrown_at_the_yield_and_can_be_caught() -> None:
    """The code goes on behind the `except` and may call what it likes."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("charge")
        except Exception as error:  # noqa: BLE001
            said = str(error)
        undone = yield context.call_activity("refund")
        return [said, undone]

    recording = Recording(orchestrator)
    assert asked(recording.episode(failed(0, "card expired"))) == [(1, "refund", None)]
    recording.episode(completed(1, "ok"))
    reason = "Activity function 'a' failed: card expired \n details of card expired"
    assert recording.output == [reason, "ok"]


def test_a_failure_carries_what_the_activity_raised() -> None:
    """The error has the type and the message of the original as data."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        except TaskFailedError as error:
            details = error.failure_details
            return [error.error_type, details and details.error_message]

    recording = Recording(orchestrator)
    recording.episode(failed(0, "gone", error_type="KeyError"))
    assert recording.output == ["KeyError", "gone"]


def test_an_uncaught_failure_fails_the_orchestration() -> None:
    """Status, output and failure details say which orchestrator failed and why."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")

    recording = Recording(orchestrator)
    recording.episode(failed(0, "card expired"))
    assert recording.last.status is RuntimeStatus.FAILED
    assert "'orchestrator' failed" in recording.output
    assert "card expired" in recording.output
    ended = recording.last.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.orchestration_status is RuntimeStatus.FAILED
    assert ended.failure_details is not None
    assert ended.failure_details.error_type == "TaskFailedError"


def test_finally_blocks_of_a_failing_orchestrator_may_still_call_activities() -> None:
    """An error on its way out is user code running, not a dropped execution."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            yield context.call_activity("clean up")

    recording = Recording(orchestrator)
    assert asked(recording.episode(failed(0, "broken"))) == [(1, "clean up", None)]
    recording.episode(completed(1))
    assert recording.last.status is RuntimeStatus.FAILED
    assert "broken" in recording.output


def test_a_failed_task_says_so_without_being_yielded_again() -> None:
    """`state` is FAILED and `result` the exception itself, as in azure-functions-durable 1.7."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a")
        winner = yield context.task_any([task, context.call_activity("b")])
        return [
            winner is task,
            winner.state is TaskState.FAILED,
            winner.is_completed,
            isinstance(winner.result, Exception),
        ]

    recording = Recording(orchestrator)
    recording.episode(failed(0))
    assert recording.last.status is RuntimeStatus.COMPLETED, recording.output
    assert recording.output == [True, True, True, True]


def test_yielding_a_failed_task_again_throws_again() -> None:
    """A failed task stays failed."""

    def orchestrator(context: Context) -> Orchestration:
        task, caught = context.call_activity("a"), 0
        for _ in range(2):
            try:
                yield task
            except Exception:  # noqa: BLE001
                caught += 1
        return caught

    recording = Recording(orchestrator)
    recording.episode(failed(0))
    assert recording.output == 2
