"""How a worker process is started: the command lines of the two kinds.

`direct` is this interpreter, and finds what the host finds. `runtime` is a Python that has
azure-functions-runtime, the production worker library, and the app's requirements; it finds what
is installed there, and this package last.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from durable.devhost.settings import SettingError
from durable.devhost.worker_process import WorkerCommand

WorkerKind = Literal["direct", "runtime"]

PYTHON_VARIABLE = "DURABLE_WORKER_PYTHON"
# A pyenv shim needs to be told; every other python3.13 ignores it.
_PYENV_VERSION = {"PYENV_VERSION": "3.13.0"}
_ASK_S = 30
_ROOT = Path(__file__).resolve().parents[2]
_DIRECT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from durable.devhost.worker_direct import run; run(sys.argv[2])"
)
# '' is where the host happens to stand; the real worker does not look there.
_RUNTIME = (
    "import json, sys; app = json.loads(sys.argv[2])['app_dir']; "
    "sys.path[:] = [app, *(each for each in sys.path if each), sys.argv[1]]; "
    "from durable.devhost.worker_runtime import run; run(sys.argv[2])"
)


def worker_command(
    kind: WorkerKind,
    app_dir: Path,
    environment: Mapping[str, str],
    *,
    python: Path | None = None,
) -> WorkerCommand:
    """Make the command of a worker; SettingError if no Python for the runtime worker is found."""
    if kind == "direct":
        arguments = [sys.executable, "-u", "-c", _DIRECT, json.dumps(sys.path)]
        return WorkerCommand(arguments=arguments, environment=environment, app_dir=app_dir)
    interpreter, additions = _runtime_python(environment, python)
    return WorkerCommand(
        arguments=[interpreter, "-u", "-c", _RUNTIME, str(_ROOT)],
        environment={**environment, **additions},
        app_dir=app_dir,
    )


def _runtime_python(
    environment: Mapping[str, str], python: Path | None
) -> tuple[str, dict[str, str]]:
    """Find the interpreter, and the variables that it needs to start."""
    named = str(python) if python is not None else environment.get(PYTHON_VARIABLE, "")
    if named:
        found = shutil.which(named)
        if found is None:
            raise SettingError(f"'{named}' is no Python: --worker-python or {PYTHON_VARIABLE}")
        return found, {}
    found = shutil.which("python3.13", path=environment.get("PATH", os.defpath))
    for additions in ({}, _PYENV_VERSION):
        if found is not None and _starts(found, {**environment, **additions}):
            return found, additions
    raise SettingError(
        "the runtime worker needs Python 3.13 with azure-functions-runtime and the app's "
        f"requirements: name one with --worker-python or {PYTHON_VARIABLE}"
    )


def _starts(interpreter: str, environment: Mapping[str, str]) -> bool:
    asked = subprocess.run(  # noqa: S603
        [interpreter, "-c", ""],
        env=dict(environment),
        capture_output=True,
        timeout=_ASK_S,
        check=False,
    )
    return asked.returncode == 0
