"""POST instances/{id}/raiseEvent/{name} and POST instances/{id}/terminate."""

import json
from typing import Any

import pytest

JSON = {"Content-Type": "application/json; charset=utf-8"}


async def output_of(hub: Any, instance_id: str) -> Any:
    """Read an instance's output."""
    return json.loads((await hub.ask("GET", f"instances/{instance_id}")).body)["output"]


@pytest.mark.parametrize(
    ("body", "data"),
    [(b'{"a": [1]}', {"a": [1]}), (b'"text"', "text"), (b"", None), (b"\xef\xbb\xbf7", 7)],
)
async def test_an_event_brings_its_data(hub: Any, body: bytes, data: object) -> None:
    """The waiter gets the JSON value of the body; an empty body is None."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("POST", "instances/a/raiseEvent/Go", body=body, headers=JSON)
    assert (answer.status, answer.body) == (202, "")
    await hub.run()
    assert await output_of(hub, "a") == data


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"NaN"])
async def test_an_event_whose_body_is_not_json_is_400(hub: Any, body: bytes) -> None:
    """Malformed JSON is refused at the door and reaches nobody."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("POST", "instances/a/raiseEvent/Go", body=body, headers=JSON)
    assert answer.status == 400
    assert json.loads(answer.body)["Message"]
    assert hub.store.messages == []


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
async def test_an_event_that_does_not_say_json_is_400(hub: Any, headers: dict[str, str]) -> None:
    """The extension's rule and its words."""
    await hub.client.start("patient", instance_id="a")
    answer = await hub.ask("POST", "instances/a/raiseEvent/Go", body=b"1", headers=headers)
    assert answer.status == 400
    assert "Only application/json" in json.loads(answer.body)["Message"]


async def test_a_body_that_is_too_large_is_413(hub: Any) -> None:
    """The answer names the limit."""
    body = b'"' + b"x" * (32 * 1024 * 1024) + b'"'
    answer = await hub.ask("POST", "instances/a/raiseEvent/Go", body=body, headers=JSON)
    assert answer.status == 413
    assert str(32 * 1024 * 1024) in json.loads(answer.body)["Message"]


async def test_a_slash_in_an_event_name_survives_the_router(hub: Any) -> None:
    """Routers leave `%2F` encoded; the name gets its slash back."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("POST", "instances/a/raiseEvent/b%2fc", headers=JSON)
    assert answer.status == 202
    [message] = hub.store.messages
    assert '"b/c"' in message.body


async def test_terminating_ends_the_instance_with_the_reason(hub: Any) -> None:
    """The reason becomes the output."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("POST", "instances/a/terminate", reason="enough")
    assert answer.status == 202
    await hub.run()
    status = json.loads((await hub.ask("GET", "instances/a")).body)
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough")


@pytest.mark.parametrize("path", ["raiseEvent/Go", "terminate"])
async def test_what_has_ended_is_410_and_what_never_was_is_404(hub: Any, path: str) -> None:
    """Both routes tell the two apart."""
    await hub.client.start("hello", instance_id="ended")
    await hub.run()
    ended = await hub.ask("POST", f"instances/ended/{path}", headers=JSON)
    absent = await hub.ask("POST", f"instances/absent/{path}", headers=JSON)
    assert (ended.status, absent.status) == (410, 404)
