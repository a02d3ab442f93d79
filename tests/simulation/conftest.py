"""Counting what the experiments covered, for the summary at the end of the run."""

from collections.abc import Callable

import pytest


@pytest.fixture
def count_cases(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Note how many experiments a test ran; the root conftest adds them up, over all processes."""
    return lambda name, count: record_property("cases", (name, count))


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of injected faults would log thousands of warnings."""
    caplog.set_level("CRITICAL", logger="durable")
