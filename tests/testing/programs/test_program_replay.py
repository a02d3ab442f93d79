"""The code of programs, in both styles, beside the specification: what each input leads to."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.testing.programs.code import STYLES, Style
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.handwritten import NAMED
from durable.testing.programs.lock_strategies import programs_with_sections
from durable.testing.programs.syntax import Program, Start
from tests.testing.programs.beside_replay import BesideReplay

PROFILE = settings(max_examples=100, derandomize=True, deadline=None, database=None)
INPUTS_MAX = 25
PROGRAMS = st.one_of(family_programs(), programs_with_sections())


@pytest.mark.parametrize("style", STYLES)
def test_whatever_comes_the_code_asks_for_what_is_specified(style: Style) -> None:
    """Random orchestrations, random inputs: the same facts, status and custom status after each."""
    counted: Counter[str] = Counter()

    @PROFILE
    @given(program=PROGRAMS, argument=st.integers(0, 3), seed=st.integers(0, 99))
    def compare(program: Program, argument: int, seed: int) -> None:
        for orchestration in program.orchestrations:
            run = BesideReplay(program, orchestration, argument, style)
            run.play(random.Random(seed), INPUTS_MAX)
            counted["over"] += run.is_over
            counted["continued"] += run.executions > 1

    compare()
    assert counted["over"] > 100
    assert counted["continued"] > 3


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_program_written_by_hand_asks_for_what_is_specified(name: str, style: Style) -> None:
    """What its callers start, under two random sequences of inputs."""
    program = NAMED[name]
    orchestrations = {each.name: each for each in program.orchestrations}
    starts = [action for action in program.script if isinstance(action, Start)]
    for seed, start in itertools.product(range(2), starts):
        run = BesideReplay(program, orchestrations[start.orchestration], start.argument, style)
        run.play(random.Random(seed), INPUTS_MAX)
