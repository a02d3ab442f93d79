"""`BuiltIn::HttpActivity`: one HTTP request for `context.call_http`.

It only asks once; what a 202 means is the orchestrator's side (`replay.http_calls`). Names and
members are those of the Durable extension (TaskHttpActivityShim.cs, DurableHttpRequest.cs).

Rule 1. Authorization, cookies, function keys and the identity's token go to the origin that was
        asked for, and with a redirect to no other.
Rule 2. Any answer is a result, whatever its status; no answer in time, or one that is too large, is
        a failed task. The request may be sent more than once, as any activity's work.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from durable.engine.registry import Registry
from durable.storage.azure.tokens import IdentityTokens

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
TIMEOUT_S = 100.0
"""For one request with its redirects: that of .NET's HttpClient, which the extension uses."""
RESPONSE_BYTES_MAX = 16 * 1024 * 1024
REDIRECTS_MAX = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CREDENTIALS = ("Authorization", "Proxy-Authorization", "Cookie", "x-functions-key")
OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Encoding")


class HttpCallError(Exception):
    """A request that can't be made, or an answer that can't be taken."""


class Tokens(Protocol):
    """Where the tokens of the app's identity come from."""

    async def token(self, resource: str) -> str:
        """Return an access token for a resource."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class HttpActivity:
    """The activity, with one session for all requests of an event loop."""

    def __init__(
        self,
        tokens: Tokens | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
    ) -> None:
        """Open nothing yet."""
        self._tokens = tokens or IdentityTokens()
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._bytes_max = response_bytes_max
        self._session: aiohttp.ClientSession | None = None
        self._caretaker: asyncio.Task[None] | None = None

    async def send(self, request: Any) -> dict[str, Any]:
        """Send a DurableHttpRequest; give a DurableHttpResponse."""
        if not isinstance(request, Mapping):
            raise HttpCallError("call_http takes a request with 'method' and 'uri'.")
        url = _address(str(request.get("uri")))
        method = str(request.get("method") or "GET").upper()
        headers = _headers(request.get("headers"))
        content = request.get("content")
        if content is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "text/plain"
        source = request.get("tokenSource")
        if source:
            headers["Authorization"] = f"Bearer {await self._tokens.token(source['resource'])}"
        try:
            async with asyncio.timeout(self._timeout.total):
                return await self._follow(method, url, headers, content)
        except TimeoutError:
            raise TimeoutError(
                f"{method} {_shown(url)} was not answered within {self._timeout.total:g} s."
            ) from None
        except aiohttp.ClientError as error:
            raise HttpCallError(
                f"{method} {_shown(url)} failed: {type(error).__name__}: {error}"
            ) from error

    async def close(self) -> None:
        """Let go of connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._tokens.close()

    async def _follow(
        self, method: str, url: URL, headers: "CIMultiDict[str]", content: Any
    ) -> dict[str, Any]:
        for _ in range(REDIRECTS_MAX + 1):
            body = None if content is None else str(content).encode()
            async with self._open().request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or location is None:
                    return {
                        "statusCode": response.status,
                        "headers": _as_dict(response.headers),
                        "content": await self._text(response),
                    }
            target = _address(location, url)
            if target.origin() != url.origin():
                headers = _without(headers, CREDENTIALS)
            if (response.status == 303 and method != "HEAD") or (
                response.status in (301, 302) and method == "POST"
            ):
                method, content, headers = "GET", None, _without(headers, OF_THE_BODY)
            url = target
        raise HttpCallError(f"{method} {_shown(url)}: more than {REDIRECTS_MAX} redirects.")

    async def _text(self, response: aiohttp.ClientResponse) -> str:
        taken = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            taken += chunk
            if len(taken) > self._bytes_max:
                raise HttpCallError(
                    f"{response.method} {_shown(response.url)} was answered with more than "
                    f"{self._bytes_max} bytes. Fetch large content in an activity of your own."
                )
        try:
            return taken.decode(response.charset or "utf-8", "replace")
        except LookupError:  # no charset that Python knows
            return taken.decode("utf-8", "replace")

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        # A session belongs to its loop, and the task that closes it ends with that.
        if self._session is None or self._caretaker is None or self._caretaker.get_loop() != loop:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout, trust_env=True
            )
            self._caretaker = loop.create_task(self._close_at_the_end(), name="durable-http")
        return self._session

    async def _close_at_the_end(self) -> None:
        """Wait for the cancellation that ends an event loop's last tasks."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self.close()


def register_built_ins(registry: Registry, activity: HttpActivity | None = None) -> None:
    """Give an app the activities that it has without writing them, unless they are there."""
    if HTTP_ACTIVITY not in registry.activities:
        registry.add_activity(HTTP_ACTIVITY, (activity or HttpActivity()).send)


def _address(text: str, base: URL | None = None) -> URL:
    try:
        url = URL(text) if base is None else base.join(URL(text))
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise HttpCallError(f"call_http asks for http:// or https:// addresses, not {text!r:.100}.")
    return url


def _shown(url: URL) -> str:
    """Leave out what may be secret: keys stand in queries, passwords before the host."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def _headers(given: Any) -> "CIMultiDict[str]":
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in (given or {}).items():
        for one in value if isinstance(value, list) else [value]:
            headers.add(str(name), str(one))
    return headers


def _without(headers: "CIMultiDict[str]", names: tuple[str, ...]) -> "CIMultiDict[str]":
    left = headers.copy()
    for name in names:
        left.popall(name, None)
    return left


def _as_dict(headers: Mapping[str, str]) -> dict[str, str]:
    listed: dict[str, str] = {}
    for name, value in headers.items():
        listed[name] = f"{listed[name]}, {value}" if name in listed else value
    return listed
