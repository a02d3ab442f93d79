"""Python interpreters of other versions, where this machine has them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

TIMEOUT_S = 30
WHO = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def find_interpreter(version: str) -> str | None:
    """Give the path of a Python `version` (as `3.13`): our own, one on PATH, or one of pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    command = shutil.which(f"python{version}")
    if command is None:
        return None
    for environment in _environments(version):
        answer = _output([command, "-c", WHO], environment)
        found, _, path = answer.strip().partition(" ")
        if found == version:
            return path
    return None


def _environments(version: str) -> Iterator[dict[str, str]]:
    """Give the settings under which the command may answer: a shim needs to be told which."""
    yield {}
    if shutil.which("pyenv"):
        for name in _output(["pyenv", "versions", "--bare"], {}).split():
            if name.startswith(f"{version}."):
                yield {"PYENV_VERSION": name}


def _output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""
