"""The worker process from the inside: pipes, log records, one event loop; the rest is a backend.

Started by worker_process.py with one argument, a JSON object of pipes and settings.

Rule 1. When the lifeline ends, the host is dead: the process ends itself at once, in the middle of
        whatever its functions do. On Linux the kernel is asked to see to that too, for a thread
        that never lets go of the interpreter would keep the watcher from running.
Rule 2. What is written to the host is written before `send` returns, from any thread, so that log
        records come out in front of an `os._exit` and results in the order of the log.
Rule 3. Only the standard library here, and what a backend needs in its own module.
"""

import asyncio
import contextvars
import ctypes
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from durable.devhost.datum import Datum, Outcome
from durable.devhost.worker_wire import (
    VERSION,
    Frame,
    FrameReader,
    encode_frame,
    from_wire,
    to_wire,
)

_HOST_IS_DEAD = 70
_PR_SET_PDEATHSIG = 1
# How long functions may keep running when the host has asked the worker to end.
_LAST_INVOCATIONS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a function, as the host asked for it."""

    invocation_id: str
    function_name: str
    inputs: Mapping[str, Datum]
    metadata: Mapping[str, Datum]


current_invocation: contextvars.ContextVar[Invocation | None] = contextvars.ContextVar(
    "current_invocation", default=None
)


class RefusedError(Exception):
    """The app cannot be indexed; the text says why, `details` is the app's own traceback."""

    def __init__(self, text: str, *, details: str = "") -> None:
        """`text` is one sentence."""
        super().__init__(text)
        self.details = details


class Backend(Protocol):
    """What indexes an app and runs its functions."""

    async def index(self, app_dir: Path) -> list[Frame]:
        """Give {"name", "bindings"} of each function; RefusedError says what is wrong."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run a function; what it raises is in the outcome, or raised."""

    def thread_invocation(self) -> Invocation | None:
        """Tell whose thread this is, where the context does not; None if it is nobody's."""

    def close(self) -> None:
        """Take no more invocations; those that run are not waited for."""


class Replies:
    """The pipe to the host, for every thread."""

    def __init__(self, descriptor: int) -> None:
        """Write to this descriptor, blocking."""
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._is_writing = False
        self._late: deque[bytes] = deque()

    def send(self, frame: Frame) -> None:
        """Write one frame whole."""
        self._late.append(encode_frame(frame))
        with self._lock:
            # The garbage collector may log in the middle of a frame, on this very thread; what it
            # says waits its turn instead of tearing the frame.
            if self._is_writing:
                return
            self._is_writing = True
            try:
                while self._late:
                    self._write(self._late.popleft())
            finally:
                self._is_writing = False

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class ReplyHandler(logging.Handler):
    """Sends log records to the host, with the function in which they were made."""

    def __init__(self, replies: Replies) -> None:
        """Format nothing here but message and traceback: the host adds the rest."""
        super().__init__()
        self._replies = replies
        self.backend: Backend | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            invocation = current_invocation.get()
            if invocation is None and self.backend is not None:
                invocation = self.backend.thread_invocation()
            self._replies.send(
                {
                    "op": "log",
                    "level": record.levelno,
                    "name": record.name,
                    "message": self.format(record),
                    "path": record.pathname,
                    "line": record.lineno,
                    "created": record.created,
                    "function": invocation.function_name if invocation else "",
                    "invocation_id": invocation.invocation_id if invocation else "",
                }
            )
        except Exception:  # noqa: BLE001
            # logging's own rule: a record that cannot be written never breaks the program.
            self.handleError(record)


def main(make_backend: Callable[[], Backend], argument: str) -> None:
    """Run a worker until the host asks it to end."""
    settings = json.loads(argument)
    for pipe in ("requests", "replies", "lifeline"):
        # Children of the app must not hold the pipes open after this process has ended.
        os.set_inheritable(settings[pipe], False)
    _end_with_the_host(settings["lifeline"])
    replies = Replies(settings["replies"])
    if settings["version"] != VERSION:
        text = f"host and worker found different copies of this package ({__file__})"
        replies.send({"op": "refused", "error": text, "traceback": ""})
        return
    root = logging.getLogger()
    handler = ReplyHandler(replies)
    root.addHandler(handler)
    root.setLevel(settings["log_level"])
    # The SDKs log every request at INFO, which would bury the app's own lines.
    logging.getLogger("azure").setLevel(logging.WARNING)
    backend = handler.backend = make_backend()
    asyncio.run(_serve(backend, replies, settings))


async def _serve(backend: Backend, replies: Replies, settings: Mapping[str, Any]) -> None:
    try:
        functions = await backend.index(Path(settings["app_dir"]))
    except RefusedError as error:
        replies.send({"op": "refused", "error": str(error), "traceback": error.details})
        return
    stop = asyncio.Event()
    running: set[asyncio.Task[None]] = set()

    def take(frame: Frame) -> None:
        if frame["op"] == "stop":
            stop.set()
            return
        task = asyncio.create_task(_run(backend, replies, frame))
        running.add(task)
        task.add_done_callback(running.discard)

    def requests_end() -> None:
        if not stop.is_set():
            _host_is_dead()

    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: FrameReader(take, requests_end), os.fdopen(settings["requests"], "rb", 0)
    )
    replies.send({"op": "indexed", "functions": functions})
    await stop.wait()
    if running:
        await asyncio.wait(running, timeout=_LAST_INVOCATIONS_S)
    backend.close()
    pipe.close()


async def _run(backend: Backend, replies: Replies, frame: Frame) -> None:
    invocation = Invocation(
        invocation_id=frame["id"],
        function_name=frame["function"],
        inputs={name: from_wire(parts) for name, parts in frame["inputs"].items()},
        metadata={name: from_wire(parts) for name, parts in frame["metadata"].items()},
    )
    current_invocation.set(invocation)
    try:
        result = _result(await backend.invoke(invocation))
    except BaseException as error:  # noqa: BLE001
        # Everything, SystemExit and a cancellation of the function's own included: it ends its
        # invocation and nothing else.
        result = _result(failed(error))
    replies.send({"op": "result", "id": invocation.invocation_id, **result})


def failed(error: BaseException) -> Outcome:
    """Make the outcome of a function that raised."""
    lines = traceback.format_exception(error)
    return Outcome(
        succeeded=False, error=f"{type(error).__name__}: {error}", traceback="".join(lines)
    )


def _result(outcome: Outcome) -> Frame:
    if not outcome.succeeded:
        return {"succeeded": False, "error": outcome.error, "traceback": outcome.traceback}
    result: Frame = {"succeeded": True}
    if outcome.returned is not None:
        result["returned"] = to_wire(outcome.returned)
    if outcome.outputs:
        result["outputs"] = {name: to_wire(datum) for name, datum in outcome.outputs.items()}
    return result


def _end_with_the_host(lifeline: int) -> None:
    if sys.platform == "linux":
        # (A host that died before this line is seen by the watcher.)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        _host_is_dead()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _host_is_dead() -> None:
    # Nothing is finished and nothing is flushed: for every other process this one died with its
    # host, and whatever it still did would be done by a ghost.
    os._exit(_HOST_IS_DEAD)
