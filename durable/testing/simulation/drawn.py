"""Experiments drawn by Hypothesis: program, schedule, setting and faults as one value that shrinks.

The simplest of everything comes first, so that what is left of a finding is the smallest program,
the plainest schedule and the fewest faults that still show it.
"""

from hypothesis import strategies as st

from durable.testing.programs.code import STYLES
from durable.testing.programs.confluent_sections import confluent_sections
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.handwritten import SECTION_PROGRAMS, WRITTEN
from durable.testing.programs.lock_strategies import programs_with_sections
from durable.testing.programs.strategies import confluent_programs, programs
from durable.testing.programs.syntax import Program
from durable.testing.simulation.exhaustive import setting_of
from durable.testing.simulation.experiment import Experiment, Setting
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule

CALLS_MAX = 120
# The big ones are looked at by `exhaustive`; here many small runs find more.
LARGE = ("fan-out of 25", "bursts", "started for much later")
SMALL = tuple(program for program in (*WRITTEN, *SECTION_PROGRAMS) if program.name not in LARGE)


def schedules() -> st.SearchStrategy[Schedule]:
    """Draw a schedule: the plain one, a seed, and some calls that take longer."""
    delays = st.lists(st.tuples(st.integers(0, CALLS_MAX), st.integers(1, 100)), max_size=3)
    return st.builds(Schedule, st.integers(0, 10_000), st.builds(tuple, delays))


def faults() -> st.SearchStrategy[tuple[Fault, ...]]:
    """Draw up to three faults; one that falls on a call which it does not fit does nothing."""
    # Most runs have less than 60 calls before everything is delivered again.
    call = st.one_of(*[st.integers(0, most) for most in (20, 40, 60, CALLS_MAX)])
    fault = st.builds(Fault, call, st.sampled_from(FaultKind))
    return st.builds(tuple, st.lists(fault, max_size=3, unique_by=lambda each: each.call))


@st.composite
def settings(draw: st.DrawFn, *, faults: int) -> Setting:
    """Draw how the hub is set up for so many faults."""
    # A message that two faults hit may be given up twice, and then its instance is rightly parked.
    deliveries = (5, 5, 1) if faults <= 1 else (5,)
    return Setting(
        hosts=draw(st.sampled_from((2, 1, 3))),
        messages_at_once=draw(st.sampled_from((4, 1, 8))),
        rows_per_transaction_max=draw(st.sampled_from((100, 3, 5))),
        rows_per_page_max=draw(st.sampled_from((1000, 4))),
        skew_s=draw(st.sampled_from((0, 45, -45))),
        other_code=draw(st.sampled_from((False,) * 7 + (True,))),
        patience_s=draw(st.sampled_from((120, 120, 0))),
        deliveries_max=draw(st.sampled_from(deliveries)),
        style=draw(st.sampled_from(STYLES)),
        operations_at_once=draw(st.sampled_from((200, 1, 3))),
    )


def random_programs() -> st.SearchStrategy[Program]:
    """Draw a program.

    Of one orchestration, or of several instances, executions and lives; or rich in locks.
    """
    return st.one_of(
        confluent_programs(),
        programs(),
        confluent_programs(has_children=True),
        family_programs(),
        confluent_sections(),
        programs_with_sections(),
    )


@st.composite
def experiments(draw: st.DrawFn) -> tuple[Experiment, ...]:
    """Draw a program, random most of the time, and a few ways to run it."""
    is_by_hand = draw(st.integers(0, 2)) == 1
    program = draw(st.sampled_from(SMALL) if is_by_hand else random_programs())
    drawn = []
    for _ in range(draw(st.sampled_from((1, 4, 4)))):
        wrong = draw(faults())
        setting = draw(settings(faults=len(wrong)))
        if is_by_hand and draw(st.booleans()):
            setting = setting_of(program)
        drawn.append(Experiment(program, draw(schedules()), setting, wrong))
    return tuple(drawn)


class Sealed:
    """Experiments that Hypothesis does not print: its printer takes half a minute for one."""

    def __init__(self, experiments: tuple[Experiment, ...]) -> None:
        """Hold them."""
        self.experiments = experiments

    def __repr__(self) -> str:
        """Say nothing of them."""
        return "experiments"


@st.composite
def sealed_experiments(draw: st.DrawFn) -> Sealed:
    """Draw some, sealed."""
    return Sealed(draw(experiments()))
