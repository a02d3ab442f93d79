"""The host's worker: a process that runs the app's functions, and another when that one ends.

Rule 1. The host never dies of its worker. Invocations in a worker that ends are failed, as in the
        real host: their messages are given back or poisoned by the listener's algorithm.
Rule 2. A function that outlives its time ends the process (SIGKILL), for nothing gentler stops a
        blocked thread; every other invocation in it fails too.
Rule 3. While there is no worker, invocations wait. A worker that ends again soon after its start
        is followed by the next one after a growing wait.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping

from durable.devhost.datum import Datum, Outcome
from durable.devhost.index import FunctionMetadata, IndexingError
from durable.devhost.worker_process import WorkerCommand, WorkerDiedError, WorkerProcess
from durable.devhost.worker_wire import Frame, from_wire, to_wire

logger = logging.getLogger(__name__)

_DELAY_S_MIN = 0.1
_DELAY_S_MAX = 5.0
# A worker that lived so long is not followed by a wait.
_LONG_LIFE_S = 10.0


class Worker:
    """Runs functions in a process of its own; several at once."""

    def __init__(self, command: WorkerCommand) -> None:
        """Nothing is started before `start`."""
        self._command = command
        self._process: WorkerProcess | None = None
        self._available = asyncio.Event()
        self._supervision: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The id of the process that is running now; None between two."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> list[FunctionMetadata]:
        """Start the process and give the app's functions; IndexingError says what is wrong."""
        started = time.monotonic()
        process = await self._launch()
        self._supervision = asyncio.create_task(self._supervise(process, started))
        return process.indexed

    async def invoke(
        self,
        function_name: str,
        inputs: Mapping[str, Datum],
        *,
        metadata: Mapping[str, Datum],
        invocation_id: str,
        timeout_s: float | None,
    ) -> Outcome:
        """Run a function on its inputs (by parameter name); never raises for what happens there.

        The time counts from when a live worker got it.
        """
        frame: Frame = {
            "op": "invoke",
            "id": invocation_id,
            "function": function_name,
            "inputs": {name: to_wire(datum) for name, datum in inputs.items()},
            "metadata": {name: to_wire(datum) for name, datum in metadata.items()},
        }
        process = self._process
        while process is None:
            await self._available.wait()
            process = self._process
        timer = None
        if timeout_s is not None:
            # The invocation ends with its process, not before it.
            timer = asyncio.get_running_loop().call_later(
                timeout_s, _time_out, process, function_name, invocation_id, timeout_s
            )
        try:
            return _outcome(await process.invoke(invocation_id, frame))
        except WorkerDiedError as error:
            return Outcome(succeeded=False, error=f"WorkerDiedError: {error}")
        finally:
            if timer is not None:
                timer.cancel()

    async def stop(self, grace_s: float) -> None:
        """End the process in its own way, by force after the grace; idempotent."""
        self._stopping = True
        if self._process is not None:
            await self._process.stop(grace_s)
        if self._supervision is not None:
            self._supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervision

    async def _launch(self) -> WorkerProcess:
        level = logging.getLogger().getEffectiveLevel()
        process = await WorkerProcess.launch(
            self._command, log_level=level, on_end=self._lose_process
        )
        self._process = process
        self._available.set()
        return process

    def _lose_process(self) -> None:
        self._available.clear()
        self._process = None

    async def _supervise(self, process: WorkerProcess, started: float) -> None:
        delay_s = 0.0
        while True:
            how = await process.ended()
            if self._stopping:
                return
            lived_s = time.monotonic() - started
            delay_s = 0.0 if lived_s >= _LONG_LIFE_S else delay_s
            logger.error(
                "The worker process %d was ended: %s. Starting another%s.",
                process.pid,
                how,
                f" in {delay_s:g} s" if delay_s else "",
            )
            while True:
                await asyncio.sleep(delay_s)
                delay_s = min(max(2 * delay_s, _DELAY_S_MIN), _DELAY_S_MAX)
                started = time.monotonic()
                try:
                    process = await self._launch()
                except (WorkerDiedError, IndexingError, OSError):
                    logger.exception("No worker could be started; trying again in %g s", delay_s)
                else:
                    break


def _time_out(
    process: WorkerProcess, function_name: str, invocation_id: str, timeout_s: float
) -> None:
    logger.error(
        "Timeout value of %g s exceeded by function 'Functions.%s' (Id=%s). "
        "Ending the worker process %d and everything in it.",
        timeout_s,
        function_name,
        invocation_id,
        process.pid,
    )
    process.kill(f"function '{function_name}' ran longer than {timeout_s:g} s")


def _outcome(frame: Frame) -> Outcome:
    returned = frame.get("returned")
    return Outcome(
        succeeded=frame["succeeded"],
        returned=from_wire(returned) if returned is not None else None,
        outputs={name: from_wire(parts) for name, parts in frame.get("outputs", {}).items()},
        error=frame.get("error", ""),
        traceback=frame.get("traceback", ""),
    )
