"""`make mutants`: every seeded bug meets the experiments of `make simulate`, until one shows it.

Prints, for each, which oracle saw it and after how many experiments. Ends with 1 if one survives.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from durable.testing.simulation.batch import run_batch
from durable.testing.simulation.experiment import run
from tests.mutants.catalogue import MUTANTS, Mutant
from tests.simulation.drills import DRILLS

SECONDS_MAX = 100.0  # of one processor; `make simulate` takes 50 on each of two
FIRST_SEED = 1


@dataclass(frozen=True, slots=True)
class Hunt:
    """How one mutant fared, in seconds of one processor. `oracle` is `None` if it survived."""

    name: str
    oracle: str | None
    experiments: int
    seconds: float
    text: str = ""


def hunt(name: str, *, seconds_max: float = SECONDS_MAX) -> Hunt:
    """Let a mutant meet the drills, then batch after batch, until one shows it or time is up."""
    mutant = next(each for each in MUTANTS if each.name == name)
    begun_at = time.process_time()
    with mutant.applied():
        for drill in DRILLS:
            try:
                drill()
            except Exception as error:  # noqa: BLE001  (any error is a sign)
                seconds = time.process_time() - begun_at
                return Hunt(name, f"{_oracle(error)} (drill)", 1, seconds, str(error))
    experiments, seed = 0, FIRST_SEED
    while time.process_time() - begun_at < seconds_max:
        with mutant.applied():
            batch = run_batch(seed, shrinks=False)
        experiments += batch.tally.experiments
        if batch.finding is not None:
            experiment, oracle, text = batch.finding
            seconds = time.process_time() - begun_at
            try:
                run(experiment)
            except Exception as error:  # noqa: BLE001  (the right engine must stand it)
                return Hunt(name, None, experiments + 1, seconds, f"{error}\n{experiment}")
            return Hunt(name, oracle, experiments + 1, seconds, text)
        seed += 1
    return Hunt(name, None, experiments, time.process_time() - begun_at)


def _oracle(error: Exception) -> str:
    return str(getattr(error, "oracle", type(error).__name__))


def main(names: Iterable[str]) -> int:
    """Hunt all, or those whose names begin so; give the exit code."""
    wanted = tuple(names)
    mutants = [each for each in MUTANTS if not wanted or each.name.startswith(wanted)]
    print(f"{'mutant':55} {'rule':10} {'caught by':24} {'after':>6} {'s':>6}")
    survivors: list[Mutant] = []
    # Injected faults would log a line each.
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=logging.disable, initargs=(logging.CRITICAL,)
    ) as pool:
        for mutant, found in zip(mutants, pool.map(hunt, [m.name for m in mutants]), strict=True):
            oracle = found.oracle or "SURVIVES"
            print(
                f"{mutant.name:55} {mutant.rule[:10]:10} {oracle:24} "
                f"{found.experiments:6} {found.seconds:6.1f}",
                flush=True,
            )
            if found.oracle is None:
                survivors.append(mutant)
                if found.text:
                    print(f"    but the right engine fails this too: {found.text}")
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} seeded bugs are caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
