"""Every storage request counted by kind, at the transport: what is counted here is billed.

Rule 1. A request is counted when it is sent, before anybody knows how it ends.
Rule 2. What a hub does once in its life (resources, `taskhub.json`, its key) is `create`, so that a
        bench can leave it out.
"""

from collections import Counter
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

CREATE = "create"
WHOLE_BYTES_MAX = 512 * 1024
_QUEUE_KINDS = {"POST": "queue.put", "GET": "queue.receive", "DELETE": "queue.delete"}
_BLOB_KINDS = {"PUT": "blob.put", "GET": "blob.get", "HEAD": "blob.get", "DELETE": "blob.delete"}


def kind_of(service: str, method: str, url: str) -> str:
    """Name the kind of a request to `table`, `queue` or `blob`."""
    path = urlsplit(url).path
    if service == "table":
        return _table_kind(method, path)
    if service == "queue":
        if "/messages" not in path:
            return "queue.list" if "comp=list" in url else CREATE
        return _QUEUE_KINDS.get(method, "queue.update")
    if "restype=container" in url or "-leases/" in path:
        return CREATE
    return _BLOB_KINDS.get(method, "blob.other")


def _table_kind(method: str, path: str) -> str:
    if path.endswith("/$batch"):
        return "table.transaction"
    if "/Tables" in path:
        return CREATE
    if method == "GET":
        # A key in the path is one row; without one it is a query, `Table()`.
        return "table.query" if path.endswith("()") else "table.read"
    return "table.delete" if method == "DELETE" else "table.write"


class CountingTransport(AioHttpTransport):  # type: ignore[misc]  # azure-core types it Any
    """One service's way to the shared session, counting what passes.

    It is an AioHttpTransport and does not hide one: the SDKs look for that class, and sign a path
    as aiohttp will print it (`%27` becomes `'`).
    """

    def __init__(
        self,
        service: str,
        calls: Counter[str],
        *,
        session: aiohttp.ClientSession,
        **timeouts: float,
    ) -> None:
        """Count into `calls`. The session belongs to the store and outlives its clients."""
        super().__init__(session=session, session_owner=False, **timeouts)
        self._service = service
        self._calls = calls

    async def send(self, request: Any, **options: Any) -> Any:
        """Count the request, then send it."""
        self._calls[kind_of(self._service, request.method, request.url)] += 1
        return await super().send(request, **options)

    def _get_request_data(self, request: Any) -> Any:
        data = super()._get_request_data(request)
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, bytes) and len(data) > WHOLE_BYTES_MAX:
            # As bytes it would be written in one go, and aiohttp warns that this blocks the loop.
            return BytesIO(data)
        return data
