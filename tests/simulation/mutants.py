"""Engines that are wrong on purpose. Each breaks one rule of the protocol and nothing else.

They override the engine's own seams; what they break is said at each. A harness that does not
catch them proves nothing.
"""

from typing import Any

from durable.engine.orchestrations import Orchestrations
from durable.engine.outbox import outbox
from durable.engine.turn import Turn
from durable.engine.warm import InstanceState
from durable.engine.worker import TaskHubWorker


class SendsBeforeCommit(Orchestrations):
    """Two steps of the protocol swapped as in DurableTask.AzureStorage: send, then commit."""

    async def _propose(self, turn: Turn, state: InstanceState) -> Any:
        proposal = await super()._propose(turn, state)
        if proposal is not None:
            for outgoing in outbox(turn.instance_id, proposal.rows):
                await self.dispatcher.put(outgoing)
        return proposal


class ForgetsTheDuty(Orchestrations):
    """A known message that comes again is just dropped (rule A2 switched off)."""

    async def _dispatch(self, turn: Turn) -> None:
        for submission in turn.batch:
            submission.duty = False
        turn.is_tried = False
        await super()._dispatch(turn)


class JudgesOnTheCache(Orchestrations):
    """Known, foreign or unknown is judged on the cache, redelivered or not (rule A3 off)."""

    def _needs_fresh(self, turn: Turn) -> bool:
        return False


class AcknowledgesBeforeSends(Orchestrations):
    """The batch is answered at its commit: the host deletes the messages before the sends."""

    async def _dispatch(self, turn: Turn) -> None:
        for submission in turn.batch:
            submission.done()
        await super()._dispatch(turn)


MUTANTS: dict[str, type[Orchestrations]] = {
    "sends before commit": SendsBeforeCommit,
    "forgets the duty": ForgetsTheDuty,
    "judges on the cache": JudgesOnTheCache,
    "acknowledges before sends": AcknowledgesBeforeSends,
}


def worker_of(orchestrations: type[Orchestrations]) -> Any:
    """Make workers that run this engine."""

    class MutantWorker(TaskHubWorker):
        orchestrations_type = orchestrations

    return MutantWorker
