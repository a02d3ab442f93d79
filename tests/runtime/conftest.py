"""The Python of the runtime worker, or the reason why there is none."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def runtime_python() -> Path:
    """A Python 3.13 with azure-functions-runtime: DURABLE_WORKER_PYTHON, or what `make` set up."""
    named = os.environ.get("DURABLE_WORKER_PYTHON")
    if named:
        return Path(named)
    python = ROOT / ".venv-runtime" / "bin" / "python"
    if not python.exists():
        pytest.skip("no Python 3.13 for Azure's real worker library: `make runtime` makes one")
    return python
