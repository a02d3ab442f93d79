"""The rig: emulator, counting proxy and dev host, each a process or server of its own."""

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.counting_proxy import Wire, counting

ROOT = Path(__file__).resolve().parent.parent
READY = "Listening on "
READY_S_MAX = 60.0
QUIET_S = 0.7


@dataclass(slots=True)
class Rig:
    """A running function app and the wire between it and storage."""

    url: str
    wire: Wire
    host: asyncio.subprocess.Process

    async def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """Call the app."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method="POST")
        return await asyncio.to_thread(_fetch, request)

    async def complete(self, name: str, input_: Any, *, timeout_s: float = 120.0) -> dict[str, Any]:
        """Run one orchestration; count nothing of following it."""
        links = await self.post(f"/api/start/{name}", input_)
        await self.quiet(timeout_s)
        counted = list(self.wire.requests)
        status = await asyncio.to_thread(_fetch, urllib.request.Request(links["statusQueryGetUri"]))
        while status["runtimeStatus"] in ("Pending", "Running"):
            await self.quiet(timeout_s)
            counted = list(self.wire.requests)
            status = await asyncio.to_thread(
                _fetch, urllib.request.Request(links["statusQueryGetUri"])
            )
        self.wire.requests = counted
        return status

    async def quiet(self, timeout_s: float) -> None:
        """Return when nothing but empty polls has passed the wire for a while."""
        deadline = time.monotonic() + timeout_s
        seen, since = self.wire.total, time.monotonic()
        while time.monotonic() - since < QUIET_S:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not quiet after {timeout_s} s: {self.wire.counts()}")
            await asyncio.sleep(0.05)
            if self.wire.total != seen:
                seen, since = self.wire.total, time.monotonic()


@asynccontextmanager
async def rig(
    storage: str, *, app: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Rig]:
    """Run the app on this storage, behind a counting proxy, until left."""
    async with counting(storage) as (connection_string, wire):
        host = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "durable.devhost",
            "start",
            "--app",
            str(app),
            "--log-level",
            "warning",
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "AzureWebJobsStorage": connection_string,
                **(environment or {}),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            url = await asyncio.wait_for(_url(host), READY_S_MAX)
            yield Rig(url, wire, host)
        finally:
            if host.returncode is None:
                host.terminate()
            await host.wait()


async def _url(host: asyncio.subprocess.Process) -> str:
    assert host.stdout is not None
    async for line in host.stdout:
        text = line.decode().strip()
        if text.startswith(READY):
            return text.removeprefix(READY)
    raise RuntimeError("the dev host ended before it listened; its log is above")


def _fetch(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=60) as answer:
        fetched: dict[str, Any] = json.loads(answer.read())
        return fetched
