"""A reverse proxy in front of a storage emulator that counts requests at the wire.

What passes here is what storage would bill, whoever sent it: engine, host or client, in whichever
process. Signatures survive, because a shared key signs paths and headers but not the host's port.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})
SERVICES = ("Blob", "Queue", "Table")
EMPTY_POLL = "queue.get empty"
CREATE = "create"


@dataclass(slots=True)
class Wire:
    """What passed: one entry a request, as (kind, began, ended) on the loop's clock."""

    requests: list[tuple[str, float, float]] = field(default_factory=list)
    in_flight: int = 0

    def clear(self) -> None:
        """Forget what passed until now."""
        self.requests.clear()

    def counts(self) -> Counter[str]:
        """Count what is paid for an orchestration: no empty polls, no creation of resources."""
        return Counter(kind for kind, _, _ in self.requests if kind not in (EMPTY_POLL, CREATE))

    @property
    def total(self) -> int:
        """Add them up."""
        return sum(self.counts().values())

    @property
    def tables(self) -> int:
        """Count those to Table storage."""
        return sum(count for kind, count in self.counts().items() if kind.startswith("table"))

    def round_trips(self) -> int:
        """Count the longest chain of requests that each began after the one before had ended."""
        chain, free_at = 0, 0.0
        counted = (r for r in self.requests if r[0] not in (EMPTY_POLL, CREATE))
        for _, began, ended in sorted(counted, key=lambda request: request[2]):
            if began >= free_at:
                chain, free_at = chain + 1, ended
        return chain


def kind_of(service: str, method: str, path: str, query: str, *, is_empty: bool) -> str:
    """Name a request by what it does."""
    if service == "Queue":
        return _queue_kind(method, path, query, is_empty=is_empty)
    if service == "Table":
        return _table_kind(method, path, query)
    if "restype=container" in query or "leases" in path:
        return CREATE
    return "blob.get" if method in ("GET", "HEAD") else "blob.write"


def _queue_kind(method: str, path: str, query: str, *, is_empty: bool) -> str:
    if "/messages/" in path:
        return "queue.delete" if method == "DELETE" else "queue.update"
    if not path.endswith("/messages"):
        return "queue.list" if "comp=list" in query else CREATE
    return {"POST": "queue.put", "GET": EMPTY_POLL if is_empty else "queue.get"}[method]


def _table_kind(method: str, path: str, query: str) -> str:
    if path.endswith("/$batch"):
        return "table.transaction"
    if path.endswith("/Tables") or "/Tables(" in path or "comp=" in query:
        return CREATE
    if method != "GET":
        return "table.write"
    return "table.read" if "(PartitionKey=" in path else "table.query"


class _Door:
    """One service behind the proxy."""

    def __init__(self, service: str, target: str, session: ClientSession, wire: Wire) -> None:
        self._service = service
        self._target = target
        self._session = session
        self._wire = wire

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_HEADERS}
        began = loop.time()
        self._wire.in_flight += 1
        try:
            async with self._session.request(
                request.method,
                self._target + request.raw_path,
                data=body,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            ) as answer:
                payload = await answer.read()
        finally:
            self._wire.in_flight -= 1
        is_empty = b"<QueueMessage>" not in payload
        kind = kind_of(
            self._service,
            request.method,
            request.path,
            request.query_string,
            is_empty=is_empty,
        )
        self._wire.requests.append((kind, began, loop.time()))
        passed = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_HEADERS}
        passed.pop("Content-Length", None)
        return web.Response(status=answer.status, headers=passed, body=payload)


@asynccontextmanager
async def counting(connection_string: str) -> AsyncIterator[tuple[str, Wire]]:
    """Stand in front of the storage of a connection string; yield the one to use instead."""
    parts = dict(part.split("=", 1) for part in connection_string.split(";") if part)
    wire = Wire()
    runners: list[web.AppRunner] = []
    connector = TCPConnector(limit=0, keepalive_timeout=2)
    timeout = ClientTimeout(total=120)
    async with ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as session:
        try:
            for service in SERVICES:
                url = urlsplit(parts[f"{service}Endpoint"])
                door = _Door(service, f"{url.scheme}://{url.netloc}", session, wire)
                app = web.Application(client_max_size=200 * 1024 * 1024)
                app.router.add_route("*", "/{path:.*}", door.pass_on)
                runner = web.AppRunner(app, access_log=None)
                runners.append(runner)
                await runner.setup()
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                port = runner.addresses[0][1]
                parts[f"{service}Endpoint"] = f"http://127.0.0.1:{port}{url.path}"
            yield ";".join(f"{key}={value}" for key, value in parts.items()), wire
        finally:
            for runner in runners:
                await runner.cleanup()
