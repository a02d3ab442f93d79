"""requirements.txt and the deployed files are all that an app needs, on each Python that we name.

Each environment is made once: five to ten seconds with a filled cache of packages.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.deployed_files import ROOT, deployed_files, index
from tests.infra.interpreters import find_interpreter

INSTALL_TIMEOUT_S = 300
OFFLINE = ("Failed to establish a new connection", "Failed to resolve", "ConnectTimeoutError")
# The major version of azure-functions that the worker of each Python brings.
LIBRARIES = {"3.11": "1.", "3.13": "2."}


def pip(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this environment's pip on another environment, which then needs none of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), *arguments],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )


def install(environment: Path, requirements: Path) -> None:
    """Install a list, or skip where no package index can be reached."""
    done = pip(
        environment,
        *("install", "--no-compile", "--disable-pip-version-check", "--retries", "2"),
        *("--requirement", str(requirements)),
    )
    said = done.stdout + done.stderr
    # A version that the index does not have ends in the same error, but without these.
    if done.returncode and any(sign in said for sign in OFFLINE):
        pytest.skip("no package index can be reached: requirements.txt was not installed anywhere")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", sorted(LIBRARIES))
def test_the_deployed_app_is_indexed_in_a_clean_environment(version: str, tmp_path: Path) -> None:
    """With requirements.txt alone installed, the deployed files import and list every function."""
    interpreter = find_interpreter(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} is found: requirements.txt was not installed into one")
    app, environment = tmp_path / "app", tmp_path / "environment"
    for path in deployed_files():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, app / path)
    subprocess.run([interpreter, "-m", "venv", "--without-pip", str(environment)], check=True)
    install(environment, app / "requirements.txt")
    checked = pip(environment, "check")
    assert checked.returncode == 0, checked.stdout

    indexed = index(app, python=str(environment / "bin" / "python"))

    assert indexed["functions"] == index(ROOT)["functions"]
    assert ".".join(map(str, indexed["python"])) == version
    assert Path(indexed["library"]).is_relative_to(environment)
    assert Path(indexed["engine"]).is_relative_to(app)
    listed = pip(environment, "list", "--format=freeze").stdout.splitlines()
    [library] = [line for line in listed if line.startswith("azure-functions==")]
    assert library.partition("==")[2].startswith(LIBRARIES[version])
