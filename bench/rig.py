"""The rig: a dev host on a storage account, with everything that passes between them counted."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.counting_proxy import Wire, counting
from bench.processes import Host, running_host

QUIET_S = 0.7
COMPLETE_S_MAX = 120.0


@dataclass(slots=True)
class Rig:
    """A running function app and the wire between it and storage."""

    host: Host
    wire: Wire

    async def complete(self, orchestrator: str, input_: Any) -> Any:
        """Run one orchestration to its end and to rest; return its status. Following it is free."""
        started = await self.host.start(orchestrator, input_)
        async with asyncio.timeout(COMPLETE_S_MAX):
            while True:
                await self._rest()
                counted = list(self.wire.requests)
                answer = await self.host.request("GET", started.json["statusQueryGetUri"])
                if answer.status == 200:
                    self.wire.requests[:] = counted
                    return answer.json

    async def _rest(self) -> None:
        """Return when nothing but empty polls has passed the wire for a while."""
        seen, since = self.wire.total, time.monotonic()
        while time.monotonic() - since < QUIET_S:
            await asyncio.sleep(0.05)
            if self.wire.total != seen:
                seen, since = self.wire.total, time.monotonic()


@asynccontextmanager
async def rig(storage: str) -> AsyncIterator[Rig]:
    """Run the app on this storage, behind a counting proxy, until left."""
    hub = "Bench" + uuid.uuid4().hex[:10]
    async with (
        counting(storage) as (connection_string, wire),
        running_host(connection_string, hub) as host,
    ):
        yield Rig(host, wire)
