"""Hot entity: thousands of signals from a hundred orchestrations to one entity; what each costs.

Everything that passes the wire from the first start to rest counts, but for receives that found
nothing and the creation of resources. What as many orchestrations cost that signal nobody is
measured first: the bounds are for what the signals add to that; both are told.
The entity knows each sender's last number; the count must be exact and no number out of its turn.
The size of its sentinel is what Table storage would count: two bytes a character, names and all.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench.bank import APP, DRAIN_S_MAX, SHOW_EVERY_S, read_entity, say_aloud
from bench.counting_proxy import counting
from bench.processes import opened, running_host, until_drained
from durable.client.durable_client import DurableClient
from durable.devhost.azurite import start_azurite
from durable.engine.environment import SystemEnvironment
from durable.model.codec import Columns
from durable.model.entity_ids import EntityId
from durable.model.ids import InstanceId
from durable.storage.azure.hub import AzureStore

HOT = EntityId("Hot", "one")
STILL_S_MAX = 120.0
POLL_S = 0.5
LANES = 8
TRANSACTIONS_MAX = 2.5
TABLE_TRANSACTIONS_MAX = 0.2
SENTINEL_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """What was measured. `requests`: those of the run; `idle`: those of senders without signals."""

    signals: int
    counted: int
    disorder: int
    seconds: float
    requests: Counter[str]
    idle: Counter[str]
    sentinel_bytes_max: int
    sentinel_bytes: int

    @property
    def per_signal(self) -> float:
        """Storage transactions that a signal adds."""
        return (self.requests.total() - self.idle.total()) / self.signals

    @property
    def tables_per_signal(self) -> float:
        """Of those, the ones to Table storage."""
        return (_tables(self.requests) - _tables(self.idle)) / self.signals

    @property
    def figure(self) -> str:
        """What is told of it."""
        with_senders = self.requests.total() / self.signals
        tables_with_senders = _tables(self.requests) / self.signals
        return (
            f"{self.signals} signals to one entity, {self.signals / self.seconds:.0f} a second: "
            f"{self.per_signal:.2f} storage transactions each (at most {TRANSACTIONS_MAX}), "
            f"{self.tables_per_signal:.3f} of them to tables (at most {TABLE_TRANSACTIONS_MAX}); "
            f"with all that their senders cost {with_senders:.2f} and {tables_with_senders:.3f}; "
            f"sentinel {self.sentinel_bytes_max} bytes at most, {self.sentinel_bytes} at rest "
            f"(less than {SENTINEL_BYTES_MAX})"
        )

    @property
    def faults(self) -> list[str]:
        """Say what is wrong."""
        checks = {
            f"{self.counted} counted of {self.signals}": self.counted == self.signals,
            f"{self.disorder} out of order": self.disorder == 0,
            "too many transactions": self.per_signal <= TRANSACTIONS_MAX,
            "too many table transactions": self.tables_per_signal <= TABLE_TRANSACTIONS_MAX,
            "the sentinel is too large": self.sentinel_bytes_max < SENTINEL_BYTES_MAX,
        }
        return [what for what, is_right in checks.items() if not is_right]


def _tables(requests: Counter[str]) -> int:
    return sum(count for kind, count in requests.items() if kind.startswith("table"))


async def measure(
    direct: str, hub: str, *, senders: int, each: int, say: Callable[[str], None]
) -> Heat:
    """Let the senders signal, on the storage of this connection string; count until rest."""
    async with (
        counting(direct) as (storage, wire),
        running_host(storage, hub, app=APP),
        opened(direct, hub) as reader,
        opened(storage, hub) as store,
    ):
        client = DurableClient(store, SystemEnvironment())
        await _start(client, "warm-up", senders=1, each=0)
        await until_drained(direct, hub, timeout_s=DRAIN_S_MAX)
        wire.clear()
        await _start(client, "idle", senders=senders, each=0)
        await until_drained(direct, hub, timeout_s=DRAIN_S_MAX)
        idle = wire.counts()
        wire.clear()
        began = time.monotonic()
        await _start(client, "sender", senders=senders, each=each)
        sizes = await _until_counted(reader, senders * each, say)
        seconds = time.monotonic() - began
        await until_drained(direct, hub, timeout_s=DRAIN_S_MAX)
        requests = wire.counts()
        sizes.append(await sentinel_bytes(reader))
        state = await _read_state(reader)
    return Heat(
        signals=senders * each,
        counted=state["count"],
        disorder=state["disorder"],
        seconds=seconds,
        requests=requests,
        idle=idle,
        sentinel_bytes_max=max(sizes),
        sentinel_bytes=sizes[-1],
    )


async def _start(client: DurableClient, prefix: str, *, senders: int, each: int) -> None:
    async def lane(numbers: range) -> None:
        for number in numbers:
            order = {"sender": str(number), "count": each, "burst": max(1, each)}
            await client.start("Sender", instance_id=f"{prefix}-{number}", input_=order)

    await asyncio.gather(*(lane(range(senders)[first::LANES]) for first in range(LANES)))


async def _until_counted(store: AzureStore, signals: int, say: Callable[[str], None]) -> list[int]:
    """Wait until all are counted, or nothing moves; give the sizes that were seen meanwhile."""
    sizes = [0]
    counted, moved_at = 0, time.monotonic()
    began = shown_at = moved_at
    while counted < signals and time.monotonic() < moved_at + STILL_S_MAX:
        await asyncio.sleep(POLL_S)
        now = time.monotonic()
        sizes.append(await sentinel_bytes(store))
        count = (await _read_state(store))["count"]
        if count > counted:
            counted, moved_at = count, now
        if now >= shown_at + SHOW_EVERY_S:
            shown_at = now
            say(f"{now - began:4.0f} s; {counted} of {signals} counted, {sizes[-1]} bytes")
    return sizes


async def _read_state(store: AzureStore) -> dict[str, int]:
    record = await read_entity(store, HOT)
    text = None if record is None else record.state
    state: dict[str, int] = json.loads(text) if text else {"count": 0, "disorder": 0}
    return state


async def sentinel_bytes(store: AzureStore) -> int:
    """Count the entity's sentinel as Table storage does, its keys left out."""
    row = await store.read_sentinel(InstanceId(str(HOT)))
    return 0 if row is None else _row_bytes(row.columns)


def _row_bytes(columns: Columns) -> int:
    texts = sum(4 + 2 * len(value) for value in columns.values() if isinstance(value, str))
    others = 16 * sum(not isinstance(value, str) for value in columns.values())
    return 4 + sum(8 + 2 * len(name) for name in columns) + texts + others


async def soak(senders: int, each: int) -> int:
    """Measure on an emulator of its own; 0 if everything is as it must be."""
    with start_azurite() as azurite:
        hub = "Hot" + uuid.uuid4().hex[:10]
        heat = await measure(
            azurite.connection_string, hub, senders=senders, each=each, say=say_aloud
        )
    print(heat.figure)
    print("    " + ", ".join(f"{kind} {n}" for kind, n in sorted(heat.requests.items())))
    for fault in heat.faults:
        print(f"  WRONG: {fault}")
    return 1 if heat.faults else 0


def main() -> int:
    """Read the size and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.hot_entity", description=__doc__)
    parser.add_argument("--senders", type=int, default=100)
    parser.add_argument("--each", type=int, default=50, help="signals of each")
    options = parser.parse_args()
    return asyncio.run(soak(options.senders, options.each))


if __name__ == "__main__":
    sys.exit(main())
