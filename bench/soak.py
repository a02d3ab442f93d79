"""Soak: dev hosts that are killed again and again while orchestrations run; everything completes.

Four host processes on one hub, 300 orchestrations (sequences, fan-outs, timers, events, and now and
then an activity that outlives the function timeout), a SIGKILL every two seconds for a minute on
one of the hosts, and a new process in its place. At the end each orchestration has its one right
output, each scheduled task its one result, nothing is unsent, and no queue holds anything.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import Host, opened, start_host, until_drained
from durable.client.durable_client import DurableClient
from durable.devhost.azurite import start_azurite
from durable.engine.environment import SystemEnvironment
from durable.model.history import TaskScheduled, TimerCreated, answered_task_id
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.storage.azure.hub import AzureStore

HOSTS = 4
ORCHESTRATIONS = 300
KILL_EVERY_S = 2.0
ENVIRONMENT = {
    "DURABLE_DEVHOST_VISIBILITY_S": "6",
    "AzureFunctionsJobHost__functionTimeout": "00:00:08",
}
LANES = 6
FINISH_S_MAX = 240.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of orchestration, its input, and the output that is right."""

    orchestrator: str
    input: Any
    output: str
    event: str | None = None


KINDS = (
    Kind("Sequence", 0, "5"),
    Kind("Fan", 12, str(sum(range(1, 13)))),
    Kind("Naps", 3, "3"),
    Kind("Waits", None, '"came"', event="go"),
)
# Timers that the orchestrator cancels: they may end unfired.
CANCELLED = {"Waits": {0}}
# Every so many orchestrations, one that runs into the function timeout first.
DAWDLE_EVERY = 50


async def soak(seconds: float, count: int, markers: Path) -> int:
    """Run it; 0 if everything is as it must be. Markers tell dawdlers that they have been there."""
    hub = "Soak" + uuid.uuid4().hex[:10]
    with start_azurite() as azurite:
        storage = azurite.connection_string
        async with _hosts(storage, hub) as hosts, opened(storage, hub) as store:
            client = DurableClient(store, SystemEnvironment())
            ends_at = time.monotonic() + seconds
            killer = asyncio.create_task(_kill_now_and_then(hosts, storage, hub, ends_at))
            numbers = range(count)
            pause_s = seconds * LANES / count
            lanes = (_start_many(client, numbers[n::LANES], markers, pause_s) for n in range(LANES))
            started = {key: kind for lane in await asyncio.gather(*lanes) for key, kind in lane}
            kills = await killer
            print(f"{len(started)} orchestrations started, {kills} hosts killed", flush=True)
            wrong = await _finish(store, started)
            await until_drained(storage, hub, timeout_s=FINISH_S_MAX)
    print(f"{len(started) - len(wrong)} completed and right, {len(wrong)} wrong, queues empty")
    for line in wrong[:10]:
        print("  " + line)
    return 1 if wrong else 0


@asynccontextmanager
async def _hosts(storage: str, hub: str) -> AsyncIterator[list[Host]]:
    hosts = [await start_host(storage, hub, environment=ENVIRONMENT) for _ in range(HOSTS)]
    try:
        yield hosts
    finally:
        await asyncio.gather(*(host.stop() for host in hosts))


async def _kill_now_and_then(hosts: list[Host], storage: str, hub: str, ends_at: float) -> int:
    """Kill one that runs at every tick; its replacement takes its own time to come up."""
    kills = 0
    coming: list[asyncio.Task[None]] = []

    async def replace() -> None:
        hosts.append(await start_host(storage, hub, environment=ENVIRONMENT))

    while time.monotonic() + KILL_EVERY_S < ends_at:
        await asyncio.sleep(KILL_EVERY_S)
        if hosts:
            doomed = hosts.pop(random.randrange(len(hosts)))  # noqa: S311  (guards nothing)
            await doomed.kill()
            coming.append(asyncio.create_task(replace()))
            kills += 1
    await asyncio.gather(*coming)
    return kills


async def _start_many(
    client: DurableClient, numbers: Sequence[int], markers: Path, pause_s: float
) -> list[tuple[InstanceId, Kind]]:
    """Start one orchestration after another, spread over the time of the kills."""
    started: list[tuple[InstanceId, Kind]] = []
    for number in numbers:
        kind = KINDS[number % len(KINDS)]
        if number % DAWDLE_EVERY == 0:
            kind = Kind("Dawdles", str(markers / f"dawdler-{number}"), '"at last"')
        instance_id = InstanceId(f"{kind.orchestrator}-{number}")
        await client.start(kind.orchestrator, instance_id=instance_id, input_=kind.input)
        if kind.event is not None:
            await client.raise_event(instance_id, kind.event, "came")
        started.append((instance_id, kind))
        await asyncio.sleep(pause_s)
    return started


async def _finish(store: AzureStore, started: dict[InstanceId, Kind]) -> list[str]:
    """Wait for all ends, then look at each history; return what is wrong."""
    left = dict(started)
    deadline = time.monotonic() + FINISH_S_MAX
    shown_at = 0.0
    while left and time.monotonic() < deadline:
        for instance_id in list(left):
            sentinel = await store.read_sentinel(instance_id)
            if sentinel and RuntimeStatus(sentinel.columns["RuntimeStatus"]).is_terminal:
                del left[instance_id]
        if time.monotonic() > shown_at + 5:
            shown_at = time.monotonic()
            print(f"{len(started) - len(left)} of {len(started)} ended", flush=True)
        await asyncio.sleep(0.2)
    wrong = [f"{instance_id} did not end" for instance_id in left]
    for instance_id, kind in started.items():
        if instance_id not in left:
            wrong += await _faults_of(store, instance_id, kind)
    return wrong


async def _faults_of(store: AzureStore, instance_id: InstanceId, kind: Kind) -> list[str]:
    snapshot = await partition.load(store, instance_id)
    record = snapshot.record
    assert record is not None
    if (record.status, record.output) != (RuntimeStatus.COMPLETED, kind.output):
        return [f"{instance_id} is {record.status.value} with {record.output}"]
    answers = Counter(answered_task_id(row.event) for row in snapshot.rows)
    del answers[None]
    scheduled = {
        row.event.event_id
        for row in snapshot.rows
        if isinstance(row.event, TaskScheduled | TimerCreated)
    }
    if set(answers) - scheduled or any(count > 1 for count in answers.values()):
        return [f"{instance_id} has answers {dict(answers)} to {sorted(scheduled)}"]
    # An episode may still be listed because another host than its sender made the next commit;
    # unsent it would be if something that the orchestration waited for had no answer.
    unsent = scheduled - set(answers) - CANCELLED.get(kind.orchestrator, set())
    return [f"{instance_id}: tasks {sorted(unsent)} were never answered"] if unsent else []


def main() -> int:
    """Read the length and run."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long hosts are killed")
    parser.add_argument("--count", type=int, default=ORCHESTRATIONS, help="how many orchestrations")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as markers:
        return asyncio.run(soak(options.seconds, options.count, Path(markers)))


if __name__ == "__main__":
    sys.exit(main())
