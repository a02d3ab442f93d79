"""Long runs: 1,000 steps, 10,000 events, 10,000 generations, side by side on one Azurite.

Each has a hub and a dev host of its own, so that none stands in a queue behind the others, and must
end with its one right output. The eternal one must not leave more and more behind: its rows and
blobs are counted every few seconds. The memory of each host's processes is shown, and bounded.
"""

import argparse
import asyncio
import itertools
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient

from bench.processes import Host, opened, running_host, until_drained
from durable.client.durable_client import DurableClient
from durable.devhost.azurite import start_azurite
from durable.engine.environment import SystemEnvironment
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus

SHOW_EVERY_S = 5.0
# The instance of each run: there is one in each hub.
INSTANCE_ID = "long"
LANES = 4
# So many events may be on their way to an instance: whoever sends more than is taken has a backlog,
# and an eternal orchestration carries its backlog from one generation to the next.
AHEAD_MAX = 200
# One that shows nothing new for so long stands still; a lost message would come back later.
STILL_S_MAX = 120.0
ROWS_MAX = 2_000
BLOBS_MAX = 20
MEMORY_MIB_MAX = 400
ENVIRONMENT = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1"}


@dataclass(frozen=True, slots=True)
class LongRun:
    """One orchestration: what it gets, and what is right. Event number n brings n."""

    title: str
    orchestrator: str
    input: Any
    output: int
    events: int = 0
    is_bounded: bool = False


def long_runs(steps: int, events: int, generations: int) -> list[LongRun]:
    """Say what runs."""
    state = {"generation": 0, "generations": generations, "total": 0}
    return [
        LongRun(f"{steps} steps", "Steps", steps, steps),
        LongRun(f"{events} events", "Tally", events, sum(range(events)), events),
        LongRun(
            f"{generations} generations",
            "Eternal",
            state,
            sum(range(generations)),
            generations,
            is_bounded=True,
        ),
    ]


@dataclass(slots=True)
class Watch:
    """One run, where it takes place, and what was seen of it."""

    run: LongRun
    host: Host
    client: DurableClient
    storage: str
    hub: str
    began: float
    sent: int = 0
    done: int = 0
    done_at: float = 0.0
    seconds: float | None = None
    status: OrchestrationStatus | None = None
    rows: int = 0
    rows_max: int = 0
    blobs_max: int = 0
    memory_mib_first: float = 0.0
    memory_mib_max: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or stands still."""
        return self.seconds is not None or time.monotonic() > self.done_at + STILL_S_MAX

    @property
    def line(self) -> str:
        """Where it stands, in a few words."""
        if self.seconds is not None:
            return f"{self.run.title}: ended"
        rows = f", {self.rows} rows" if self.run.is_bounded else ""
        return f"{self.run.title}: {self.done}{rows}, {self.memory_mib_max:.0f} MiB"

    async def follow(self) -> None:
        """Read how far it is; the custom status says so."""
        if self.seconds is not None:
            return
        now = time.monotonic()
        self.status = await self.client.read_status(INSTANCE_ID)
        done = int((self.status and self.status.custom_status) or 0)
        if done > self.done or not self.done_at:
            self.done, self.done_at = done, now
        if self.status and self.status.runtime_status.is_terminal:
            self.seconds = now - self.began

    async def measure(self) -> None:
        """Count what it has in storage, if that must be bounded or it has ended; and the memory."""
        memory = memory_of(self.host.process.pid) / 2**20
        self.memory_mib_first = self.memory_mib_first or memory
        self.memory_mib_max = max(self.memory_mib_max, memory)
        if not self.run.is_bounded and self.seconds is None:
            return
        self.rows, blobs = await rows_of(self.storage, self.hub), 0
        async with BlobServiceClient.from_connection_string(self.storage) as service:
            container = service.get_container_client(f"{self.hub.lower()}-largemessages")
            async for _ in container.list_blob_names(name_starts_with=f"{INSTANCE_ID}/"):
                blobs += 1
        self.rows_max, self.blobs_max = max(self.rows_max, self.rows), max(self.blobs_max, blobs)

    async def feed(self) -> None:
        """Send the events, never too many ahead of what it shows to have taken."""
        numbers = itertools.count()

        async def lane() -> None:
            while (number := next(numbers)) < self.run.events and not self.is_over:
                while number > self.done + AHEAD_MAX and not self.is_over:
                    await asyncio.sleep(0.05)
                await self.client.raise_event(INSTANCE_ID, "tick", number)
                self.sent += 1

        await asyncio.gather(*(lane() for _ in range(LANES)))

    def faults(self) -> Iterator[str]:
        """Say what is wrong at the end."""
        if self.seconds is None:
            yield f"stands still at {self.done}, {self.sent} events sent"
        elif self.status is None or self.status.runtime_status is not RuntimeStatus.COMPLETED:
            yield f"did not complete: {self.status}"
        elif self.status.output != str(self.run.output):
            yield f"the output is {self.status.output}, not {self.run.output}"
        if self.run.is_bounded and (self.rows_max > ROWS_MAX or self.blobs_max > BLOBS_MAX):
            yield f"{self.rows_max} rows and {self.blobs_max} blobs are too many"
        if self.memory_mib_max > MEMORY_MIB_MAX:
            yield f"{self.memory_mib_max:.0f} MiB are too many"

    @property
    def figures(self) -> str:
        """What is told at the end."""
        took = f"{self.seconds or 0:5.0f} s, {self.done / (self.seconds or 1):4.0f} a second"
        left = f"{self.rows_max} rows and {self.blobs_max} blobs at most"
        memory = f"{self.memory_mib_first:.0f} MiB at first, {self.memory_mib_max:.0f} at most"
        return f"{self.run.title:18} {took}; {left}; {memory}"


async def rows_of(storage: str, hub: str) -> int:
    """Count the rows of the instance, those of its history and those beside it."""
    rows = 0
    async with TableServiceClient.from_connection_string(storage) as tables:
        mine = tables.get_table_client(f"{hub}History").query_entities(
            "PartitionKey eq @id", parameters={"id": INSTANCE_ID}, select=["RowKey"]
        )
        async for _ in mine:
            rows += 1
    return rows


def memory_of(pid: int) -> int:
    """Add up the resident bytes of a process and its children; 0 where there is no /proc."""
    return sum(_resident(each) for each in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("VmRSS:")), 0)


@asynccontextmanager
async def watched(run: LongRun, storage: str) -> AsyncIterator[Watch]:
    """Start a run on a hub and a host of its own; at the end no message may be left."""
    hub = run.orchestrator + uuid.uuid4().hex[:10]
    async with (
        running_host(storage, hub, environment=ENVIRONMENT) as host,
        opened(storage, hub) as store,
    ):
        client = DurableClient(store, SystemEnvironment())
        began = time.monotonic()
        await client.start(run.orchestrator, instance_id=INSTANCE_ID, input_=run.input)
        watch = Watch(run, host, client, storage, hub, began, done_at=began)
        yield watch
        if watch.seconds is not None:
            await until_drained(storage, hub, timeout_s=120)


async def soak(runs: Sequence[LongRun]) -> int:
    """Run them all; 0 if everything is as it must be."""
    with start_azurite() as azurite:
        async with AsyncExitStack() as stack:
            watches = [
                await stack.enter_async_context(watched(run, azurite.connection_string))
                for run in runs
            ]
            await _until_over(watches)
    is_wrong = False
    for watch in watches:
        print(watch.figures)
        for fault in watch.faults():
            is_wrong = True
            print(f"  WRONG: {fault}")
    return 1 if is_wrong else 0


async def _until_over(watches: Sequence[Watch]) -> None:
    """Feed and follow until each has ended or stands still; tell how far they are."""
    feeding = asyncio.gather(*(watch.feed() for watch in watches))
    began = shown_at = time.monotonic()
    while not all(watch.is_over for watch in watches):
        await asyncio.sleep(0.5)
        for watch in watches:
            await watch.follow()
        if time.monotonic() >= shown_at + SHOW_EVERY_S:
            shown_at = time.monotonic()
            for watch in watches:
                await watch.measure()
            lines = "; ".join(watch.line for watch in watches)
            print(f"{shown_at - began:4.0f} s; {lines}", flush=True)
    await feeding
    for watch in watches:
        await watch.measure()


def main() -> int:
    """Read the lengths and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_runs", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--generations", type=int, default=10_000)
    options = parser.parse_args()
    runs = long_runs(options.steps, options.events, options.generations)
    return asyncio.run(soak(runs))


if __name__ == "__main__":
    sys.exit(main())
