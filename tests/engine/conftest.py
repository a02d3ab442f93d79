"""Quiet: faults and held messages are what these tests are about."""

import pytest


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Injected faults would log a warning each."""
    caplog.set_level("CRITICAL", logger="durable")
