"""The direct run beside the specification: two readings of one language, made independently."""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from durable.testing.programs.confluent_sections import confluent_sections
from durable.testing.programs.direct import end_directly
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.handwritten import CONFLUENT, NAMED
from durable.testing.programs.lock_strategies import programs_with_sections
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.strategies import confluent_programs, programs
from durable.testing.programs.syntax import Clock, Program
from durable.testing.specification.outcomes import Outcome, TooManyStates, one_outcome, outcomes

PROFILE = settings(max_examples=40, derandomize=True, deadline=None, database=None)
STATES_MAX = 200


def direct_outcome(program: Program) -> Outcome:
    """Put the direct results into the specification's words; both styles of code come to them."""
    end = end_directly(program)
    assert end_directly(program, style="async def") == end
    instances = ((r.instance_id, r.status, r.value, r.custom_status) for r in end.instances)
    return Outcome(tuple(instances), end.entities)


@pytest.mark.parametrize("program", NAMED.values(), ids=lambda program: program.name)
def test_a_program_written_by_hand_ends_as_the_specification_allows(program: Program) -> None:
    """The direct outcome is among those specified; a program said to have one has no other."""
    specified = outcomes(program)
    assert direct_outcome(program) in specified
    if program.name in CONFLUENT:
        assert len(specified) == 1


@PROFILE
@given(
    program=st.one_of(
        confluent_programs(), confluent_programs(has_children=True), confluent_sections()
    ),
    seed=st.integers(0, 9),
)
def test_programs_of_one_outcome_have_but_one(program: Program, seed: int) -> None:
    """Any schedule of the specification, and all of them where they can be seen, end alike."""
    chance = random.Random(seed)
    expected = direct_outcome(program)
    assert one_outcome(program, chance.randrange) == expected
    try:
        specified = outcomes(program, STATES_MAX)
    except TooManyStates:
        return
    assert specified == {expected}


@PROFILE
@given(program=st.one_of(programs(), family_programs(), programs_with_sections()))
def test_the_direct_run_is_one_of_the_specified_ones(program: Program) -> None:
    """Whatever a random program races for, the direct outcome is among those specified.

    Not for one that looks at the clock: the specification takes no notice of the script's times.
    """
    assume(not any(isinstance(node, Clock) for node in nodes_of(program)))
    try:
        specified = outcomes(program, STATES_MAX)
    except TooManyStates:
        return
    assert direct_outcome(program) in specified
