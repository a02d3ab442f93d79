"""Rehearse: run an app's own orchestration under every single fault, in a unit test.

    def test_my_orchestration_survives_everything():
        rehearse(registry, start_it_and_raise_its_events)

Every storage call that the run makes goes wrong once in every way; afterwards each message is
delivered once more. Invariants are checked at each call, decisions against a replay from scratch.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Any

from durable.engine.registry import Registry
from durable.testing.oracles.models import ReplayModel
from durable.testing.oracles.violation import Violation
from durable.testing.simulation.observed import Sighting, observe
from durable.testing.world.faults import Fault, single_faults
from durable.testing.world.schedule import Schedule
from durable.testing.world.world import World

Drive = Callable[[World], Awaitable[None]]


def rehearse(
    registry: Registry,
    drive: Drive,
    *,
    check: Callable[[World], None] | None = None,
    seed: int = 1,
    every: int = 1,
    **options: Any,
) -> Counter[str]:
    """Run without a fault, then with each single one; count the experiments by kind of fault.

    `drive` does what callers do (`world.as_client`); the world is run to rest behind it. `check`
    looks at the world at rest. With `every` only each so-manieth fault is tried, where all take too
    long. `options` are `World`'s. Raises `Violation` naming the fault.
    """
    plain = _run(registry, drive, (), check=check, seed=seed, options=options)
    counts: Counter[str] = Counter()
    for fault in islice(single_faults(plain.calls), 0, None, every):
        try:
            _run(registry, drive, (fault,), check=check, seed=seed, options=options)
        except Exception as error:
            call = plain.calls[fault.call]
            raise Violation(
                getattr(error, "oracle", "check"),
                f"seed {seed}, call {fault.call} ({call.actor}: {call.kind}), "
                f"{fault.kind.value}: {error}",
            ) from error
        counts[fault.kind.value] += 1
    return counts


def _run(
    registry: Registry,
    drive: Drive,
    faults: Iterable[Fault],
    *,
    check: Callable[[World], None] | None,
    seed: int,
    options: dict[str, Any],
) -> Sighting:
    with World(registry, schedule=Schedule(seed), faults=faults, **options) as world:
        seen = observe(world, drive, ReplayModel(registry))
        if check is not None:
            check(world)
        return seen
