"""call_http: the request, the polling of a 202, and who gets to see credentials."""

import json
from datetime import timedelta
from typing import Any

import pytest

from durable.model.history import HistoryEvent, TaskScheduled
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.http_calls import HTTP_ACTIVITY
from tests.replay.recording import (
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    completed,
    failed,
    fired,
)

HEADERS = {
    "Authorization": "secret",
    "cookie": "secret",
    "X-Functions-Key": "secret",
    "Accept": "x",
}


class Token:
    """As ManagedIdentityTokenSource."""

    def to_json(self) -> dict[str, str]:
        """Name the resource."""
        return {"resource": "https://vault.example", "kind": "AzureManagedIdentity"}


def getting(uri: str = "https://one.example/start", **options: Any) -> Orchestrator:
    """Make one call and return its response."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            return (yield context.call_http("POST", uri, {"n": 1}, HEADERS, Token(), **options))
        except TimeoutError as error:
            return f"timeout: {error}"

    return orchestrator


def answer(task_id: int, status: int, **headers: str) -> HistoryEvent:
    """Answer a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return completed(task_id, {"statusCode": status, "headers": named, "content": "body"})


def request_of(decision: Decision) -> dict[str, Any]:
    """Return the one request that an episode has asked for."""
    [(_, name, request)] = asked(decision)
    assert name == HTTP_ACTIVITY
    return dict(request)


def test_a_call_is_one_activity_and_its_answer_is_the_result() -> None:
    """Whatever the status: 500 is an answer too."""
    recording = Recording(getting())
    assert request_of(recording.last) == {
        "method": "POST",
        "uri": "https://one.example/start",
        "content": '{"n": 1}',
        "headers": HEADERS,
        "tokenSource": Token().to_json(),
    }
    recording.episode(answer(0, 500))
    assert recording.output == {"statusCode": 500, "headers": {}, "content": "body"}


@pytest.mark.parametrize(
    ("content", "is_raw", "sent"),
    [("text", False, '"text"'), ("text", True, "text"), ("", False, '""'), (None, False, None)],
)
def test_content_is_sent_as_json_unless_it_is_raw(
    content: str | None, *, is_raw: bool, sent: str | None
) -> None:
    """As in 1.7."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_http("PUT", "https://one.example", content, is_raw_str=is_raw)

    assert request_of(Recording(orchestrator).last)["content"] == sent


@pytest.mark.parametrize(
    "arguments", [{"content": {"n": 1}, "is_raw_str": True}, {"content": object()}]
)
def test_content_that_can_not_be_sent_is_refused_at_its_line(arguments: dict[str, Any]) -> None:
    """Nothing is scheduled."""

    def orchestrator(context: Context) -> Orchestration:
        with pytest.raises((TypeError, ValueError), match=r"is_raw_str|JSON"):
            context.call_http("PUT", "https://one.example", **arguments)
        yield context.call_activity("a")

    assert asked(Recording(orchestrator).last) == [(0, "a", None)]


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        ({}, 30),
        ({"Retry_After": "5"}, 5),
        ({"retry_after": "5"}, 5),
        ({"Retry_After": "0"}, 1),
        ({"Retry_After": "-7"}, 1),
        ({"Retry_After": "soon"}, 30),
        ({"Retry_After": "Thu, 01 Jan 2026 00:02:00 GMT"}, 110),
        ({"Retry_After": "9" * 30}, 30),
    ],
)
def test_a_202_is_polled_after_the_time_that_it_asks_for(
    headers: dict[str, str], delay_s: float
) -> None:
    """Seconds or a date; 30 seconds where it does not say; at least one."""
    recording = Recording(getting())
    decision = recording.episode(answer(0, 202, Location="/status", **headers), after_s=10)
    assert asked(decision) == [(1, 10 + delay_s)]
    request = request_of(recording.episode(fired(1, 10 + delay_s)))
    assert (request["method"], request["uri"]) == ("GET", "https://one.example/status")
    assert request["content"] is None
    recording.episode(answer(2, 200))
    assert recording.output["statusCode"] == 200


def poll(*locations: str, uri: str = "https://one.example/start") -> list[dict[str, Any]]:
    """Follow these locations, and return the requests that are made."""
    recording, requests = Recording(getting(uri)), []
    for place, location in enumerate(locations):
        recording.episode(answer(2 * place, 202, Location=location))
        requests.append(request_of(recording.episode(fired(2 * place + 1, 30 * (place + 1)))))
    return requests


@pytest.mark.parametrize(
    "location", ["/status", "https://one.example:443/x", "HTTPS://ONE.example/x", "?x=1"]
)
def test_credentials_go_to_their_own_origin(location: str) -> None:
    """Relative or absolute, with the usual port or without."""
    [request] = poll(location)
    assert request["headers"] == HEADERS
    assert request["tokenSource"] == Token().to_json()


@pytest.mark.parametrize(
    "location",
    [
        "https://two.example/status",
        "//two.example/status",
        "http://one.example/status",
        "https://one.example:8443/status",
        "https://one.example.two.example/status",
        "https://[not an address",
        "file:///etc/passwd",
    ],
)
def test_credentials_go_to_no_other_origin(location: str) -> None:
    """Neither headers nor the token; other headers do."""
    [request] = poll(location)
    assert request["headers"] == {"Accept": "x"}
    assert request["tokenSource"] is None


def test_credentials_that_were_dropped_do_not_come_back() -> None:
    """The other origin could send us home with them, to an address of its choice."""
    _, back = poll("https://two.example/a", "https://one.example/b")
    assert back["headers"] == {"Accept": "x"}
    assert back["tokenSource"] is None


@pytest.mark.parametrize("case", ["no location", "polling off", "another status"])
def test_no_poll_where_none_is_asked_for(case: str) -> None:
    """The first answer is the result."""
    recording = Recording(getting(polling=case != "polling off"))
    headers = {} if case == "no location" else {"Location": "/status"}
    recording.episode(answer(0, 200 if case == "another status" else 202, **headers))
    assert recording.last.status is RuntimeStatus.COMPLETED


def test_a_call_fails_when_its_next_poll_would_be_too_late() -> None:
    """And each request has no more time than is left."""
    recording = Recording(getting(timeout=timedelta(seconds=60)))
    recording.episode(answer(0, 202, Location="/status"), after_s=10)
    recording.episode(fired(1, 40))
    requests = [fact for fact in recording.history if isinstance(fact, TaskScheduled)]
    assert [request.timeout_ms for request in requests] == [60_000, 20_000]
    decision = recording.episode(answer(2, 202, Location="/status"), after_s=45)
    assert asked(decision) == []
    assert recording.output.startswith("timeout: POST https://one.example/start")


def test_a_failed_request_fails_the_call() -> None:
    """Nobody could be reached: there is no answer to poll."""
    recording = Recording(getting())
    assert recording.episode(failed(0)).status is RuntimeStatus.FAILED


def test_polling_goes_on_inside_a_race() -> None:
    """Whatever the orchestrator waits for meanwhile."""

    def orchestrator(context: Context) -> Orchestration:
        call = context.call_http("GET", "https://one.example")
        yield context.task_any([call, context.wait_for_external_event("stop")])
        return call.result

    recording = Recording(orchestrator)
    recording.each(answer(0, 202, Location="/s"), fired(1, 30), answer(2, 200))
    assert json.loads(recording.last.output or "")["statusCode"] == 200
