"""DurableOrchestrationContext: what an orchestrator may ask for.

A task is asked for when it is yielded or awaited. What has no answer (a detached start, an event,
a signal, `continue_as_new`) counts from the moment of the call.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from durable.model.actions import CreateSubOrchestration, SendEvent
from durable.model.errors import InvalidPayloadError
from durable.model.ids import parse_instance_id
from durable.model.naming import checked_name, checked_version
from durable.model.values import encode_value
from durable.replay.arguments import (
    activity_name,
    checked_options,
    checked_type,
    http_request,
    milliseconds,
    orchestrator_name,
    tasks_of,
    utc,
)
from durable.replay.calls import (
    NO_DEFAULT,
    ActivityTask,
    ContinueAsNewTask,
    ExternalEventTask,
    LongTimerTask,
    SubOrchestrationTask,
    TimedEventTask,
    TimerTask,
)
from durable.replay.entity_calls import EntityCalls
from durable.replay.http_calls import CallHttpTask
from durable.replay.retries import RetryAbleTask, RetryOptions
from durable.replay.surroundings import ExecutionDropped
from durable.replay.tasks import TaskBase, WhenAllTask, WhenAnyTask
from durable.replay.trigger_body import read_trigger_body

__all__ = ["DurableOrchestrationContext", "ExecutionDropped"]

CUSTOM_STATUS_CHARS_MAX = 16 * 1024
# 1.7 gives timers that are further away than this another class.
SHORT_TIMER_MAX = timedelta(days=6)


class DurableOrchestrationContext(EntityCalls):
    """The orchestrator's view of its instance, and what it can have done."""

    @classmethod
    def from_json(cls, json_string: str) -> "DurableOrchestrationContext":
        """Make a context of what the Durable extension would send, for a unit test.

        Nothing drives it: its tasks are made, and never completed.
        """
        return cls(read_trigger_body(json_string))

    def call_activity(
        self,
        name: Any,
        input_: Any = None,
        expected_type: Any = None,
        *,
        timeout: timedelta | None = None,
    ) -> TaskBase:
        """Call an activity; its result, or `TaskFailedError`, comes when the task is yielded.

        A call that takes longer than `timeout` fails.
        """
        self._alive()
        activity = activity_name(name)
        text = self._encoded(input_, "input of activity", activity)
        wanted, timeout_ms = checked_type(expected_type), milliseconds(timeout)
        return ActivityTask(activity, text, expected_type=wanted, timeout_ms=timeout_ms)

    def call_activity_with_retry(
        self,
        name: Any,
        retry_options: RetryOptions,
        input_: Any = None,
        expected_type: Any = None,
        *,
        timeout: timedelta | None = None,
    ) -> TaskBase:
        """Call an activity, and again while it fails and the options say so."""
        seen = self._alive()
        activity = activity_name(name)
        text = self._encoded(input_, "input of activity", activity)
        wanted, timeout_ms = checked_type(expected_type), milliseconds(timeout)

        def attempt(number: int) -> ActivityTask:
            return ActivityTask(
                activity, text, expected_type=wanted, attempt=number, timeout_ms=timeout_ms
            )

        return RetryAbleTask(checked_options(retry_options), seen, attempt)

    def call_sub_orchestrator(
        self,
        name: Any,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: Any = None,
    ) -> TaskBase:
        """Start another orchestration as a child; its output, or its failure, is the result.

        Without an id it gets one that is the same in every replay. An id that is in use by a live
        instance fails the task; one that no store could hold raises `InvalidInstanceIdError`.
        """
        return self._children(name, input_, instance_id, version, expected_type)(1)

    def call_sub_orchestrator_with_retry(  # noqa: PLR0917  (1.7's signature)
        self,
        name: Any,
        retry_options: RetryOptions,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
        expected_type: Any = None,
    ) -> TaskBase:
        """Start a child, and another while it fails and the options say so.

        With an id all of them have that; without, each has its own.
        """
        attempt = self._children(name, input_, instance_id, version, expected_type)
        options = checked_options(retry_options)
        return RetryAbleTask(options, self._alive(), attempt, calls_child=True)

    def start_new_orchestration(
        self,
        name: Any,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration that is nobody's child, and return its id at once.

        It takes effect without a yield. Nobody waits for it, and a start that is refused, because
        an instance of that id is alive, is not told.
        """
        seen = self._alive()
        orchestrator = orchestrator_name(name)
        text = self._encoded(input_, "input of orchestrator", orchestrator)
        given = None if instance_id is None else parse_instance_id(instance_id)
        of_version = checked_version(version)
        start = seen.docket.record(
            lambda task_id: CreateSubOrchestration(
                task_id=task_id,
                name=orchestrator,
                instance_id=given or seen.child_id(task_id),
                input=text,
                version=of_version,
                is_detached=True,
            ),
            counts=seen.continues is None,
        )
        return start.instance_id

    def send_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """Raise an external event to another instance. It takes effect without a yield.

        Events to one instance arrive in the order in which they are sent; an instance that does
        not exist, or has ended, gets none.
        """
        seen = self._alive()
        event = checked_name(name, "an event")
        receiver = parse_instance_id(instance_id)
        text = self._encoded(data, "data of event", event)
        seen.docket.record(
            lambda task_id: SendEvent(
                task_id=task_id, instance_id=receiver, name=event, input=text
            ),
            counts=seen.continues is None,
        )

    def call_http(  # noqa: PLR0917  (1.7's signature)
        self,
        method: str,
        uri: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        token_source: Any = None,
        is_raw_str: bool = False,  # noqa: FBT001, FBT002  (1.7's signature)
        *,
        polling: bool = True,
        timeout: timedelta | None = None,
    ) -> TaskBase:
        """Make an HTTP request; the result is a dict of `statusCode`, `headers` and `content`.

        An answer 202 with a `Location` is polled, after `Retry-After` each time, until there is
        another, unless `polling` is off. Credentials go to the origin of `uri` alone. Where that
        takes longer than `timeout` in all, the task fails with a `TimeoutError`. `content` is sent
        as JSON, a string too, unless `is_raw_str`.
        """
        seen = self._alive()
        request = http_request(method, uri, content, headers, token_source, is_raw=is_raw_str)
        milliseconds(timeout)
        return CallHttpTask(request, seen, polls=polling, timeout=timeout)

    def create_timer(self, fire_at: datetime) -> TimerTask:
        """Make a timer that is due at this time (UTC where it has no zone), however far away."""
        seen = self._alive()
        due = utc(fire_at, "create_timer")
        return (LongTimerTask if due - seen.now > SHORT_TIMER_MAX else TimerTask)(due)

    def wait_for_external_event(
        self,
        name: str,
        expected_type: Any = None,
        *,
        timeout: timedelta | None = None,
        default: Any = NO_DEFAULT,
    ) -> TaskBase:
        """Wait for the next external event of this name, be it one that has come already.

        With a `timeout`, from now on, the task then completes with `default`, or fails with a
        `TimeoutError` where there is none; an event that comes later stays unread.
        """
        seen = self._alive()
        wanted = checked_type(expected_type)
        event = ExternalEventTask(checked_name(name, "an event"), expected_type=wanted)
        if timeout is None:
            return event
        milliseconds(timeout)
        return TimedEventTask(event, TimerTask(seen.now + timeout), default)

    def task_all(self, activities: Sequence[TaskBase]) -> TaskBase:
        """Wait for all; the result is the list of theirs.

        It fails with the first failure: at once, and in an orchestrator `(context, input)` when
        all have completed.
        """
        seen = self._alive()
        return WhenAllTask(tasks_of(activities, "task_all"), fails_at_once=seen.is_of_old)

    def task_any(self, activities: Sequence[TaskBase]) -> TaskBase:
        """Wait for the first; the result is the task that completed."""
        self._alive()
        return WhenAnyTask(tasks_of(activities, "task_any"))

    def continue_as_new(self, input_: Any) -> TaskBase:
        """End this execution and begin the next one, with this input and an empty history.

        It takes effect with or without a `yield`; what the code asks for afterwards is ignored.
        Events that nobody has read are there for the next execution. An exception after it fails
        the orchestration.
        """
        seen = self._alive()
        text = self._encoded(input_, "input of orchestrator", seen.name)
        if seen.continues is None:
            seen.continues = text
        return ContinueAsNewTask()

    def set_custom_status(self, status: Any) -> None:
        """Show a JSON value, at most 16 Ki characters, in the status; `None` clears it."""
        seen = self._alive()
        text = encode_value(status, what="custom status", converter=seen.types.converter)
        if len(text) > CUSTOM_STATUS_CHARS_MAX:
            raise InvalidPayloadError(
                f"The custom status has {len(text)} characters as JSON; "
                f"at most {CUSTOM_STATUS_CHARS_MAX} are allowed."
            )
        seen.custom_status = None if status is None else text
        seen.sets_custom_status = True

    def _children(
        self,
        name: Any,
        input_: Any,
        instance_id: str | None,
        version: str | None,
        expected_type: Any,
    ) -> Callable[[int], SubOrchestrationTask]:
        """Return what makes a task for each attempt to run this child."""
        seen = self._alive()
        orchestrator = orchestrator_name(name)
        text = self._encoded(input_, "input of orchestrator", orchestrator)
        given = None if instance_id is None else parse_instance_id(instance_id)
        of_version, wanted = checked_version(version), checked_type(expected_type)

        def attempt(number: int) -> SubOrchestrationTask:
            del number
            return SubOrchestrationTask(
                orchestrator,
                text,
                instance_id=given,
                default_id=seen.child_id,
                version=of_version,
                expected_type=wanted,
            )

        return attempt

    def _encoded(self, value: Any, what: str, name: str) -> str:
        return encode_value(value, what=f"{what} '{name}'", converter=self._seen.types.converter)
