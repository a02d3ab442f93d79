"""`DurableOrchestrationContext`: the members that few use, and the quirks that were decided on."""

import json
from datetime import timedelta
from typing import Any

import pytest

import durable.functions as df
from durable.functions.models.history import HistoryEvent, HistoryEventType
from durable.testing import Event, run_orchestrator

Context = df.DurableOrchestrationContext
FAKES = {"echo": lambda value: value}


def test_a_look_back_shows_what_happened() -> None:
    """`histories`, `decision_started_event` and `_pretty_print_history`, under DTFx's names."""

    def looking(context: Context) -> Any:
        yield context.call_activity("echo", 1)
        assert all(isinstance(event, HistoryEvent) for event in context.histories)
        assert context.decision_started_event.event_type is HistoryEventType.ORCHESTRATOR_STARTED
        assert "TaskScheduled" in context._pretty_print_history()
        return [event.event_type.name for event in context.histories]

    assert run_orchestrator(looking, activities=FAKES).value() == [
        "ORCHESTRATOR_STARTED",
        "EXECUTION_STARTED",
        "TASK_SCHEDULED",
        "ORCHESTRATOR_COMPLETED",
        "ORCHESTRATOR_STARTED",
        "TASK_COMPLETED",
    ]


def test_a_look_around_shows_what_is_open() -> None:
    """`open_tasks`, `deferred_tasks`, `function_context`, `will_continue_as_new`."""

    def looking(context: Context) -> Any:
        assert not context.will_continue_as_new
        assert not vars(context.function_context)
        one, two = context.call_activity("echo", 1), context.call_activity("echo", 2)
        winner = yield context.task_any([one, two])
        loser = two if winner is one else one
        assert context.open_tasks == {loser.id: loser}
        assert not context.deferred_tasks
        return winner.result

    assert run_orchestrator(looking, activities=FAKES).value() == 1


def test_the_time_can_be_set_for_the_code_that_follows() -> None:
    """`current_utc_datetime` has a setter, as in 1.7."""

    def setting(context: Context) -> Any:
        yield context.call_activity("echo", 1)
        later = context.current_utc_datetime + timedelta(days=1)
        context.current_utc_datetime = later
        return context.current_utc_datetime == later

    assert run_orchestrator(setting, activities=FAKES).value() is True


def test_a_context_is_made_from_the_extensions_message() -> None:
    """`from_json`, for unit tests that hold such messages."""
    when = "2026-01-01T00:00:00Z"
    context = Context.from_json(
        json.dumps(
            {
                "history": [
                    {
                        "EventType": 12,
                        "EventId": -1,
                        "IsPlayed": False,
                        "Timestamp": when,
                    },
                    {
                        "EventType": 0,
                        "EventId": -1,
                        "IsPlayed": False,
                        "Timestamp": when,
                        "Name": "orchestrate",
                        "Input": "[1, 2]",
                        "Version": "1.0",
                    },
                ],
                "instanceId": "the-id",
                "isReplaying": False,
                "parentInstanceId": "a-parent",
                "input": "[1, 2]",
                "upperSchemaVersion": 3,
            }
        )
    )
    assert (context.instance_id, context.parent_instance_id) == ("the-id", "a-parent")
    assert context.get_input() == [1, 2]
    assert context.version == "1.0"
    assert context.current_utc_datetime.isoformat() == "2026-01-01T00:00:00+00:00"
    assert context.call_activity("echo", 1).result is None


@pytest.mark.parametrize("value", [[1, 2], 5, True, "text", None, {"a": 1}])
def test_any_json_input_is_decoded_once(value: Any) -> None:
    """1.7 could read only objects that were started over HTTP (quirk Q1)."""

    def reading(context: Context) -> Any:
        return context.get_input()

    assert run_orchestrator(reading, value).value() == value


DATA = {"ok": True}


@pytest.mark.parametrize("is_quoted", [True, False])
def test_an_event_of_1_7s_client_is_text_only_where_1_7_gave_text(*, is_quoted: bool) -> None:
    """Quirk Q2: from that client, in a generator, without a type; else it is the value."""
    events = [Event("Go", DATA, is_quoted=is_quoted)]

    def untyped(context: Context) -> Any:
        return (yield context.wait_for_external_event("Go"))

    def typed(context: Context) -> Any:
        return (yield context.wait_for_external_event("Go", dict))

    async def awaiting(context: Context) -> Any:
        return await context.wait_for_external_event("Go")

    assert run_orchestrator(typed, events=events).value() == DATA
    assert run_orchestrator(awaiting, events=events).value() == DATA
    assert run_orchestrator(untyped, events=events).value() == (
        json.dumps(DATA) if is_quoted else DATA
    )


def test_a_losing_timer_does_not_hold_up_the_end() -> None:
    """Cancelled or not (quirk Q10); and it may be as long as anybody likes (quirk Q12)."""

    def racing(context: Context) -> Any:
        event = context.wait_for_external_event("Go")
        timer = context.create_timer(context.current_utc_datetime + timedelta(days=400))
        winner = yield context.task_any([event, timer])
        return winner is event

    result = run_orchestrator(racing, events=["Go"])
    assert result.value() is True
    assert result.elapsed < timedelta(days=1)


def test_an_http_call_gives_the_response_as_a_dict() -> None:
    """A text is sent as JSON unless it is raw, and the token's source goes along."""
    response = {"statusCode": 200, "headers": {"a": "b"}, "content": "{}"}
    source = df.ManagedIdentityTokenSource("https://management.core.windows.net")

    def calling(context: Context) -> Any:
        yield context.call_http("POST", "https://host/", "text", {"x": "y"}, source)
        return (yield context.call_http("POST", "https://host/", "text", is_raw_str=True))

    result = run_orchestrator(calling, http=lambda _request: response)
    assert result.value() == response
    first, second = result.inputs_of("BuiltIn::HttpActivity")
    assert (first["content"], second["content"]) == ('"text"', "text")
    assert first["tokenSource"] == source.to_json()
    assert (first["method"], first["uri"], first["headers"]) == (
        "POST",
        "https://host/",
        {"x": "y"},
    )


def test_entities_are_called_and_signaled_as_in_1_7() -> None:
    """By an `EntityId`; a call is yielded and a signal is not."""

    def calling(context: Context) -> Any:
        entity_id = df.EntityId("Counter", "a")
        context.signal_entity(entity_id, "add", 1)
        yield context.call_entity(entity_id, "add", operationInput=2)
        return (yield context.call_entity(entity_id, "get"))

    def counter(state: Any, operation: str, value: Any) -> tuple[Any, Any]:
        total = (state or 0) + (value if operation == "add" else 0)
        return total, total

    assert run_orchestrator(calling, entities={"Counter": counter}).value() == 3


def test_failures_read_as_in_1_7_and_tell_more() -> None:
    """`str()` is 1.7's; the class, the details and the causes are there too (quirk Q13)."""

    def failing(_value: object) -> None:
        raise LookupError("no such thing")

    def calling(context: Context) -> Any:
        try:
            yield context.call_activity("fail", 1)
        except Exception as error:  # noqa: BLE001  (1.7's only way)
            failed: Any = error
            return [str(failed), failed.error_type, failed.is_caused_by(LookupError)]

    text, error_type, is_caused = run_orchestrator(calling, activities={"fail": failing}).value()
    assert text.startswith("Activity function 'fail' failed: no such thing \n ")
    assert (error_type, is_caused) == ("LookupError", True)
