"""The code of programs, in both styles, beside the specification: what each input leads to."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.testing.programs.code import STYLES, Style
from durable.testing.programs.family_strategies import family_programs
from durable.testing.programs.handwritten import NAMED
from durable.testing.programs.syntax import Orchestration, Program
from tests.testing.programs.beside_replay import BesideReplay

PROFILE = settings(max_examples=60, derandomize=True, deadline=None, database=None)
INPUTS_MAX = 25


@pytest.mark.parametrize("style", STYLES)
def test_whatever_comes_the_code_asks_for_what_is_specified(style: Style) -> None:
    """Random orchestrations, random inputs: the same facts, status and custom status after each."""
    counted: Counter[str] = Counter()

    @PROFILE
    @given(program=family_programs(), argument=st.integers(0, 3), seed=st.integers(0, 99))
    def compare(program: Program, argument: int, seed: int) -> None:
        for orchestration in program.orchestrations:
            run = BesideReplay(program, orchestration, argument, style)
            run.play(random.Random(seed), INPUTS_MAX)
            counted["over"] += run.is_over
            counted["continued"] += run.executions > 1

    compare()
    assert counted["over"] > 50
    assert counted["continued"] > 5


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_program_written_by_hand_asks_for_what_is_specified(name: str, style: Style) -> None:
    """Each of its orchestrations, under three random sequences of inputs."""
    program = NAMED[name]
    orchestration: Orchestration = program.orchestrations[0]
    for seed in range(3):
        run = BesideReplay(program, orchestration, seed, style)
        run.play(random.Random(seed), INPUTS_MAX)
