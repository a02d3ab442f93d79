"""Experiments drawn by Hypothesis: program, schedule, setting and faults as one value that shrinks.

The simplest of everything comes first, so that what is left of a finding is the smallest program,
the plainest schedule and the fewest faults that still show it.
"""

from hypothesis import strategies as st

from durable.testing.programs.handwritten import HANDWRITTEN
from durable.testing.programs.strategies import confluent_programs, programs
from durable.testing.simulation.exhaustive import setting_of
from durable.testing.simulation.experiment import Experiment, Setting
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule

CALLS_MAX = 120
# The big ones are looked at by `exhaustive`; here many small runs find more.
SMALL = tuple(program for program in HANDWRITTEN if program.name not in ("fan-out of 25", "bursts"))


def schedules() -> st.SearchStrategy[Schedule]:
    """Draw a schedule: the plain one, a seed, and some calls that take longer."""
    delays = st.lists(st.tuples(st.integers(0, CALLS_MAX), st.integers(1, 100)), max_size=3)
    return st.builds(Schedule, st.integers(0, 10_000), st.builds(tuple, delays))


def faults() -> st.SearchStrategy[tuple[Fault, ...]]:
    """Draw up to three faults; one that falls on a call which it does not fit does nothing."""
    fault = st.builds(Fault, st.integers(0, CALLS_MAX), st.sampled_from(FaultKind))
    return st.builds(tuple, st.lists(fault, max_size=3, unique_by=lambda each: each.call))


def settings() -> st.SearchStrategy[Setting]:
    """Draw how the hub is set up."""
    return st.builds(
        Setting,
        hosts=st.sampled_from((2, 1, 3)),
        messages_at_once=st.sampled_from((4, 1, 8)),
        rows_per_transaction_max=st.sampled_from((100, 3, 5)),
        rows_per_page_max=st.sampled_from((1000, 4)),
        skew_s=st.sampled_from((0, 45, -45)),
        other_code=st.sampled_from((False, False, False, True)),
    )


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """Draw an experiment, of a random program most of the time."""
    if draw(st.integers(0, 3)) == 1:
        program = draw(st.sampled_from(SMALL))
        setting = draw(st.one_of(st.just(setting_of(program)), settings()))
    else:
        program = draw(st.one_of(confluent_programs(), programs()))
        setting = draw(settings())
    return Experiment(program, draw(schedules()), setting, draw(faults()))
