"""Hunt: let one mutant meet what may show it, until something does.

First the places that the mutant itself names: programs, under many schedules and single faults, or
tests. Then two programs where most show, the drills, and the random batches of `make simulate`.
What shows a mutant must be stood by the right engine, or it shows nothing.
"""

import contextlib
import io
import random
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import pytest

from durable.testing.programs.syntax import Program
from durable.testing.simulation.batch import run_batch
from durable.testing.simulation.exhaustive import pairs, setting_of, some_singles
from durable.testing.simulation.experiment import Experiment, Setting, run
from durable.testing.world.faults import Call
from durable.testing.world.schedule import Schedule
from tests.mutants.grounds import ALL_NAMED
from tests.mutants.mutant import Mutant
from tests.simulation.drills import DRILLS

# The plugin of hypothesis refuses to be loaded where something was drawn: by a hunt before this.
NO_PLUGIN = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
PYTEST = ("-q", "-x", "-n", "0", *NO_PLUGIN, "--assert=plain")
SECONDS_MAX = 100.0  # of one processor; `make simulate` takes 50 on each of two
SECONDS_WHERE_IT_SHOWS = 15.0
SECONDS_WHERE_MOST_SHOW = 3.0
FIRST_SEED = 1
USUAL = ("failure, caught", "race, then its loser")
QUICK_DRILLS = 4  # the first of them take no time
PLAIN_RUNS = 4  # between those with faults
FAULTY_RUNS = 60

SETTINGS = (
    Setting(),
    Setting(hosts=3, messages_at_once=1),
    Setting(hosts=1, messages_at_once=8),
    Setting(hosts=3, rows_per_transaction_max=3, rows_per_page_max=4),
)


@dataclass(frozen=True, slots=True)
class Hunt:
    """How one mutant fared, in seconds of one processor. `oracle` is `None` if it survived."""

    name: str
    oracle: str | None
    experiments: int
    seconds: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Sign:
    """What an experiment showed: the oracle that saw it, what it said, and how to have it again."""

    oracle: str
    text: str
    again: Callable[[], object]


class _Hunter:
    """Counts what one mutant has met."""

    def __init__(self, mutant: Mutant, seconds_max: float) -> None:
        self._mutant = mutant
        self._begun_at = time.process_time()
        self._seconds_max = seconds_max
        self.experiments = 0

    @property
    def seconds(self) -> float:
        """What it took so far."""
        return time.process_time() - self._begun_at

    def signs(self) -> Iterator[_Sign]:
        """Try everything, the likely first; give what shows."""
        for name in self._mutant.programs:
            yield from self._at(ALL_NAMED[name], SECONDS_WHERE_IT_SHOWS)
        for test_id in self._mutant.tests:
            yield from self._at_test(test_id)
        if self._mutant.is_for_tests:
            return
        for drill in DRILLS[:QUICK_DRILLS]:
            yield from self._meet(drill)
        for name in USUAL:
            yield from self._at(ALL_NAMED[name], SECONDS_WHERE_MOST_SHOW)
        for drill in DRILLS[QUICK_DRILLS:]:
            yield from self._meet(drill)
        yield from self._in_batches()

    def _at(self, program: Program, seconds: float) -> Iterator[_Sign]:
        """Many schedules, plain and with faults, until its time is up."""
        ends_at = min(self.seconds + seconds, self._seconds_max)
        for number in count(FIRST_SEED):
            for experiment in self._experiments(program, number):
                if self.seconds > ends_at:
                    return
                yield from self._meet(lambda experiment=experiment: run(experiment))  # type: ignore[misc]

    def _experiments(self, program: Program, number: int) -> Iterator[Experiment]:
        """A few plain ones, then one of them with some of its single faults, and with pairs."""
        settings = (setting_of(program), *SETTINGS)
        seeds = range(number * PLAIN_RUNS, (number + 1) * PLAIN_RUNS)
        for seed in seeds:
            yield Experiment(program, Schedule(seed), settings[seed % len(settings)])
        chance = random.Random(number)
        seed = chance.choice(seeds)
        one = Experiment(program, Schedule(seed), settings[number % len(settings)])
        calls = self._calls_of(one)
        yield from islice(some_singles(one, calls, seed=number), FAULTY_RUNS)
        yield from islice(pairs(one, calls, seed=number), FAULTY_RUNS // 4)

    @staticmethod
    def _calls_of(one: Experiment) -> tuple[Call, ...]:
        return run(one).calls

    def _in_batches(self) -> Iterator[_Sign]:
        for seed in count(FIRST_SEED):
            if self.seconds > self._seconds_max:
                return
            with self._mutant.applied():
                batch = run_batch(seed, shrinks=False)
            self.experiments += batch.tally.experiments
            if batch.finding is not None:
                self.experiments += 1
                experiment, oracle, text = batch.finding
                yield _Sign(oracle, text, lambda experiment=experiment: run(experiment))  # type: ignore[misc]

    def _meet(self, experiment: Callable[[], object]) -> Iterator[_Sign]:
        self.experiments += 1
        try:
            with self._mutant.applied():
                experiment()
        except Exception as error:  # noqa: BLE001  (any error is a sign)
            oracle = str(getattr(error, "oracle", type(error).__name__))
            yield _Sign(oracle, str(error), experiment)

    def _at_test(self, test_id: str) -> Iterator[_Sign]:
        """Run a test twice: the first time, without the mutant, imports what is right."""
        again = lambda: _expect_passed(test_id)  # noqa: E731
        again()
        self.experiments += 1
        with self._mutant.applied():
            outcome, _ = _run_test(test_id)
        if outcome == pytest.ExitCode.TESTS_FAILED:
            yield _Sign(test_id.rpartition("::")[2], test_id, again)


def hunt(mutant: Mutant, *, seconds_max: float = SECONDS_MAX) -> Hunt:
    """Let a mutant meet one thing after another, until one shows it or time is up."""
    hunter = _Hunter(mutant, seconds_max)
    for sign in hunter.signs():
        try:
            sign.again()
        except Exception as error:  # noqa: BLE001  (the right engine must stand it)
            text = f"the right engine fails this too: {error}"
            return Hunt(mutant.name, None, hunter.experiments, hunter.seconds, text)
        return Hunt(mutant.name, sign.oracle, hunter.experiments, hunter.seconds, sign.text)
    return Hunt(mutant.name, None, hunter.experiments, hunter.seconds)


def _run_test(test_id: str) -> tuple[int, str]:
    said = io.StringIO()
    quietly = contextlib.redirect_stdout(said)
    with quietly, contextlib.redirect_stderr(said), warnings.catch_warnings():
        return pytest.main([*PYTEST, test_id]), said.getvalue()


def _expect_passed(test_id: str) -> None:
    outcome, said = _run_test(test_id)
    if outcome != pytest.ExitCode.OK:
        raise AssertionError(f"{test_id} ends with {outcome}: {said[-2000:]}")
