"""What every room's tests share: one storage emulator for each pytest process."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from durable.devhost.azurite import start_azurite


@pytest.fixture(scope="session")
def azurite_connection() -> Iterator[str]:
    """A storage connection string: DURABLE_TEST_STORAGE if set, else an Azurite of our own."""
    given = os.environ.get("DURABLE_TEST_STORAGE")
    if given:
        yield given
        return
    with start_azurite() as azurite:
        yield azurite.connection_string


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many experiments the simulation ran, added up over all processes."""
    cases: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for key, value in getattr(report, "user_properties", ()):
            if key == "cases" and report.when == "call":
                name, count = value
                cases[name] += count
    if cases:
        terminalreporter.section("experiments")
        for name, count in sorted(cases.items()):
            terminalreporter.write_line(f"{count:7} {name}")
        terminalreporter.write_line(f"{sum(cases.values()):7} in all")
