"""The storage emulator: its well-known account, and an Azurite process of our own.

Rule 1. Azurite chooses its own ports (`--blobPort 0`) and tells them on stdout. Choosing a free
        port for it first would be a race with every other process that does the same.
Rule 2. A fresh folder for each process, on tmpfs where there is one: a disk costs 40 ms tails.
        Never `--inMemoryPersistence`, whose queue garbage collection freezes all three services.
Rule 3. It is ended by its own process id, and stopping it twice is harmless.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_NAME = "devstoreaccount1"
# Published by Microsoft for the emulator; it opens nothing else.
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")
_START_ATTEMPTS = 3


class AzuriteError(Exception):
    """Azurite could not be found or did not start; the text says which, and its last output."""


def connection_string(*, blob_url: str, queue_url: str, table_url: str) -> str:
    """Name the emulator's account at these three service addresses (scheme, host and port)."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={blob_url}/{ACCOUNT_NAME};"
        f"QueueEndpoint={queue_url}/{ACCOUNT_NAME};"
        f"TableEndpoint={table_url}/{ACCOUNT_NAME};"
    )


def executable() -> Path:
    """Find Azurite: `AZURITE_BIN`, a `node_modules` here or above, then PATH; else AzuriteError."""
    named = os.environ.get("AZURITE_BIN")
    if named:
        if not Path(named).is_file():
            raise AzuriteError(f"AZURITE_BIN names {named}, which is not a file")
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        candidate = folder / "node_modules" / ".bin" / "azurite"
        if candidate.is_file():
            return candidate
    on_path = shutil.which("azurite")
    if on_path:
        return Path(on_path)
    raise AzuriteError(
        "no Azurite found: run `npm ci` (or `make setup`), put `azurite` on PATH, "
        "or name the executable in AZURITE_BIN"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running Azurite with an account of its own."""

    connection_string: str
    process: subprocess.Popen[bytes]
    folder: Path

    def pause(self) -> None:
        """Freeze the process: connections are accepted by the kernel, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on; harmless if it is not paused."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, *, grace_s: float = 10.0) -> None:
        """End the process and remove its folder; harmless if repeated."""
        if self.process.poll() is None:
            # A stopped process would see SIGTERM only after somebody else wakes it.
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(timeout=grace_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def start_azurite(*, timeout_s: float = 60.0) -> Iterator[Azurite]:
    """Run an empty Azurite on free loopback ports for the length of the `with` block.

    Raises AzuriteError if there is no executable, or if three starts in a row fail.
    """
    azurite = _started(timeout_s)
    try:
        yield azurite
    finally:
        azurite.stop()


def _started(timeout_s: float) -> Azurite:
    program = executable()
    failures: list[str] = []
    for _ in range(_START_ATTEMPTS):
        try:
            return _start_once(program, timeout_s)
        except AzuriteError as error:
            failures.append(str(error))
    raise AzuriteError(f"{program} did not start {_START_ATTEMPTS} times:\n" + "\n".join(failures))


def _start_once(program: Path, timeout_s: float) -> Azurite:
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="azurite-", dir=parent))
    log = folder / "stdout.log"
    flags = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(folder)]
    for service in ("blob", "queue", "table"):
        flags += [f"--{service}Host", "127.0.0.1", f"--{service}Port", "0"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(program), *flags],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            # Ctrl-C goes to a whole process group. Azurite must outlive our own drain, which
            # still has messages to delete.
            start_new_session=True,
        )
    try:
        urls = _announced_urls(process, log, timeout_s)
    except BaseException:
        Azurite(connection_string="", process=process, folder=folder).stop()
        raise
    connection = connection_string(
        blob_url=urls["Blob"], queue_url=urls["Queue"], table_url=urls["Table"]
    )
    return Azurite(connection_string=connection, process=process, folder=folder)


def _announced_urls(
    process: subprocess.Popen[bytes], log: Path, timeout_s: float
) -> dict[str, str]:
    """Wait until all three services say where they listen; they answer from that line on."""
    deadline = time.monotonic() + timeout_s
    said = ""
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = log.read_text(encoding="utf-8", errors="replace")
        # Whole lines only: the file may be read in the middle of a write.
        whole_lines = said[: said.rfind("\n") + 1]
        urls = dict(_LISTENING.findall(whole_lines))
        if len(urls) == 3 and not ended:
            return urls
        if ended:
            raise AzuriteError(f"Azurite ended with code {process.returncode}: {said[-2000:]}")
        time.sleep(0.02)
    raise AzuriteError(f"Azurite was not ready after {timeout_s:g} s: {said[-2000:]}")
