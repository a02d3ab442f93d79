"""Dev hosts as processes, and a view of what they leave in storage."""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from azure.storage.queue.aio import QueueServiceClient

from durable.storage.azure.hub import AzureStore, open_store

ROOT = Path(__file__).resolve().parents[1]
APP = Path(__file__).resolve().parent / "app"
READY = "Listening on "


@dataclass(slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass(slots=True)
class Door:
    """The HTTP side of a function app that somebody runs."""

    url: str

    async def request(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Call it."""
        url = path if path.startswith("http") else self.url + path
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        return await asyncio.to_thread(_answer, request)

    async def start(
        self, name: str, input_: Any = None, *, instance_id: str | None = None
    ) -> Answer:
        """Start an orchestration."""
        query = f"?instanceId={quote(instance_id, safe='')}" if instance_id is not None else ""
        return await self.request("POST", f"/api/start/{name}{query}", json.dumps(input_).encode())

    async def run(self, name: str, input_: Any = None, *, instance_id: str | None = None) -> Any:
        """Start an orchestration and follow it to its end; return its status."""
        started = await self.start(name, input_, instance_id=instance_id)
        assert started.status == 202, started
        return await self.follow(started.json["statusQueryGetUri"])

    async def follow(self, status_url: str, *, timeout_s: float = 90) -> Any:
        """Poll the status until it is final."""
        async with asyncio.timeout(timeout_s):
            while True:
                answer = await self.request("GET", status_url)
                if answer.status == 200:
                    return answer.json
                assert answer.status in (202, 503), answer
                await asyncio.sleep(0.1)


@dataclass(slots=True)
class Host(Door):
    """One dev host process."""

    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)
    readers: list["asyncio.Task[None]"] = field(default_factory=list)

    async def kill(self) -> None:
        """SIGKILL it: nothing of it goes on."""
        self.process.kill()
        await self._end()

    async def stop(self) -> int:
        """SIGTERM it and wait for it to drain."""
        if self.process.returncode is None:
            self.process.terminate()
        await self._end()
        assert self.process.returncode is not None
        return self.process.returncode

    async def _end(self) -> None:
        await self.process.wait()
        await asyncio.gather(*self.readers)


async def start_host(
    storage: str, hub: str, *, app: Path = APP, environment: Mapping[str, str] | None = None
) -> Host:
    """Start a dev host on a free port and wait until it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "durable.devhost", "start", "--app", str(app),
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AzureWebJobsStorage": storage,
            "TEST_HUB": hub,
            # Hosts of one app directory share its timers by this id: each hub has its own.
            "AzureFunctionsWebHost__hostid": hub.lower(),
            **(environment or {}),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    log: list[str] = []
    errors = asyncio.create_task(_collect(process.stderr, log))
    async with asyncio.timeout(60):
        async for line in process.stdout:
            text = line.decode().strip()
            log.append(text)
            if text.startswith(READY):
                break
        else:
            raise AssertionError("the dev host ended before it listened:\n" + "\n".join(log))
    output = asyncio.create_task(_collect(process.stdout, log))
    return Host(text.removeprefix(READY), process, log, [errors, output])


@asynccontextmanager
async def running_host(
    storage: str, hub: str, *, app: Path = APP, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Host]:
    """Run a dev host for the length of a block."""
    host = await start_host(storage, hub, app=app, environment=environment)
    try:
        yield host
    finally:
        await host.stop()


@asynccontextmanager
async def opened(storage: str, hub: str) -> AsyncIterator[AzureStore]:
    """Open the hub from outside."""
    store = open_store({"AzureWebJobsStorage": storage}, task_hub=hub)
    try:
        await store.create()
        yield store
    finally:
        await store.close()


async def messages_left(storage: str, hub: str) -> dict[str, int]:
    """Count what the hub's queues hold, hidden messages and poison queues included."""
    left = {}
    async with QueueServiceClient.from_connection_string(storage) as service:
        async for queue in service.list_queues(name_starts_with=hub.lower()):
            client = service.get_queue_client(queue.name)
            async with client:
                properties = await client.get_queue_properties()
            count = properties.approximate_message_count or 0
            if count:
                left[queue.name] = count
    return left


async def until_drained(storage: str, hub: str, *, timeout_s: float = 60) -> None:
    """Wait until no queue of the hub holds anything."""
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(timeout_s):
            while left := await messages_left(storage, hub):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"queues still hold {left}") from None


def _answer(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())


async def _collect(stream: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode().rstrip())
