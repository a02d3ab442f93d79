"""A deployment sends the app and the engine, and nothing of how they are made."""

import pytest

from tests.infra.deployed_files import ROOT, deployed_files

NOT_DEPLOYED = [
    ".azure", ".ci", ".env", ".git", ".venv", "bench", "docs", "infra", "node_modules", "samples",
    "scripts", "tests", "azure.yaml", "local.settings.json", "Makefile", "package.json",
    "package-lock.json", "pyproject.toml", "requirements-dev.txt",
]  # fmt: skip


def test_the_app_is_sent() -> None:
    """The host finds its settings, the app, what to install, and the engine."""
    sent = set(deployed_files())
    assert {"host.json", "function_app.py", "requirements.txt"} <= sent
    assert {"durable/__init__.py", "durable/functions/__init__.py"} <= sent


def test_nothing_else_is_sent() -> None:
    """Beside the app and the engine go only the texts at the top, which a sample counts."""
    tops = {path.partition("/")[0] for path in deployed_files()}
    expected = {"host.json", "function_app.py", "requirements.txt", "durable"}
    assert {top for top in tops if not top.endswith(".md")} == expected


@pytest.mark.parametrize("name", NOT_DEPLOYED)
def test_what_makes_the_app_is_not_sent(name: str) -> None:
    """Tests, tools, notes and local settings stay here, be they there now or not."""
    sent = {path.partition("/")[0] for path in deployed_files()}
    assert name not in sent


def test_every_room_but_the_local_ones_is_sent() -> None:
    """The engine goes whole, without the dev host and the simulation."""
    rooms = {path.parent.name for path in (ROOT / "durable").glob("*/__init__.py")}
    sent = {path.split("/")[1] for path in deployed_files() if path.count("/") > 1}
    assert sent == rooms - {"devhost", "testing"}


def test_nothing_compiled_is_sent() -> None:
    """Byte code of this machine's Python is of no use to the host's."""
    assert not [path for path in deployed_files() if "__pycache__" in path or path.endswith(".pyc")]
