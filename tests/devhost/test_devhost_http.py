"""The HTTP door of a running host."""

import contextlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from durable.devhost.host import DevHost
from durable.devhost.routes import RouteError

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]

APP = """
import json
import threading

@app.route(route="echo/{name}/{n:int?}")
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method, "url": req.url, "params": dict(req.params),
        "route": dict(req.route_params), "header": req.headers.get("x-one"),
        "body": req.get_body().decode(), "names": sorted(req.headers),
    }
    return func.HttpResponse(json.dumps(seen), status_code=202, mimetype="application/json",
                             headers={"X-Two": "2", "Location": "http://there"})

@app.route(route="only", methods=["GET", "POST"])
def only(req: func.HttpRequest) -> str:
    return threading.current_thread().name

@app.route(route="size", methods=["POST"])
def size(req: func.HttpRequest) -> str:
    return str(len(req.get_body()))

@app.route(route="fail/{how}")
async def fail(req: func.HttpRequest) -> func.HttpResponse:
    how = req.route_params["how"]
    if how == "exit":
        raise SystemExit(3)
    if how == "cancel":
        raise asyncio.CancelledError
    if how == "none":
        return None
    raise ValueError("no such luck")

@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(status_code=204)
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2")
    return response

@app.route(route="who")
async def who(req: func.HttpRequest, context: func.Context) -> str:
    trace = context.trace_context.trace_parent
    facts = [context.function_name, len(context.invocation_id), len(trace.split("-")),
             context.retry_context.retry_count, os.environ["WEBSITE_HOSTNAME"]]
    return json.dumps(facts)
"""


@pytest.fixture
async def served(
    write_app: Callable[..., Path], host_of: Hosted
) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """The app above, running, and a client for it."""
    async with host_of(write_app(APP)) as host, aiohttp.ClientSession() as session:
        yield host.url, session


async def test_a_request_reaches_its_function_whole_and_the_answer_comes_back_whole(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """Method, URL, query, route values, headers and body in; status, headers and body out."""
    url, session = served
    address = f"{url}/API/Echo/A%20b/7?x=1&empty=&x=2"
    sent = session.put(address, data="hällo", headers={"X-One": "1"})
    async with sent as answer:
        seen: dict[str, Any] = await answer.json()
        assert answer.status == 202
        assert answer.headers["X-Two"] == "2"
        assert answer.headers["Location"] == "http://there"
        assert answer.headers.getall("Content-Type") == ["application/json"]
    assert seen["method"] == "PUT"
    assert seen["url"] == address
    assert seen["params"] == {"x": "1,2"}
    assert seen["route"] == {"name": "A b", "n": "7"}
    assert (seen["header"], seen["body"]) == ("1", "hällo")
    assert seen["names"] == [name.lower() for name in seen["names"]]


async def test_an_unknown_path_is_404_and_so_is_a_foreign_method(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """The method is a condition of the route, as in the real host."""
    url, session = served
    async with session.get(f"{url}/api/nowhere") as answer:
        assert answer.status == 404
    async with session.get(f"{url}/only") as answer:
        assert answer.status == 404
    async with session.delete(f"{url}/api/only") as answer:
        assert answer.status == 404


async def test_a_plain_def_runs_in_the_thread_pool_and_may_return_a_str(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """A str is 200 text/plain, made off the event loop's thread."""
    url, session = served
    async with session.get(f"{url}/api/only") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert (await answer.text()).startswith("function")


@pytest.mark.parametrize("how", ["raise", "none", "exit", "cancel"])
async def test_a_function_that_fails_is_500_with_an_empty_body_and_the_host_lives(
    served: tuple[str, aiohttp.ClientSession], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises stays in the log, SystemExit and a wrong return value included."""
    url, session = served
    async with session.get(f"{url}/api/fail/{how}") as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    assert "Function 'fail' failed" in caplog.text
    async with session.get(f"{url}/api/only") as answer:
        assert answer.status == 200


async def test_every_cookie_is_a_header_of_its_own(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """Two cookies do not become one."""
    url, session = served
    async with session.get(f"{url}/api/cookies") as answer:
        assert answer.status == 204
        assert answer.headers.getall("Set-Cookie") == ["a=1; Path=/", "b=2"]


async def test_a_body_of_many_megabytes_is_taken(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """The limit is the real host's 100 MB, not the web framework's 1 MB."""
    url, session = served
    async with session.post(f"{url}/api/size", data=io.BytesIO(bytes(9_000_000))) as answer:
        assert await answer.text() == "9000000"


async def test_a_context_parameter_gets_the_invocation(
    served: tuple[str, aiohttp.ClientSession],
) -> None:
    """Its name, id and trace are there, and WEBSITE_HOSTNAME is the address in use."""
    url, session = served
    async with session.get(f"{url}/api/who") as answer:
        facts = await answer.json(content_type=None)
    assert facts == ["who", 36, 4, 0, url.removeprefix("http://")]


async def test_an_empty_route_prefix_puts_routes_at_the_root(
    write_app: Callable[..., Path], host_of: Hosted
) -> None:
    """extensions.http.routePrefix may be empty."""
    host_json = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
    app = write_app(APP, host_json=host_json)
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        async with session.get(f"{host.url}/only") as answer:
            assert answer.status == 200
        async with session.get(f"{host.url}/api/only") as answer:
            assert answer.status == 404


async def test_a_route_that_cannot_be_compiled_stops_the_start(
    write_app: Callable[..., Path], host_of: Hosted
) -> None:
    """The error carries the route."""
    app = write_app('@app.route(route="a/{x:odd}")\ndef f(req): ...')
    with pytest.raises(RouteError, match="odd"):
        async with host_of(app):
            pass
