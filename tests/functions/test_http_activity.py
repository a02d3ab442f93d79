"""The built-in activity of `call_http`, against a server on this machine."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from durable.engine.activities import run_activity
from durable.engine.environment import SystemEnvironment
from durable.engine.registry import Registry
from durable.functions.http_activity import (
    HTTP_ACTIVITY,
    REDIRECTS_MAX,
    HttpActivity,
    HttpCallError,
    register_built_ins,
)
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.testing.world.virtual_time import START

SECRETS = {"Authorization": "Bearer s", "Cookie": "a=b", "X-Functions-Key": "k", "Other": "o"}


class KnownTokens:
    """Tokens that tell for what they were asked."""

    async def token(self, resource: str) -> str:
        return f"token-for-{resource}"

    async def close(self) -> None:
        return


async def echo(request: web.Request) -> web.Response:
    """Say what arrived."""
    arrived = {
        "method": request.method,
        "path": request.path_qs,
        "headers": {name.title(): value for name, value in request.headers.items()},
        "body": await request.text(),
    }
    return web.json_response(arrived, status=int(request.query.get("status", 200)))


async def redirect(request: web.Request) -> web.Response:
    """Lead elsewhere."""
    return web.Response(
        status=int(request.query["status"]), headers={"Location": request.query["to"]}
    )


async def circle(request: web.Request) -> web.Response:
    """Lead here."""
    return web.Response(status=302, headers={"Location": request.path_qs})


async def large(_: web.Request) -> web.Response:
    """Answer with much, packed small."""
    return web.Response(body=gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"})


async def latin(_: web.Request) -> web.Response:
    """Answer in another charset, with a header that is there twice."""
    response = web.Response(
        body="é".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}
    )
    response.headers.add("X-Twice", "1")
    response.headers.add("X-Twice", "2")
    return response


async def silent(_: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    return web.Response()


def application() -> web.Application:
    """Make a service."""
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/redirect", redirect)
    app.router.add_get("/circle", circle)
    app.router.add_get("/large", large)
    app.router.add_get("/latin", latin)
    app.router.add_get("/silent", silent)
    return app


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """Run one service."""
    running = TestServer(application())
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[TestServer]:
    """Run a service of another origin."""
    running = TestServer(application())
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def activity() -> AsyncIterator[HttpActivity]:
    """Make the activity, impatient and modest."""
    made = HttpActivity(KnownTokens(), timeout_s=20, response_bytes_max=1_000_000)
    yield made
    await made.close()


async def arrived(activity: HttpActivity, uri: Any, **request: Any) -> dict[str, Any]:
    """Send, and read what the echo says arrived."""
    answer = await activity.send({"method": "GET", "uri": str(uri), **request})
    assert answer["statusCode"] == 200, answer
    told: dict[str, Any] = json.loads(answer["content"])
    return told


async def test_a_request_arrives_as_it_was_asked_for(
    activity: HttpActivity, server: TestServer
) -> None:
    """Method, query, headers and body; a body without a type is text, as in the extension."""
    told = await arrived(
        activity,
        server.make_url("/echo?a=1"),
        method="put",
        headers={"X-One": "1", "X-Many": ["a"]},
        content='{"é":1}',
    )
    assert (told["method"], told["path"], told["body"]) == ("PUT", "/echo?a=1", '{"é":1}')
    assert told["headers"]["X-One"] == "1"
    assert told["headers"]["X-Many"] == "a"
    assert told["headers"]["Content-Type"] == "text/plain"
    typed = await arrived(
        activity,
        server.make_url("/echo"),
        method="POST",
        headers={"content-type": "application/json"},
        content="1",
    )
    assert typed["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [202, 404, 500])
async def test_any_answer_is_a_result(
    activity: HttpActivity, server: TestServer, status: int
) -> None:
    """What it means is for the orchestrator to say."""
    uri = str(server.make_url(f"/echo?status={status}"))
    answer = await activity.send({"method": "GET", "uri": uri})
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"].startswith("application/json")


async def test_content_is_text_by_its_charset(activity: HttpActivity, server: TestServer) -> None:
    """Headers that are there twice are one, with a comma."""
    answer = await activity.send({"method": "GET", "uri": str(server.make_url("/latin"))})
    assert answer["content"] == "é"
    assert answer["headers"]["X-Twice"] == "1, 2"


async def test_the_token_is_that_of_the_resource(
    activity: HttpActivity, server: TestServer
) -> None:
    """It is sent as a bearer token, in the place of what the caller gave."""
    told = await arrived(
        activity,
        server.make_url("/echo"),
        headers={"authorization": "Basic x"},
        tokenSource={"resource": "https://vault.azure.net", "kind": "AzureManagedIdentity"},
    )
    assert told["headers"]["Authorization"] == "Bearer token-for-https://vault.azure.net"


def through(server: TestServer, to: Any, status: int = 302) -> Any:
    """Make an address that leads to another."""
    return server.make_url("/redirect").with_query({"to": str(to), "status": str(status)})


async def test_credentials_follow_a_redirect_within_the_origin(
    activity: HttpActivity, server: TestServer
) -> None:
    """Relative or absolute."""
    for to in ("/echo", server.make_url("/echo")):
        told = await arrived(activity, through(server, to), headers=SECRETS)
        assert SECRETS.items() <= told["headers"].items()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_credential_goes_to_another_origin(
    activity: HttpActivity, server: TestServer, elsewhere: TestServer, status: int
) -> None:
    """Neither at once nor by way of a redirect back and forth; the token does not either."""
    to = elsewhere.make_url("/echo")
    token = {"resource": "https://vault.azure.net"}
    for uri in (through(server, to, status), through(server, through(server, to), status)):
        for source in (None, token):
            told = await arrived(activity, uri, headers=SECRETS, tokenSource=source)
            assert not {"Authorization", "Cookie", "X-Functions-Key"} & told["headers"].keys()
            assert told["headers"]["Other"] == "o"
    back = through(server, through(elsewhere, server.make_url("/echo")))
    assert "Authorization" not in (await arrived(activity, back, headers=SECRETS))["headers"]


@pytest.mark.parametrize(
    ("status", "method", "seen", "body"),
    [
        (302, "POST", "GET", ""),
        (303, "PUT", "GET", ""),
        (307, "POST", "POST", "b"),
        (308, "PUT", "PUT", "b"),
    ],
)
async def test_a_redirect_keeps_or_drops_the_body_as_http_says(
    activity: HttpActivity,
    server: TestServer,
    status: int,
    method: str,
    seen: str,
    body: str,
) -> None:
    """RFC 9110, section 15.4."""
    told = await arrived(activity, through(server, "/echo", status), method=method, content="b")
    assert (told["method"], told["body"]) == (seen, body)
    assert ("Content-Type" in told["headers"]) == bool(body)


async def test_a_circle_of_redirects_ends(activity: HttpActivity, server: TestServer) -> None:
    """The failure says why, and keeps the query to itself."""
    uri = str(server.make_url("/circle?code=secret"))
    with pytest.raises(HttpCallError, match=f"more than {REDIRECTS_MAX} redirects") as raised:
        await activity.send({"method": "GET", "uri": uri})
    assert "secret" not in str(raised.value)


BAD_ADDRESSES: list[Any] = [
    "file:///etc/passwd",
    "ftp://host/x",
    "/relative",
    "http://",
    "",
    None,
    "http://[::1",
    5,
]


@pytest.mark.parametrize("uri", BAD_ADDRESSES)
async def test_only_http_addresses_are_asked(
    activity: HttpActivity, server: TestServer, uri: Any
) -> None:
    """At once or by way of a redirect."""
    with pytest.raises(HttpCallError, match="http:// or https://"):
        await activity.send({"method": "GET", "uri": uri})
    if uri in ("file:///etc/passwd", "ftp://host/x", "http://[::1"):
        with pytest.raises(HttpCallError, match="http:// or https://"):
            await activity.send({"method": "GET", "uri": str(through(server, uri))})


async def test_an_answer_that_is_too_large_is_refused_while_it_is_read(
    activity: HttpActivity, server: TestServer
) -> None:
    """Counted as it is unpacked."""
    with pytest.raises(HttpCallError, match="more than 1000000 bytes"):
        await activity.send({"method": "GET", "uri": str(server.make_url("/large"))})


async def test_no_answer_in_time_is_a_failure(server: TestServer) -> None:
    """It names the address without its query, where keys stand."""
    activity = HttpActivity(KnownTokens(), timeout_s=0.05)
    uri = str(server.make_url("/silent?code=secret"))
    with pytest.raises(TimeoutError, match=r"GET http.*/silent was not answered within 0.05 s"):
        await activity.send({"method": "GET", "uri": uri})
    await activity.close()


async def test_nobody_there_is_a_failure(activity: HttpActivity, server: TestServer) -> None:
    """Of a class that says so."""
    uri = str(server.make_url("/echo"))
    await server.close()
    with pytest.raises(HttpCallError, match=r"GET http.*/echo failed: ClientConnector"):
        await activity.send({"method": "GET", "uri": uri})


async def test_every_app_has_the_activity_and_may_have_its_own(
    activity: HttpActivity, server: TestServer
) -> None:
    """It runs as any activity, and an app's own of that name stays."""
    registry = Registry()
    register_built_ins(registry, activity)
    register_built_ins(registry)
    task = TaskScheduled(
        timestamp=START,
        event_id=0,
        name=HTTP_ACTIVITY,
        input=f'{{"method":"GET","uri":"{server.make_url("/echo")}"}}',
    )
    fact = await run_activity(registry, SystemEnvironment(), task)
    assert isinstance(fact, TaskCompleted), fact
    assert fact.result is not None
    assert fact.result.startswith('{"statusCode":200,')
    fact = await run_activity(
        registry, SystemEnvironment(), TaskScheduled(timestamp=START, name=HTTP_ACTIVITY)
    )
    assert isinstance(fact, TaskFailed)
    assert "'method' and 'uri'" in fact.reason


def test_its_connections_end_with_the_loop_that_they_belong_to() -> None:
    """And the next loop gets new ones: nothing is left open, nothing is reused."""
    activity = HttpActivity(KnownTokens())

    async def once() -> int:
        async with TestServer(application()) as server:
            answer = await activity.send({"method": "GET", "uri": str(server.make_url("/echo"))})
        status: int = answer["statusCode"]
        return status

    assert [asyncio.run(once()) for _ in range(2)] == [200, 200]
