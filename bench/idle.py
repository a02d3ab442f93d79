"""Count what an idle host costs: storage transactions in three minutes, scaled to an hour.

Everything that passes the wire counts, empty polls above all. One host polls as our recommended
host.json says; another at most every 30 s, as DurableTask.AzureStorage does.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

from bench.counting_proxy import CREATE, counting
from bench.processes import APP, running_host
from durable.devhost.azurite import start_azurite

SETTLE_S = 65.0  # the back-off has reached its longest wait, and one sweep has run
POLLING = {"recommended, 0.5 s": "00:00:00.500", "as DurableTask.AzureStorage, 30 s": "00:00:30"}


async def count_idle(storage: str, folder: Path, polling: str, seconds: float) -> Counter[str]:
    """Run one host with this longest wait between polls; count the requests of so many seconds."""
    app = folder / polling.replace(":", "-")
    shutil.copytree(APP, app)
    host_json = json.loads((app / "host.json").read_text())
    host_json["extensions"]["queues"]["maxPollingInterval"] = polling
    (app / "host.json").write_text(json.dumps(host_json))
    hub = "Idle" + uuid.uuid4().hex[:10]
    async with counting(storage) as (connection, wire), running_host(connection, hub, app=app):
        await asyncio.sleep(SETTLE_S)
        wire.clear()
        await asyncio.sleep(seconds)
        return Counter(kind for kind, _, _ in wire.requests if kind != CREATE)


async def measure(seconds: float) -> None:
    """Print a line a setting."""
    with tempfile.TemporaryDirectory() as folder, start_azurite() as azurite:
        counts = await asyncio.gather(
            *(
                count_idle(azurite.connection_string, Path(folder), polling, seconds)
                for polling in POLLING.values()
            )
        )
    for title, counted in zip(POLLING, counts, strict=True):
        hourly = {kind: round(n * 3600 / seconds) for kind, n in sorted(counted.items())}
        shown = ", ".join(f"{kind} {n}" for kind, n in hourly.items())
        print(f"{title:34} {sum(hourly.values()):7} an hour and host: {shown}")
    print(f"{'DurableTask.AzureStorage':34} {600 + 1800 + 144:7} an hour and host, from its code")


def main() -> int:
    """Read the length and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="how long requests are counted"
    )
    asyncio.run(measure(parser.parse_args().seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
