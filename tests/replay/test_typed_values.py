"""Results, events and inputs as types; failures as the classes of the app."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from durable.model.converters import Converter
from durable.model.errors import InvalidPayloadError
from durable.model.failures import FailureDetails, TaskFailedError
from durable.model.history import EventRaised, TaskCompleted, TaskFailed
from durable.model.status import RuntimeStatus
from durable.model.types_of_app import NoTypes
from durable.replay.retries import RetryOptions
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    child_completed,
    completed,
    fired,
    raised,
)


@dataclass
class Point:
    """A place."""

    x: int
    y: int


class OutOfStock(Exception):  # noqa: N818  (a user's own)
    """Nothing left."""


class Types(NoTypes):
    """What this app says."""

    def __init__(
        self,
        *,
        results: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        errors: dict[str, type[BaseException]] | None = None,
        converter: Converter | None = None,
    ) -> None:
        """Say it."""
        self._results = results or {}
        self._inputs = inputs or {}
        self._errors = errors or {}
        self._converter = converter

    @property
    def converter(self) -> Converter | None:
        """The app's own."""
        return self._converter

    def result_type(self, name: str) -> Any:
        """Look it up."""
        return self._results.get(name)

    def input_type(self, name: str) -> Any:
        """Look it up."""
        return self._inputs.get(name)

    def error_class(
        self, error_type: str, base_types: Sequence[str] = ()
    ) -> type[BaseException] | None:
        """Look up the nearest."""
        return next((self._errors[n] for n in (error_type, *base_types) if n in self._errors), None)


def test_results_events_children_and_input_have_the_type_that_is_asked_for() -> None:
    """By `expected_type`."""
    seen: list[Any] = []

    def orchestrator(context: Context) -> Orchestration:
        mine = [context.get_input(Point)]
        options = RetryOptions(1, 2)
        tasks = [
            context.call_activity("a", None, Point),
            context.call_activity_with_retry("a", options, None, Point),
            context.call_sub_orchestrator("c", expected_type=Point),
            context.call_sub_orchestrator_with_retry("c", options, expected_type=Point),
        ]
        mine.extend((yield context.task_all(tasks)))
        mine.append((yield context.wait_for_external_event("e", Point)))
        seen.append(mine)

    recording = Recording(orchestrator, {"x": 1, "y": 2})
    for task_id in range(2):
        recording.episode(completed(task_id, {"x": 1, "y": 2}))
    for task_id in range(2, 4):
        recording.episode(child_completed(task_id, {"x": 1, "y": 2}))
    recording.episode(raised("e", {"x": 1, "y": 2}))
    assert seen == [[Point(1, 2)] * 6] * 2  # cold and warm


def test_results_and_input_have_the_type_of_the_annotation() -> None:
    """What the app says, where the call does not; `expected_type` goes before."""
    types = Types(results={"a": Point, "c": Point}, inputs={"orchestrator": Point})
    seen: list[Any] = []

    def orchestrator(context: Context, given: Any) -> Orchestration:
        mine = [given, (yield context.call_activity("a"))]
        mine.append((yield context.call_sub_orchestrator("c")))
        mine.append((yield context.call_activity("a", expected_type=dict)))
        seen.append(mine)

    recording = Recording(orchestrator, {"x": 1, "y": 2}, types=types)
    recording.episode(completed(0, {"x": 1, "y": 2}))
    recording.episode(child_completed(1, {"x": 1, "y": 2}))
    recording.episode(completed(2, {"x": 1, "y": 2}))
    assert seen == [[Point(1, 2), Point(1, 2), Point(1, 2), {"x": 1, "y": 2}]] * 2


def test_an_output_and_arguments_may_be_objects() -> None:
    """1.7 refused an output of the user's own class."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a", Point(1, 2))
        return Point(3, 4)

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "a", {"x": 1, "y": 2})]
    recording.episode(completed(0))
    assert recording.output == {"x": 3, "y": 4}


@pytest.mark.parametrize("what", ["result", "child", "event"])
def test_what_can_not_be_read_is_an_error_at_the_yield_and_no_mismatch(what: str) -> None:
    """It can be caught there; a replay comes to the same."""

    def orchestrator(context: Context) -> Orchestration:
        task = {
            "result": lambda: context.call_activity("a", expected_type=Point),
            "child": lambda: context.call_sub_orchestrator("c", expected_type=Point),
            "event": lambda: context.wait_for_external_event("e", Point),
        }[what]()
        try:
            yield task
        except InvalidPayloadError as error:
            said = str(error)
        yield context.call_activity("next")
        return said

    recording = Recording(orchestrator)
    answers = {"result": completed(0, "no"), "child": child_completed(0, "no")}
    recording.episode(answers.get(what) or raised("e", "no"))
    assert [name for _, name, _ in asked(recording.last)] == ["next"]
    recording.episode(completed(0 if what == "event" else 1))
    assert "can't be read" in recording.output


def test_a_result_that_can_not_be_read_is_not_tried_again() -> None:
    """The activity has done its work."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity_with_retry("a", RetryOptions(1, 5), expected_type=Point)

    recording = Recording(orchestrator)
    assert recording.episode(completed(0, "no")).status is RuntimeStatus.FAILED


def test_an_input_that_can_not_be_read_fails_the_orchestration() -> None:
    """Where it is asked for, and for one of two parameters at its call."""
    types = Types(inputs={"orchestrator": Point})

    def asks(context: Context) -> Any:
        return context.get_input()

    def takes(context: Context, given: Any) -> Any:
        return given

    for orchestrator in (asks, takes):
        recording = Recording(orchestrator, "no", types=types)
        assert recording.last.status is RuntimeStatus.FAILED
        assert "can't be read" in recording.output


class Shouting:
    """A converter of the app's own."""

    def encode(self, value: Any) -> str:
        """Print."""
        return f'"{value}!"'

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read, unless it is forbidden."""
        if "forbidden" in text:
            raise LookupError("the app's own error")
        return text.strip('"!')


def test_an_apps_own_converter_reads_and_writes_everything() -> None:
    """Input, arguments, results, output; its errors are errors of the payload."""

    def orchestrator(context: Context) -> Orchestration:
        first = yield context.call_activity("a", context.get_input())
        try:
            yield context.wait_for_external_event("e")
        except InvalidPayloadError as error:
            return f"{first} {error}"

    recording = Recording(orchestrator, "in", types=Types(converter=Shouting()))
    assert asked(recording.last) == [(0, "a", "in!")]
    recording.each(completed(0, "out"), raised("e", "forbidden"))
    assert recording.output.startswith("out The data of event 'e' can't be read")
    assert recording.output.endswith("!")


def failure(error_type: str, *bases: str) -> TaskFailed:
    """Fail an activity with an error of a class that has these bases."""
    details = FailureDetails(
        error_type=error_type,
        error_message="none left",
        base_types=bases,
        properties={"sku": 7},
    )
    return TaskFailed(
        timestamp=START, task_scheduled_id=0, reason="r", details="d", failure_details=details
    )


@pytest.mark.parametrize("answer", [failure("OutOfStock"), failure("OutOfThis", "OutOfStock")])
def test_a_registered_error_is_raised_as_its_class_and_as_a_failed_task(answer: TaskFailed) -> None:
    """So `except MyError` works, for its subclasses too; properties are attributes."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        except OutOfStock as error:
            return [str(error), error.sku, isinstance(error, TaskFailedError)]  # type: ignore[attr-defined]

    recording = Recording(orchestrator, types=Types(errors={"OutOfStock": OutOfStock}))
    recording.episode(answer)
    assert recording.output == ["r \n d", 7, True]


def test_an_error_that_nobody_registered_is_a_failed_task_alone() -> None:
    """A class is never looked up by a name out of a payload."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        except OutOfStock:
            return "class"
        except TaskFailedError:
            return "task"

    recording = Recording(orchestrator)
    recording.episode(failure("OutOfStock"))
    assert recording.output == "task"


def test_a_registered_error_is_tried_again_like_any_other() -> None:
    """Retry policies see the failure behind it."""

    def orchestrator(context: Context) -> Orchestration:
        options = RetryOptions(1000, 2, retry_on=OutOfStock)
        return (yield context.call_activity_with_retry("a", options))

    recording = Recording(orchestrator, types=Types(errors={"OutOfStock": OutOfStock}))
    assert asked(recording.episode(failure("OutOfStock"))) == [(1, 1)]
    recording.each(fired(1, 1), completed(2, "in stock"))
    assert recording.output == "in stock"


# ------------------------------------------------------------------------------------- quirk Q2


def quoted(data: str) -> EventRaised:
    """Raise an event as the client of 1.7 does."""
    return EventRaised(timestamp=START, name="e", input=data, is_quoted=True)


@pytest.mark.parametrize(
    ("data", "text"),
    [('{"x":1,"y":[2]}', '{"x": 1, "y": [2]}'), ('"go"', '"go"'), ("null", "null")],
)
def test_a_generator_of_old_gets_quoted_data_as_text(data: str, text: str) -> None:
    """What 1.7 gave it."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.wait_for_external_event("e"))

    recording = Recording(orchestrator)
    recording.episode(quoted(data))
    assert recording.output == text


def test_everything_new_gets_quoted_data_as_a_value() -> None:
    """`async def`, two parameters, `expected_type`."""

    async def coroutine(context: Context) -> Any:
        return await context.wait_for_external_event("e")

    def two(context: Context, _: Any) -> Orchestration:
        return (yield context.wait_for_external_event("e"))

    def typed(context: Context) -> Orchestration:
        point = yield context.wait_for_external_event("e", Point)
        return {"x": point.x, "y": point.y}

    for orchestrator in (coroutine, two, typed):
        recording = Recording(orchestrator)
        recording.episode(quoted('{"x":1,"y":2}'))
        assert recording.output == {"x": 1, "y": 2}


def test_text_that_is_not_json_is_a_text() -> None:
    """A foreign tool may answer so."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.call_activity("a"))

    recording = Recording(orchestrator)
    recording.episode(TaskCompleted(timestamp=START, task_scheduled_id=0, result="plain text"))
    assert recording.output == "plain text"
