"""Count what one orchestration costs: storage transactions and sequential round trips.

Everything that passes the wire counts, the host's receives and deletes among it; not counted are
receives that found nothing, and the creation of resources. The bounds are those of this stage.
"""

import asyncio
import sys
from dataclasses import dataclass

from bench.counting_proxy import Wire
from bench.rig import Rig, rig
from durable.devhost.azurite import start_azurite


@dataclass(frozen=True, slots=True)
class Case:
    """One orchestration, what it may cost, and what DurableTask.AzureStorage's code needs."""

    title: str
    orchestrator: str
    width: int
    bound: float
    reference: str
    per_activity: bool = False


CASES = (
    Case("sequence of 5", "Count", 5, 46, "54"),
    Case("sequence of 10", "Count", 10, 81, "99"),
    Case("fan-out of 100, an activity", "Fan", 100, 4.6, "5.2 to 11", per_activity=True),
)


async def measure(running: Rig, case: Case) -> tuple[float, Wire]:
    """Run it once and count."""
    running.wire.clear()
    status = await running.complete(case.orchestrator, case.width)
    assert status["runtimeStatus"] == "Completed", status
    total = running.wire.total
    return (total / case.width if case.per_activity else total), running.wire


async def main() -> int:
    """Print a line a case; 1 if one is over its bound."""
    is_over = False
    with start_azurite() as azurite:
        async with rig(azurite.connection_string) as running:
            await running.complete("Count", 1)  # resources, connections, imports
            heads = f"{'transactions':>13}{'bound':>8}{'round trips':>13}"
            print(f"{'':30}{heads}  DurableTask.AzureStorage")
            for case in CASES:
                cost, wire = await measure(running, case)
                is_over |= cost > case.bound
                shown = f"{cost:.2f}" if case.per_activity else f"{cost:.0f}"
                print(
                    f"{case.title:30}{shown:>13}{case.bound:>8}{wire.round_trips():>13}"
                    f"  {case.reference}"
                )
                kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(wire.counts().items()))
                print(f"{'':4}{kinds}", flush=True)
    return 1 if is_over else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
