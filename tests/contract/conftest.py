"""The host under contract: one that is given by its address, or dev hosts of our own.

DURABLE_CONTRACT_URL and DURABLE_CONTRACT_STORAGE name a host that runs `app/` and the storage that
it uses; DURABLE_CONTRACT_PREFIX its setting CONTRACT_PREFIX (default `contract`), and
DURABLE_CONTRACT_KEY its master key where it asks for one. Without them the dev host is started on
Azurite, once with each worker.
"""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.grounds import Grounds, wait_for

APP = Path(__file__).resolve().parent / "app"
ROOT = Path(__file__).resolve().parents[2]
RUNTIME_PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
URL, STORAGE = "DURABLE_CONTRACT_URL", "DURABLE_CONTRACT_STORAGE"


class HostProcess:
    """A dev host that runs the contract app."""

    def __init__(self, connection: str, prefix: str, *flags: str) -> None:
        """Start it, and wait until it listens."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AzureWebJobsStorage": connection,
            "CONTRACT_PREFIX": prefix,
            "AzureFunctionsWebHost__hostid": prefix,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "durable.devhost", "start", "--app", str(APP), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.lines: list[str] = []
        self.log: list[str] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=lines.extend, args=(pipe,), daemon=True)
            for lines, pipe in ((self.lines, self.process.stdout), (self.log, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        wait_for(lambda: self._said() or self.process.poll() is not None, timeout_s=60)
        assert self._said(), "".join(self.log)
        self.url = self._said()[0].split()[-1]

    def stop(self) -> int:
        """Drain it; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.ended()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.ended()

    def ended(self) -> int:
        """Wait for its end."""
        code = self.process.wait(timeout=60)
        for reader in self._readers:
            reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def _said(self) -> list[str]:
        return [line for line in list(self.lines) if line.startswith("Listening on ")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each point on the host that is given, or on the dev host with each worker."""
    if "host_kind" in metafunc.fixturenames:
        kinds = ["remote"] if os.environ.get(URL) else ["direct", "runtime"]
        metafunc.parametrize("host_kind", kinds, scope="session")


@pytest.fixture(scope="session")
def grounds(host_kind: str, request: pytest.FixtureRequest) -> Iterator[Grounds]:
    """Where a point is tried: the host's address, and its storage."""
    if host_kind == "remote":
        prefix = os.environ.get("DURABLE_CONTRACT_PREFIX", "contract")
        with Grounds(os.environ[URL], os.environ[STORAGE], prefix) as given:
            given.create_queues()
            yield given
        return
    flags = flags_of(host_kind)
    connection = request.getfixturevalue("azurite_connection")
    prefix = f"c{uuid.uuid4().hex[:10]}"
    with Grounds("", connection, prefix) as ours:
        ours.create_queues()
        host = HostProcess(connection, prefix, *flags)
        ours.url = host.url
        try:
            yield ours
        finally:
            code = host.stop()
        assert code == 0, "".join(host.log)


def flags_of(host_kind: str) -> list[str]:
    """Choose the dev host's worker; skip aloud where there is none of the kind."""
    if host_kind == "direct":
        return ["--worker", "direct"]
    if not RUNTIME_PYTHON.exists():
        pytest.skip("no .venv-runtime with the real worker library (Python 3.13): `make runtime`")
    return ["--worker", "runtime", "--worker-python", str(RUNTIME_PYTHON)]
