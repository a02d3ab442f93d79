"""Long runs: 1,000 steps, 10,000 events, 10,000 generations, side by side on one dev host.

Each must end with its one right output. The eternal one must not leave more and more behind: its
rows and blobs are counted every few seconds. The memory of the host's processes is shown, and may
not grow beyond a bound.
"""

import argparse
import asyncio
import itertools
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
LANES = 4
# So many events may be on their way to an instance: whoever sends more than is taken has a backlog,
# and an eternal orchestration carries its backlog from one generation to the next.
AHEAD_MAX = 400
# One that shows nothing new for so long stands still; a lost message would come back later.
STILL_S_MAX = 120.0
ROWS_MAX = 2_500
BLOBS_MAX = 100
MEMORY_MIB_MAX = 800
ENVIRONMENT = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1"}


@dataclass(slots=True)
class LongRun:
    """One orchestration: what it gets, what is right, and what was seen of it."""

    title: str
    orchestrator: str
    input: Any
    output: int
    events: int = 0
    is_bounded: bool = False
    sent: int = 0
    done: int = 0
    done_at: float = 0.0
    seconds: float | None = None
    rows_max: int = 0
    blobs_max: int = 0
    status: OrchestrationStatus | None = None

    @property
    def instance_id(self) -> str:
        """Each orchestrator runs once."""
        return self.orchestrator.lower()

    @property
    def line(self) -> str:
        """Where it stands, in a few words."""
        if self.seconds is not None:
            return f"{self.title}: ended after {self.seconds:.0f} s"
        sent = f" of {self.sent} sent" if self.events else ""
        return f"{self.title}: {self.done}{sent}"


def long_runs(steps: int, events: int, generations: int) -> list[LongRun]:
    """Say what runs; event number n brings n."""
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
    """Looks at storage and at the host's processes while the orchestrations run."""

    runs: Sequence[LongRun]
    host: Host
    client: DurableClient
    storage: str
    hub: str
    began: float = field(default_factory=time.monotonic)
    memory_mib: list[float] = field(default_factory=list)

    async def until_ended(self) -> None:
        """Look and tell every few seconds, until each has ended or stands still."""
        while await self._any_moves():
            await asyncio.sleep(0.5)
            if time.monotonic() >= self.began + SHOW_EVERY_S * (len(self.memory_mib) + 1):
                await self.look()

    async def look(self) -> None:
        """Count what the bounded ones have in storage, and the memory; tell."""
        for run in self.runs:
            if run.is_bounded:
                await self._measure(run)
        self.memory_mib.append(memory_of(self.host.process.pid) / 2**20)
        left = [f"{run.rows_max} rows at most" for run in self.runs if run.is_bounded]
        memory = f"host {self.memory_mib[-1]:.0f} MiB"
        seconds = f"{time.monotonic() - self.began:4.0f} s"
        print("; ".join([seconds, *(run.line for run in self.runs), *left, memory]), flush=True)

    async def finish(self) -> list[str]:
        """Say what is wrong at the end."""
        wrong = []
        for run in self.runs:
            await self._measure(run)
            status = run.status
            if status is None or status.runtime_status is not RuntimeStatus.COMPLETED:
                wrong.append(f"{run.title}: {status and status.runtime_status.value}")
            elif status.output != str(run.output):
                wrong.append(f"{run.title}: the output is {status.output}, not {run.output}")
            if run.is_bounded and (run.rows_max > ROWS_MAX or run.blobs_max > BLOBS_MAX):
                wrong.append(f"{run.title}: {run.rows_max} rows, {run.blobs_max} blobs")
        if max(self.memory_mib, default=0) > MEMORY_MIB_MAX:
            wrong.append(f"the host took {max(self.memory_mib):.0f} MiB")
        return wrong

    async def _any_moves(self) -> bool:
        now = time.monotonic()
        for run in self.runs:
            if run.seconds is None:
                run.status = await self.client.read_status(run.instance_id)
                done = int((run.status and run.status.custom_status) or 0)
                if done > run.done or not run.done_at:
                    run.done, run.done_at = done, now
                if run.status and run.status.runtime_status.is_terminal:
                    run.seconds = now - self.began
        return any(run.seconds is None and now < run.done_at + STILL_S_MAX for run in self.runs)

    async def _measure(self, run: LongRun) -> None:
        rows = blobs = 0
        async with TableServiceClient.from_connection_string(self.storage) as tables:
            mine = tables.get_table_client(f"{self.hub}History").query_entities(
                "PartitionKey eq @id", parameters={"id": run.instance_id}, select=["RowKey"]
            )
            async for _ in mine:
                rows += 1
        async with BlobServiceClient.from_connection_string(self.storage) as service:
            container = service.get_container_client(f"{self.hub.lower()}-largemessages")
            async for _ in container.list_blob_names(name_starts_with=f"{run.instance_id}/"):
                blobs += 1
        run.rows_max, run.blobs_max = max(run.rows_max, rows), max(run.blobs_max, blobs)


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


async def feed(client: DurableClient, run: LongRun) -> None:
    """Send a run its events, never too many ahead of what it shows to have taken."""
    numbers = itertools.count()

    async def lane() -> None:
        while (number := next(numbers)) < run.events and run.seconds is None:
            while number > run.done + AHEAD_MAX and run.seconds is None:
                await asyncio.sleep(0.05)
            await client.raise_event(run.instance_id, "tick", number)
            run.sent += 1

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def soak(runs: Sequence[LongRun]) -> int:
    """Run them all; 0 if everything is as it must be."""
    hub = "Long" + uuid.uuid4().hex[:10]
    with start_azurite() as azurite:
        storage = azurite.connection_string
        async with (
            running_host(storage, hub, environment=ENVIRONMENT) as host,
            opened(storage, hub) as store,
        ):
            client = DurableClient(store, SystemEnvironment())
            for run in runs:
                await client.start(run.orchestrator, instance_id=run.instance_id, input_=run.input)
            watch = Watch(runs, host, client, storage, hub)
            feeding = asyncio.gather(*(feed(client, run) for run in runs))
            await watch.until_ended()
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await watch.look()
            wrong = await watch.finish()
            await until_drained(storage, hub, timeout_s=120)
    tell(watch, wrong)
    return 1 if wrong else 0


def tell(watch: Watch, wrong: Sequence[str]) -> None:
    """Print the figures, and what is wrong."""
    for run in watch.runs:
        per_event = (
            f", {run.events / run.seconds:.0f} a second" if run.events and run.seconds else ""
        )
        print(
            f"{run.title:20} {run.seconds or 0:6.0f} s{per_event}; "
            f"{run.rows_max} rows and {run.blobs_max} blobs at most"
        )
    memory = watch.memory_mib
    print(f"{'memory of the host':20} {memory[0]:.0f} MiB at first, {max(memory):.0f} at most")
    print("all right" if not wrong else "\n".join(["WRONG:", *(f"  {line}" for line in wrong)]))


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
