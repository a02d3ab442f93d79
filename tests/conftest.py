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


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of the host contract suite."""
    config.addinivalue_line("markers", "point(source): a point of the host's contract, and whence")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the report of a contract point say which it is."""
    mark = item.get_closest_marker("point")
    if mark is not None:
        item.user_properties.append(("point", (item.name, mark.args[0])))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print experiments and contract points, added up over all processes, and measured figures."""
    cases: Counter[str] = Counter()
    points: Counter[str] = Counter()
    figures: list[str] = []
    for report in terminalreporter.getreports("passed"):
        if report.when != "call":
            continue
        for key, value in getattr(report, "user_properties", ()):
            if key == "cases":
                name, count = value
                cases[name] += count
            elif key == "figure":
                figures.append(value)
            elif key == "point":
                points[value[0].rpartition("[")[2].partition("-")[0].strip("]")] += 1
    _write(terminalreporter, "experiments", cases)
    _write(terminalreporter, "host contract points", points)
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.write_line(figure)


def _write(terminalreporter: pytest.TerminalReporter, title: str, counts: Counter[str]) -> None:
    if counts:
        terminalreporter.section(title)
        for name, count in sorted(counts.items()):
            terminalreporter.write_line(f"{count:7} {name}")
        terminalreporter.write_line(f"{sum(counts.values()):7} in all")


# The longest of all, most of it waiting: begun last, they would be waited for alone.
LONGEST = (
    "tests/e2e/test_wear.py::test_two_thousand_timers",
    "tests/infra/test_clean_environments.py::",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with one of the longest tests; workers get equal slices in order."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if item.nodeid.startswith(LONGEST)]
    others = [item for item in items if not item.nodeid.startswith(LONGEST)]
    size = -(-len(items) // workers)
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        first = longest[worker::workers]
        room = size - len(first)
        ordered += first + others[:room]
        others = others[room:]
    items[:] = ordered + others
