"""`make mutants`: every seeded bug meets what may show it, until something does.

Prints, for each, what saw it (an oracle, or a test by its name), after how many experiments and
seconds of one processor. Ends with 1 if one survives.
"""

import logging
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.mutants.catalogue import MUTANTS, Mutant
from tests.mutants.hunting import Hunt, hunt


def hunt_named(name: str) -> Hunt:
    """Hunt the mutant of this name; names go from process to process."""
    return hunt(next(mutant for mutant in MUTANTS if mutant.name == name))


def main(names: Iterable[str]) -> int:
    """Hunt all, or those whose names begin so; give the exit code."""
    wanted = tuple(names)
    mutants = [each for each in MUTANTS if not wanted or each.name.startswith(wanted)]
    print(f"{'mutant':50} {'rule':10} {'after':>6} {'s':>6}  caught by")
    survivors: list[Mutant] = []
    # Injected faults would log a line each.
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=logging.disable, initargs=(logging.CRITICAL,)
    ) as pool:
        found_each = pool.map(hunt_named, [mutant.name for mutant in mutants])
        for mutant, found in zip(mutants, found_each, strict=True):
            print(
                f"{mutant.name:50} {mutant.rule[:10]:10} {found.experiments:6} "
                f"{found.seconds:6.1f}  {found.oracle or 'SURVIVES'}",
                flush=True,
            )
            if found.oracle is None:
                survivors.append(mutant)
                if found.text:
                    print(f"    {found.text}")
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} seeded bugs are caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
