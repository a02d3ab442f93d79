"""Throw-away function apps, and hosts for them: in this process, or as processes of their own."""

import asyncio
import contextlib
import inspect
import io
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from durable.devhost.host import DevHost, HostOptions

ROOT = Path(__file__).resolve().parents[2]


# What every app begins with. Functions run in processes of their own: what they append to `seen`
# a test reads with the fixture of that name.
HEAD = """
import asyncio
import os
import pickle
import time
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()
HERE = Path(__file__).parent

class Seen:
    def append(self, item):
        with (HERE / "seen").open("ab") as file:
            file.write(pickle.dumps(item))

seen = Seen()
"""


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """A host in this process sets variables; undo it."""
    environment = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def write_app(tmp_path: Path) -> Callable[..., Path]:
    """Write a function app; `queues` is host.json's extensions.queues, on top of fast polling."""

    def write(source: str, *, queues: dict[str, object] | None = None, **files: object) -> Path:
        app_dir = tmp_path / "app"
        app_dir.mkdir(exist_ok=True)
        options = {"maxPollingInterval": "00:00:00.1000000", **(queues or {})}
        host_json = {"version": "2.0", "extensions": {"queues": options}}
        (app_dir / "host.json").write_text(json.dumps(files.get("host_json", host_json)))
        if "settings" in files:
            settings = {"IsEncrypted": False, "Values": files["settings"]}
            (app_dir / "local.settings.json").write_text(json.dumps(settings))
        (app_dir / "function_app.py").write_text(HEAD + source)
        return app_dir

    return write


@pytest.fixture
def host_of() -> Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]:
    """Run a host in this process for the length of an `async with`, and drain it at the end."""

    @contextlib.asynccontextmanager
    async def run(app_dir: Path, **options: Any) -> AsyncIterator[DevHost]:
        host = DevHost(HostOptions(app_dir=app_dir, **{"grace_s": 20.0, **options}))
        await host.start()
        try:
            yield host
        finally:
            assert await host.drain() == []

    return run


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], list[Any]]:
    """Read what the functions of the app appended to `seen`, in its order."""

    def read() -> list[Any]:
        items: list[Any] = []
        path = tmp_path / "app" / "seen"
        if path.exists():
            # The last one may not be there whole yet.
            content = io.BytesIO(path.read_bytes())
            with contextlib.suppress(EOFError, pickle.UnpicklingError):
                while True:
                    items.append(pickle.load(content))
        return items

    return read


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Poll a condition (plain or awaitable) until it is true; fail after a deadline."""

    async def poll(condition: Callable[[], Any], *, timeout_s: float = 30.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)
        return pytest.fail("the condition did not come true in time")

    return poll


@pytest.fixture
def queue_name() -> str:
    """A queue of this test's own."""
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queue_of(
    azurite_connection: str, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., QueueClient]]:
    """Open a queue by suffix ('' is the test's queue); texts go out in base64 unless `raw`."""
    opened: list[QueueClient] = []

    def open_queue(suffix: str = "", *, raw: bool = False) -> QueueClient:
        policy = None if raw else TextBase64EncodePolicy()
        client = QueueClient.from_connection_string(
            azurite_connection, queue_name + suffix, message_encode_policy=policy
        )
        opened.append(client)
        return client

    monkeypatch.setenv("AzureWebJobsStorage", azurite_connection)
    monkeypatch.setenv("TEST_QUEUE", queue_name)
    yield open_queue
    for client in opened:
        client.close()


class HostProcess:
    """A host in a process of its own."""

    def __init__(self, app_dir: Path, log: Path, flags: list[str]) -> None:
        """Start it; `url` is known after `listening`."""
        self.log = log
        self.lines: list[str] = []
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "durable.devhost", "start", "--app", str(app_dir), *flags],
                stdout=subprocess.PIPE,
                stderr=sink,
                env=environment,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def listening(self) -> str:
        """Wait for the announcement; gives the URL."""
        wait_for(lambda: self.said("Listening on ") or self.process.poll() is not None)
        assert self.said("Listening on "), self.log.read_text()
        return self.said("Listening on ")[0].split()[-1]

    def said(self, start: str) -> list[str]:
        """What it wrote to stdout that begins so."""
        return [line for line in self.lines if line.startswith(start)]

    def ended(self) -> int:
        """Wait for its end; gives the exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


def wait_for(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    """Poll a condition until it is true; fail after a deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("the condition did not come true in time")
        time.sleep(0.02)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Poll a condition from a test without an event loop."""
    return wait_for


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[Callable[..., HostProcess]]:
    """Start hosts as processes; whatever is left of them is killed at the end of the test."""
    started: list[HostProcess] = []

    def start(app_dir: Path, *flags: str) -> HostProcess:
        host = HostProcess(app_dir, tmp_path / f"host-{len(started)}.log", list(flags))
        started.append(host)
        return host

    yield start
    for host in started:
        host.process.kill()
        host.ended()
