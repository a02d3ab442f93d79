"""What a contract point needs: HTTP to the host, its queues, and the reports of the app."""

import contextlib
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Self

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

QUEUES = ("plain", "second-try", "json", "returns", "text", "slow", "own", "relay")
BELLS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Message

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def wait_for(condition: Callable[[], Any], *, timeout_s: float = 60.0) -> Any:
    """Poll a condition until it is true, and return what it gave; fail after a deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail("the condition did not come true in time")
        time.sleep(0.05)


@dataclass(slots=True)
class Grounds:
    """A host that runs the contract app, and the storage account that it uses."""

    url: str
    connection: str
    prefix: str
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def is_here(self) -> bool:
        """Whether the host is one process on this machine, not instances somewhere."""
        return "//127.0.0.1" in self.url or "//localhost" in self.url

    def case(self) -> str:
        """Name a case that nobody else has."""
        return f"case-{uuid.uuid4().hex}"

    def create_queues(self) -> None:
        """Create what the host itself never creates."""
        bells = [f"bell-{number}" for number in range(BELLS)]
        for name in (*QUEUES, *bells):
            with contextlib.suppress(ResourceExistsError):
                self.queue(name).create_queue()

    def queue(self, name: str, *, raw: bool = False) -> QueueClient:
        """Open one of the app's queues; texts go out in base64 unless `raw`."""
        service = self._open.enter_context(
            QueueServiceClient.from_connection_string(self.connection)
        )
        policy = None if raw else TextBase64EncodePolicy()
        return service.get_queue_client(f"{self.prefix}-{name}", message_encode_policy=policy)

    def queue_list(self) -> list[Any]:
        """List the queues of the account."""
        service = self._open.enter_context(
            QueueServiceClient.from_connection_string(self.connection)
        )
        return list(service.list_queues(name_starts_with=self.prefix))

    def container(self, name: str) -> ContainerClient:
        """Open a blob container."""
        service = self._open.enter_context(
            BlobServiceClient.from_connection_string(self.connection)
        )
        return service.get_container_client(name)

    def call(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        """Call the host; `headers` have underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        key = os.environ.get("DURABLE_CONTRACT_KEY")
        if key:
            named.setdefault("x-functions-key", key)
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=named)
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), error.headers)

    def reports(self, case: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for this many reports of a case; gives all that there are, in their order."""
        return wait_for(lambda: found if len(found := self.reports_now(case)) >= count else None)

    def reports_now(self, case: str) -> list[dict[str, Any]]:
        """Give the reports of a case that are there."""
        container = self.container(f"{self.prefix}-reports")
        try:
            names = sorted(container.list_blob_names(name_starts_with=f"{case}/"))
            return [json.loads(container.download_blob(name).readall()) for name in names]
        except ResourceNotFoundError:
            return []

    def take(self, queue: str, wanted: Callable[[str], bool]) -> list[str]:
        """Wait for a text in a queue that nobody listens to; gives all such texts, and deletes."""
        client = self.queue(queue, raw=True)

        def found() -> list[str]:
            texts = []
            with contextlib.suppress(ResourceNotFoundError):
                for message in client.receive_messages(messages_per_page=32, visibility_timeout=5):
                    if wanted(message.content):
                        texts.append(message.content)
                        client.delete_message(message)
            return texts

        return wait_for(found)

    def holds_nothing(self, queue: str) -> bool:
        """Tell whether a queue has no message, visible or hidden."""
        return self.queue(queue).get_queue_properties().approximate_message_count == 0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing."""
