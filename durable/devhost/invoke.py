"""Calling one function: the door through which listeners, HTTP, timers and admin reach the worker.

Rule 1. Whatever happens to an invocation (its function raises, outlives functionTimeout, its
        worker dies, an output cannot be sent) is a failed `Outcome` with its reason in the log.
        Nothing of it reaches the host.
Rule 2. Output bindings are sent after the function has returned, before the invocation counts as
        succeeded; several outputs are not atomic, as in the real host.
Rule 3. A function that outlives its time takes its worker process with it, and so every other
        invocation in it: the real host does the same.
"""

import logging
import time
import uuid
from collections.abc import Mapping
from typing import Protocol

from durable.devhost.datum import Datum, Outcome
from durable.devhost.index import IndexedFunction
from durable.devhost.worker import Worker

logger = logging.getLogger(__name__)

# What the real host gives as the reason of an HTTP request and of an invocation by hand.
CALLED_BY_API = "This function was programmatically called via the host APIs."


class OutputSender(Protocol):
    """Carries out what functions wrote to their output bindings."""

    async def send(self, function: IndexedFunction, outputs: Mapping[str, Datum]) -> None:
        """Send the outputs of one invocation; whatever is raised fails the invocation."""


class Invoker:
    """Runs functions in the worker; several at once."""

    def __init__(
        self, worker: Worker, *, timeout_s: float | None, outputs: OutputSender | None = None
    ) -> None:
        """`timeout_s` is host.json's functionTimeout, None for unbounded."""
        self._worker = worker
        self._timeout_s = timeout_s
        self._outputs = outputs
        self._running: dict[str, str] = {}

    @property
    def running(self) -> list[str]:
        """The names of the functions that are running now, one for each invocation."""
        return list(self._running.values())

    async def invoke(
        self,
        function: IndexedFunction,
        value: Datum,
        *,
        metadata: Mapping[str, Datum],
        reason: str = "",
    ) -> Outcome:
        """Run the function on this trigger value; never raises for the function's own faults.

        `reason` says in the log what triggered it, such as "New queue message detected on 'q'.".
        """
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        because = f"Reason='{reason}', " if reason else ""
        logger.info("Executing 'Functions.%s' (%sId=%s)", function.name, because, invocation_id)
        self._running[invocation_id] = function.name
        outcome = Outcome(succeeded=False)
        try:
            outcome = await self._attempt(function, value, metadata, invocation_id)
        finally:
            del self._running[invocation_id]
            logger.info(
                "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)",
                function.name,
                "Succeeded" if outcome.succeeded else "Failed",
                invocation_id,
                round((time.monotonic() - started) * 1000),
            )
        return outcome

    async def _attempt(
        self,
        function: IndexedFunction,
        value: Datum,
        metadata: Mapping[str, Datum],
        invocation_id: str,
    ) -> Outcome:
        outcome = await self._worker.invoke(
            function.name,
            {function.parameter: value},
            metadata=metadata,
            invocation_id=invocation_id,
            timeout_s=self._timeout_s,
        )
        if not outcome.succeeded:
            text = "\n".join(part for part in (outcome.error, outcome.traceback.rstrip()) if part)
            logger.error("Function '%s' failed: %s", function.name, text)
            return outcome
        if outcome.outputs and self._outputs is not None:
            try:
                await self._outputs.send(function, outcome.outputs)
            except Exception as error:
                logger.exception("Function '%s': an output was not sent", function.name)
                return Outcome(succeeded=False, error=f"{type(error).__name__}: {error}")
        return outcome
