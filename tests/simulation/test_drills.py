"""The engine stands every drill."""

from collections.abc import Callable

import pytest

from tests.simulation.drills import DRILLS


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
def test_the_engine_stands_the_drill(drill: Callable[[], None]) -> None:
    """No oracle has anything to say."""
    drill()
