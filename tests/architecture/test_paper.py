"""The files around the code say the same as each other, and nothing of the machine they grew on."""

import json
import re
import tomllib

import pytest

from durable import __version__
from tests.architecture.source_tree import ROOT, report

PINNED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^\s;]+)")
TARGETS = ("demo", "run", "test", "check", "fix", "simulate", "bench", "soak")


def canonical(name: str) -> str:
    """Spell a distribution's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, set[str]]:
    """Read `name==version` lines; a name may have a version for each kind of Python."""
    found: dict[str, set[str]] = {}
    for line in lines:
        if match := PINNED.match(line):
            found.setdefault(canonical(match["name"]), set()).add(match["version"])
    return found


def test_the_development_versions_are_the_same_in_both_lists() -> None:
    """requirements-dev.txt holds every pin of the extra `dev`, and a pin of each dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = pins((ROOT / "requirements-dev.txt").read_text().splitlines())
    extra = pins(project["optional-dependencies"]["dev"])
    offenders = [
        f"{name}: {versions} is not {installed.get(name)}"
        for name, versions in extra.items()
        if versions != installed.get(name)
    ]
    for line in project["dependencies"]:
        name = canonical(re.split(r"[<>=!~ \[;]", line)[0])
        if name not in installed:
            offenders.append(f"{name} is not in requirements-dev.txt")
    assert not offenders, report(offenders)


def test_every_development_package_is_pinned() -> None:
    """Each line of requirements-dev.txt names one exact version."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    offenders = [line for line in lines if line and line[0] != "#" and not PINNED.match(line)]
    assert not offenders, report(offenders)


def test_the_version_is_the_same_everywhere() -> None:
    """The package says the version that the distribution is built with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert (ROOT / "durable" / "py.typed").is_file()


def test_the_node_lock_names_no_registry() -> None:
    """package-lock.json holds versions and hashes, and no address that they were fetched from."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    offenders = [name for name, package in packages.items() if "resolved" in package]
    assert not offenders, report(offenders)
    assert packages["node_modules/azurite"]["version"] == "3.37.0"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_explains_itself(target: str) -> None:
    """Each target that people use has its line in the list that `make` prints."""
    assert re.search(rf"^{target}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_ci_calls_the_one_command() -> None:
    """The gate is `make check`, and it is a file that can be run."""
    gate = ROOT / ".ci" / "run"
    assert gate.stat().st_mode & 0o111
    assert "make check" in gate.read_text()
