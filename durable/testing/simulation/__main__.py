"""Command line: `python -m durable.testing.simulation`; `make simulate` hands its variables on.

With `--seed` one batch is run again, with `--again` one experiment of the full run. With `--full`
every single fault of the programs written by hand, and pairs of faults. Otherwise random programs,
schedules and faults, for as long as it says.
Ends with 1 if anything was violated, and says which command shows it again.
"""

import argparse
import logging
import pprint
import random
import sys
import time
from collections.abc import Callable

from durable.testing.simulation.batch import run_batch
from durable.testing.simulation.campaign import (
    Finding,
    Report,
    explore,
    run_again,
    run_everything,
)
from durable.testing.simulation.exhaustive import label_of

DEFAULT_SECONDS = 50.0
PROGRESS_EVERY_S = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m durable.testing.simulation", description=__doc__
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--minutes", type=float, help="how long to look for violations")
    choice.add_argument("--seed", type=int, help="run the batch of this seed once more")
    choice.add_argument("--full", action="store_true", help="every single fault, and pairs")
    choice.add_argument("--again", help="run one experiment of the full run once more")
    parser.add_argument(
        "--only", action="append", default=[], help="with --full: programs whose names begin so"
    )
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # thousands of injected faults would log thousands of lines
    begun_at = time.monotonic()
    if options.seed is not None:
        report = Report()
        report.take(run_batch(options.seed))
    elif options.again is not None:
        report = run_again(options.again)
    elif options.full:
        report = run_everything(_progress(begun_at), options.only)
    else:
        seconds = DEFAULT_SECONDS if options.minutes is None else 60 * options.minutes
        first = random.SystemRandom().randrange(1_000_000)
        print(f"random programs for {seconds:.0f} s, seeds from {first}", file=sys.stderr)
        report = explore(first, seconds, _progress(begun_at))
    _print(report, time.monotonic() - begun_at)
    return 1 if report.findings else 0


def _progress(begun_at: float) -> Callable[[Report], None]:
    last = [begun_at]

    def tell(report: Report) -> None:
        now = time.monotonic()
        if now - last[0] >= PROGRESS_EVERY_S:
            last[0] = now
            print(
                f"{now - begun_at:5.0f} s {report.tally.experiments:9,} experiments, "
                f"{len(report.findings)} violations",
                file=sys.stderr,
                flush=True,
            )

    return tell


def _print(report: Report, seconds: float) -> None:
    for name, count in sorted(report.lists.items()):
        print(f"{count:12,} {name}")
    if report.lists:
        print(f"{report.lists.total():12,} of these lists in all")
    for line in report.tally.lines():
        print(line)
    print(f"{len(report.findings):12,} violations, in {seconds:.0f} s")
    for finding in report.findings:
        _print_finding(finding)


def _print_finding(finding: Finding) -> None:
    experiment = finding.experiment
    print(f"\n{finding.text}\n")
    print(pprint.pformat(experiment, width=100, sort_dicts=False))
    again = (
        f"SEED={finding.seed}" if finding.seed is not None else f"AGAIN='{label_of(experiment)}'"
    )
    print(f"\nTo see it again: make simulate {again}")


if __name__ == "__main__":
    sys.exit(main())
