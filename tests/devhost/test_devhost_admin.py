"""The host's own API under /admin, and access keys."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import QueueClient

from durable.devhost.host import DevHost
from durable.devhost.keys import Keys, new_keys, read_keys
from durable.devhost.settings import SettingError
from tests.devhost.hand_clock import HandClock

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]
Seen = Callable[[], list[Any]]

APP = """
@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%", connection="AzureWebJobsStorage")
def on_queue(msg: func.QueueMessage) -> None:
    seen.append(("queue", msg.get_body(), msg.dequeue_count, msg.id))

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def on_timer(timer: func.TimerRequest) -> None:
    seen.append(("timer", timer.past_due))

@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
@app.function_name("open")
def open_(req: func.HttpRequest) -> str:
    return "open"

@app.route(route="closed/{x?}", auth_level=func.AuthLevel.FUNCTION)
def closed(req: func.HttpRequest) -> str:
    return "closed"

@app.route(route="mine", auth_level=func.AuthLevel.ADMIN)
def mine(req: func.HttpRequest) -> str:
    return "mine"
"""

KEYS = {
    "masterKey": "master",
    "functionKeys": {"default": "host"},
    "systemKeys": {"extension": "system"},
    "functions": {"closed": {"default": "own"}, "mine": {"default": "its own"}},
}


@pytest.fixture
def app(write_app: Callable[..., Path], queue_of: Callable[..., QueueClient]) -> Path:
    """The app above, with its queue."""
    queue_of().create_queue()
    return write_app(APP)


async def test_the_admin_api_shows_the_host_and_its_functions(
    app: Path, host_of: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, bindings and URLs; a function that is disabled is shown as that."""
    monkeypatch.setenv("AzureWebJobs.on_timer.Disabled", "true")
    async with host_of(app) as host, aiohttp.ClientSession(host.url) as session:
        async with session.get("/admin/host/status") as answer:
            assert (await answer.json())["state"] == "Running"
        async with session.get("/ADMIN/host/ping") as answer:
            assert answer.status == 200
        async with session.get("/admin/functions") as answer:
            listed = {each["name"]: each for each in await answer.json()}
        async with session.get("/admin/functions/CLOSED") as answer:
            one = await answer.json()
        for path in ("/admin/functions/nobody", "/admin/nothing", "/admin"):
            async with session.get(path) as answer:
                assert answer.status == 404
    assert set(listed) == {"on_queue", "on_timer", "open", "closed", "mine"}
    assert [name for name, each in listed.items() if each["isDisabled"]] == ["on_timer"]
    assert one == listed["closed"]
    assert one["invoke_url_template"] == f"{host.url}/api/closed/{{x?}}"
    assert {each["type"] for each in one["config"]["bindings"]} == {"httpTrigger", "http"}


async def test_queue_and_timer_functions_can_be_run_by_hand(
    app: Path, host_of: Hosted, seen: Seen, eventually: Any
) -> None:
    """202 before they run; a message that never was in a queue, a timer that is not past due."""
    clock = HandClock("2026-01-02T00:00:00")
    async with host_of(app, clock=clock) as host, aiohttp.ClientSession(host.url) as session:
        for name in ("on_queue", "On_Timer"):
            async with session.post(f"/admin/functions/{name}", json={"input": "hi"}) as answer:
                assert answer.status == 202
        await eventually(lambda: len(seen()) == 2)
    assert sorted(seen()) == [("queue", b"hi", 0, ""), ("timer", False)]


async def test_what_cannot_be_run_by_hand_is_told(
    app: Path, host_of: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    """No JSON, no object, no such function; an HTTP function is accepted and fails in the log."""
    async with host_of(app) as host, aiohttp.ClientSession(host.url) as session:
        path = "/admin/functions/on_queue"
        async with session.post(path, data="{}") as answer:
            assert answer.status == 415
        for body in ("null", "{", '{"input": {}}'):
            headers = {"Content-Type": "application/json"}
            async with session.post(path, data=body, headers=headers) as answer:
                assert answer.status == 400
        async with session.post("/admin/functions/nobody", json={}) as answer:
            assert answer.status == 404
        async with session.post("/admin/functions/open", json={}) as answer:
            assert answer.status == 202
    assert "An HttpRequest is required" in caplog.text


async def test_a_drain_by_the_admin_api_stops_the_listeners(
    app: Path,
    host_of: Hosted,
    queue_of: Callable[..., QueueClient],
    seen: Seen,
    eventually: Any,
) -> None:
    """HTTP goes on; a message that comes later stays in its queue."""
    async with host_of(app) as host, aiohttp.ClientSession(host.url) as session:
        async with session.get("/admin/host/drain/status") as answer:
            assert (await answer.json())["state"] == "Disabled"
        async with session.post("/admin/host/drain") as answer:
            assert answer.status == 202
        await eventually(lambda: all(task.done() for task in host._listening))
        queue_of().send_message("late")
        async with session.get("/admin/host/drain/status") as answer:
            assert (await answer.json())["state"] == "Completed"
        async with session.get("/api/open") as answer:
            assert answer.status == 200
    assert seen() == []
    assert queue_of().get_queue_properties().approximate_message_count == 1


@pytest.mark.parametrize(
    ("key", "open_to"),
    [
        ("", {"open"}),
        ("wrong", {"open"}),
        ("system", {"open"}),
        ("own", {"open", "closed"}),
        ("its own", {"open"}),
        ("host", {"open", "closed"}),
        ("master", {"open", "closed", "mine", "admin"}),
    ],
)
async def test_a_key_opens_what_it_is_for(
    app: Path, host_of: Hosted, tmp_path: Path, key: str, open_to: set[str]
) -> None:
    """In the header or in the query; 401 otherwise, and only where there is a route."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(KEYS))
    paths = {
        "open": "/api/open",
        "closed": "/api/closed",
        "mine": "/api/mine",
        "admin": "/admin/functions",
    }
    async with host_of(app, keys_file=file) as host, aiohttp.ClientSession(host.url) as session:
        for name, path in paths.items():
            expected = 200 if name in open_to else 401
            async with session.get(path, params={"code": key}) as answer:
                assert (name, answer.status) == (name, expected)
            async with session.get(path, headers={"x-functions-key": key}) as answer:
                assert (name, answer.status) == (name, expected)
        async with session.get("/api/nowhere", params={"code": key}) as answer:
            assert answer.status == 404
        headers = {"x-functions-key": "wrong"}
        async with session.get("/api/closed", params={"code": "own"}, headers=headers) as answer:
            assert answer.status == 401


async def test_without_auth_nobody_is_asked_for_a_key(app: Path, host_of: Hosted) -> None:
    """As under `func start`."""
    async with host_of(app) as host, aiohttp.ClientSession(host.url) as session:
        for path in ("/api/closed", "/api/mine", "/admin/functions"):
            async with session.get(path) as answer:
                assert answer.status == 200


def test_auth_without_a_file_prints_keys_of_this_run(
    app: Path, start_host: Callable[..., Any]
) -> None:
    """The host tells them on stdout, each with what it is for, before it listens."""
    host = start_host(app, "--auth")
    host.listening()
    (line,) = host.said("    master: ")
    assert len(line.split()[-1]) > 40
    assert host.said("    closed default: ")


def test_keys_are_not_in_their_text_and_each_run_has_its_own() -> None:
    """A key must not reach a log by way of a repr."""
    first, second = new_keys(["f"]), new_keys(["f"])
    assert first.master not in repr(first)
    assert first.master != second.master
    assert Keys(master="m").permits("", "function") is False


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"masterKey": ""}', '{"masterKey": 1}'])
def test_a_keys_file_that_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    """The error names the file and shows none of its content."""
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(SettingError, match="keys file"):
        read_keys(file)
