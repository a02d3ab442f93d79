"""The same experiment is the same run, byte for byte: in another process, with other hashes."""

import os
import subprocess
import sys
from pathlib import Path

from durable.testing.programs.handwritten import NAMED
from durable.testing.simulation.experiment import Experiment, Setting, transcript_of
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule

PROGRAM = "fan-out of 8"
FAULTS = (Fault(9, FaultKind.FREEZE_AFTER), Fault(30, FaultKind.UNKNOWN_APPLIED_LATE))
SCRIPT = """
from tests.simulation.test_same_run import experiment, transcript_of
print(transcript_of(experiment(int(input()))))
"""


def experiment(seed: int) -> Experiment:
    """One with several hosts and faults."""
    return Experiment(NAMED[PROGRAM], Schedule(seed), Setting(hosts=3), FAULTS)


def elsewhere(seed: int, *, hash_seed: str) -> str:
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=str(seed),
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()


def test_the_same_seed_gives_the_same_run_in_any_process() -> None:
    """Every storage call, every commit, every message: the digest of all of it is equal."""
    here = transcript_of(experiment(7))
    assert here == transcript_of(experiment(7))
    assert here == elsewhere(7, hash_seed="1") == elsewhere(7, hash_seed="2")


def test_another_seed_gives_another_run() -> None:
    """The digest tells runs apart, so that the test above can fail."""
    assert transcript_of(experiment(7)) != transcript_of(experiment(8))
