"""Every single fault: each storage call of a program goes wrong once in each way. And pairs.

Exhaustive for one schedule; another seed has other calls. Pairs are too many, so they are drawn.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from durable.testing.programs.handwritten import NAMED
from durable.testing.programs.syntax import Program
from durable.testing.simulation.experiment import Experiment, Setting, run
from durable.testing.simulation.tally import Tally
from durable.testing.world.faults import Call, Fault, FaultKind, single_faults
from durable.testing.world.schedule import Schedule

FULL_SEED = 1
# Where a program is about large commits, transactions are small.
SETTINGS = {
    "fan-out of 25": Setting(rows_per_transaction_max=10, rows_per_page_max=16),
    "bursts": Setting(rows_per_transaction_max=3, rows_per_page_max=4),
    "two instances": Setting(hosts=3, skew_s=45),
    "clock between timers": Setting(hosts=3, skew_s=-45),
    "sequence of 5": Setting(other_code=True),
    "large values in bursts": Setting(rows_per_transaction_max=3),
    "large values behind a lock": Setting(rows_per_transaction_max=3),
    "failure, caught": Setting(patience_s=0),
    "custom status, kept": Setting(deliveries_max=1),
    "sent to what starts later": Setting(messages_at_once=8, rows_per_transaction_max=3),
    "event left over a chain of many executions": Setting(rows_per_transaction_max=10),
    "two parents, one child id": Setting(hosts=3, skew_s=45),
    "children in a fan-out": Setting(rows_per_transaction_max=3, rows_per_page_max=4),
    "child of a child": Setting(other_code=True),
    "one id, two children in turn": Setting(patience_s=0),
    "continued as new, unread events kept": Setting(rows_per_transaction_max=3),
    "child that continues as new": Setting(deliveries_max=1),
    "calls and signals of one sender, in order": Setting(messages_at_once=8, operations_at_once=2),
    "an entity signals another and itself": Setting(rows_per_transaction_max=3),
    "a signal for later": Setting(hosts=3, skew_s=-45),
    "a signal for later, into a section": Setting(hosts=3, skew_s=45),
    "a transfer between two accounts, and an audit": Setting(style="async def"),
    "two lockers in opposite order": Setting(patience_s=0),
    "three lockers in a ring": Setting(hosts=3, style="async def"),
    "a signal, then a lock, then a call": Setting(rows_per_transaction_max=3),
    "an error inside a section, caught outside": Setting(style="async def"),
    "broken rules, caught inside": Setting(style="async def"),
    "terminated inside a section": Setting(deliveries_max=1),
    "a lock of a hot entity": Setting(messages_at_once=8, rows_per_transaction_max=3),
    "a section of a child": Setting(other_code=True),
    "signals of two senders": Setting(messages_at_once=1),
}


def setting_of(program: Program) -> Setting:
    """Give the setting in which a program written by hand is run."""
    return SETTINGS.get(program.name, Setting())


def plain(name: str, seed: int) -> Experiment:
    """Give the experiment without faults of a program written by hand."""
    program = NAMED[name]
    return Experiment(program, Schedule(seed), setting_of(program))


def label_of(experiment: Experiment) -> str:
    """Name an experiment of a program written by hand, under the seed of the full run."""
    faults = ",".join(f"{fault.call}:{fault.kind.name}" for fault in experiment.faults)
    return f"{experiment.program.name} @ {faults}"


def labelled(label: str) -> Experiment:
    """Give the experiment of a label. `KeyError` or `ValueError` for what is none."""
    name, _, listed = label.partition(" @ ")
    pairs_of_text = [each.split(":") for each in listed.split(",") if each]
    return _with(
        plain(name, seed=FULL_SEED),
        *(Fault(int(call), FaultKind[kind]) for call, kind in pairs_of_text),
    )


def singles(experiment: Experiment, calls: Sequence[Call]) -> Iterator[Experiment]:
    """List the experiment with every single fault of these calls."""
    for fault in single_faults(calls):
        yield _with(experiment, fault)


def some_singles(
    experiment: Experiment, calls: Sequence[Call], *, seed: int
) -> Iterator[Experiment]:
    """List the experiment with the single faults of these calls, in an order of chance."""
    faults = list(single_faults(calls))
    random.Random(seed).shuffle(faults)  # noqa: S311
    for fault in faults:
        yield _with(experiment, fault)


def pairs(experiment: Experiment, calls: Sequence[Call], *, seed: int) -> Iterator[Experiment]:
    """Draw pairs of faults, for ever. The second may fall on a call that the first has led to."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        first, second = sorted(chance.randrange(2 * len(calls)) for _ in range(2))
        yield _with(experiment, _drawn(chance, calls, first), _drawn(chance, calls, second))


def _drawn(chance: random.Random, calls: Sequence[Call], number: int) -> Fault:
    # What a call behind the plain run's last will be, nobody knows: any kind of fault may fit.
    kinds = calls[number].kinds() if number < len(calls) else tuple(FaultKind)
    return Fault(number, chance.choice(kinds))


def _with(experiment: Experiment, *faults: Fault) -> Experiment:
    return replace(experiment, faults=faults)


def run_all(
    experiments: Iterator[Experiment],
    tally: Tally,
    *,
    failed: Callable[[Experiment, Exception], None],
) -> None:
    """Run them, count them, and tell of each that fails."""
    for experiment in experiments:
        try:
            tally.add(experiment, run(experiment))
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
            failed(experiment, error)
