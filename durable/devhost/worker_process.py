"""One worker process, seen from the host: started, asked, ended.

Rule 1. Requests, replies and output are pipes, and so is a lifeline that carries nothing. The
        host holds the lifeline's writing end; when the host is killed the lifeline ends and the
        worker ends itself at once, so a dead host never leaves a live function behind.
Rule 2. The worker has a session of its own: Ctrl-C reaches the host only, which drains.
Rule 3. Whatever ends the process fails everything that runs in it with `WorkerDiedError`; replies
        that it wrote before it died still count.
Rule 4. It is ended by its own process id, and only while it has not been reaped.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from durable.devhost.index import FunctionMetadata, IndexingError
from durable.devhost.worker_wire import VERSION, Frame, FrameReader, encode_frame

logger = logging.getLogger(__name__)

_START_S = 60.0
# After the process has ended, its pipes end too, unless a child of its own holds them open.
_LAST_WORDS_S = 0.5
_LINE_BYTES_MAX = 64 * 1024


class WorkerDiedError(Exception):
    """The worker process ended while something ran in it; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCommand:
    """How to start a worker: `arguments` end where the worker's own one (JSON) goes."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    app_dir: Path


class WorkerProcess:
    """A running worker; made by `launch`."""

    def __init__(
        self, process: asyncio.subprocess.Process, lifeline: int, on_end: Callable[[], None]
    ) -> None:
        """Take over a started process and the writing end of its lifeline."""
        self._on_end = on_end
        self.indexed: list[FunctionMetadata] = []
        self._process = process
        self._lifeline: int | None = lifeline
        self._requests: asyncio.WriteTransport | None = None
        self._readers: list[asyncio.ReadTransport] = []
        self._open_readers = 0
        self._readers_ended = asyncio.Event()
        self._pending: dict[str, asyncio.Future[Frame]] = {}
        loop = asyncio.get_running_loop()
        self._start: asyncio.Future[Frame] = loop.create_future()
        self._last_lines: deque[str] = deque(maxlen=20)
        self._kill_reason = ""
        self._ended = asyncio.create_task(self._watch())

    @classmethod
    async def launch(
        cls, command: WorkerCommand, *, log_level: int, on_end: Callable[[], None]
    ) -> "WorkerProcess":
        """Start a worker and wait until it has indexed the app; `on_end` is called when it is over.

        IndexingError if the app cannot be indexed, WorkerDiedError if the worker does not come up.
        """
        pipes = [os.pipe() for _ in range(5)]
        (requests_in, requests_out), (lifeline_in, lifeline_out), *from_worker = pipes
        (_, replies_out), (_, stdout_out), (_, stderr_out) = from_worker
        theirs = (requests_in, lifeline_in, replies_out)
        settings = {
            "version": VERSION,
            "requests": requests_in,
            "replies": replies_out,
            "lifeline": lifeline_in,
            "app_dir": str(command.app_dir),
            "log_level": log_level,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                json.dumps(settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout_out,
                stderr=stderr_out,
                pass_fds=theirs,
                env=dict(command.environment),
                start_new_session=True,
            )
        except BaseException:
            for descriptor in (requests_out, lifeline_out, *(ours for ours, _ in from_worker)):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (*theirs, stdout_out, stderr_out):
                os.close(descriptor)
        worker = cls(process, lifeline_out, on_end)
        try:
            await worker._connect(requests_out, [ours for ours, _ in from_worker])
            await worker._until_indexed()
        except BaseException:
            worker.kill("it could not start")
            await worker.ended()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def invoke(self, invocation_id: str, frame: Frame) -> Frame:
        """Send one invocation and wait for its result; WorkerDiedError if the worker ends first."""
        if self._ended.done() or self._requests is None:
            raise WorkerDiedError("the worker has ended")
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[invocation_id] = future
        # Not awaited until the pipe is empty: a worker whose loop is blocked reads nothing, and
        # the timeout of this invocation has to run all the same.
        self._requests.write(encode_frame(frame))
        try:
            return await future
        finally:
            self._pending.pop(invocation_id, None)

    def kill(self, reason: str) -> None:
        """End the process at once, and what it started; `ended` tells when it is over."""
        if self._process.returncode is None:
            self._kill_reason = self._kill_reason or reason
            # Its own session, so its process group has its id and nobody else's processes.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self, grace_s: float) -> None:
        """Ask it to end in its own way (close what it holds open); kill it after the grace."""
        if self._requests is not None and not self._ended.done():
            self._requests.write(encode_frame({"op": "stop"}))
            await asyncio.wait([self._ended], timeout=grace_s)
        self.kill(f"it did not end within {grace_s:g} s")
        await self.ended()

    async def ended(self) -> str:
        """Wait until the process has ended and everything of it is failed; tells how it ended."""
        return await asyncio.shield(self._ended)

    async def _connect(self, requests_out: int, incoming: Sequence[int]) -> None:
        loop = asyncio.get_running_loop()
        self._requests, _ = await loop.connect_write_pipe(
            asyncio.Protocol, os.fdopen(requests_out, "wb", 0)
        )
        protocols = (
            FrameReader(self._take, self._reader_ended),
            LineReader(self._log_line("worker.stdout", logging.INFO), self._reader_ended),
            LineReader(self._log_line("worker.stderr", logging.WARNING), self._reader_ended),
        )
        self._open_readers = len(protocols)
        for descriptor, protocol in zip(incoming, protocols, strict=True):
            pipe = os.fdopen(descriptor, "rb", 0)
            reader, _ = await loop.connect_read_pipe(partial(_itself, protocol), pipe)
            self._readers.append(reader)

    def _reader_ended(self) -> None:
        self._open_readers -= 1
        if self._open_readers == 0:
            self._readers_ended.set()

    def _log_line(self, name: str, level: int) -> Callable[[str], None]:
        output = logging.getLogger(name)

        def log(line: str) -> None:
            self._last_lines.append(line)
            output.log(level, "%s", line)

        return log

    async def _until_indexed(self) -> None:
        try:
            frame = await asyncio.wait_for(asyncio.shield(self._start), _START_S)
        except TimeoutError:
            raise WorkerDiedError(f"the worker was not ready within {_START_S:g} s") from None
        if frame["op"] == "refused":
            raise IndexingError(frame["error"], details=frame["traceback"])
        self.indexed = [
            FunctionMetadata(name=each["name"], bindings=tuple(each["bindings"]))
            for each in frame["functions"]
        ]

    def _take(self, frame: Frame) -> None:
        operation = frame["op"]
        if operation == "result":
            future = self._pending.get(frame["id"])
            if future is not None and not future.done():
                future.set_result(frame)
        elif operation == "log":
            _replay(frame)
        elif not self._start.done():
            self._start.set_result(frame)

    async def _watch(self) -> str:
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._readers_ended.wait(), _LAST_WORDS_S)
        how = self._kill_reason or _how_it_ended(code)
        # Before anybody learns of it: what is asked next must wait for another worker.
        self._on_end()
        error = WorkerDiedError(f"the worker process {self._process.pid} was ended: {how}")
        if not self._start.done():
            last = "\n".join(self._last_lines)
            self._start.set_exception(
                WorkerDiedError(f"the worker process ended at its start ({how})\n{last}".strip())
            )
            # Nobody may be waiting any more.
            self._start.exception()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(error)
        self._close()
        return how

    def _close(self) -> None:
        for reader in self._readers:
            reader.close()
        if self._requests is not None and not self._requests.is_closing():
            # abort, not close: what a dead worker did not read would keep the pipe open.
            self._requests.abort()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


class LineReader(asyncio.Protocol):
    """Cuts what a worker prints into lines."""

    def __init__(self, on_line: Callable[[str], None], on_end: Callable[[], None]) -> None:
        """`on_line` is called on the loop for each line, `on_end` once when the pipe ends."""
        self._on_line = on_line
        self._on_end = on_end
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Take what came; a line without an end is passed on at 64 KiB."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES_MAX:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._on_line(line.decode(errors="replace").rstrip("\r"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Pass on what has no end of line, then tell."""
        if self._rest:
            self._on_line(self._rest.decode(errors="replace"))
        self._on_end()


def _itself(protocol: asyncio.Protocol) -> asyncio.Protocol:
    return protocol


def _replay(frame: Frame) -> None:
    """Log a record of the worker's as if it had been logged here, under its own name."""
    record = logging.LogRecord(
        frame["name"], frame["level"], frame["path"], frame["line"], frame["message"], (), None
    )
    record.created = frame["created"]
    record.msecs = (record.created % 1) * 1000
    record.function = frame["function"]
    record.invocation_id = frame["invocation_id"]
    logging.getLogger(frame["name"]).handle(record)


def _how_it_ended(code: int) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"it was killed by {name}"
    return f"it exited with code {code}"
