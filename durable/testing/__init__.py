"""THE WORLD: what proves the engine, and what users test their own orchestrations with.

For users, by this door: `running` runs an orchestrator without a hub, `replaying` holds old
histories against today's code, `orchestrator_generator_wrapper` is the idiom of
azure-functions-durable 1.7; `python -m durable.testing.replay` is the gate before a deployment.
For the engine: `programs` are apps as data, `specification` says what they mean, `world` is a hub
whose every storage call can go wrong, `oracles` judge what it accepts, `simulation` runs
experiments. Nothing here runs in production, and production code has no hook for it: the gaps
between port calls are the crash points.
"""

from durable.model.status import RuntimeStatus
from durable.replay.generators import orchestrator_generator_wrapper
from durable.testing.replaying.replayer import Replayer, fetch_history
from durable.testing.replaying.report import ReplayError, ReplayReport, ReplaySummary
from durable.testing.replaying.saved import (
    SavedHistory,
    UnreadableHistoryError,
    from_events,
    read_history,
    save_history,
)
from durable.testing.running.fakes import NEVER, UnexpectedCallError, in_turn, taking
from durable.testing.running.instance import NotDeterministicError
from durable.testing.running.requests import (
    Call,
    ChildCall,
    EntityCall,
    EntitySignal,
    LockRequest,
    SentEvent,
    Timer,
)
from durable.testing.running.result import NotCompletedError, OrchestrationResult
from durable.testing.running.runner import Event, RestlessError, run_orchestrator
from durable.testing.running.stepping import OrchestrationTest

__all__ = [
    "NEVER",
    "Call",
    "ChildCall",
    "EntityCall",
    "EntitySignal",
    "Event",
    "LockRequest",
    "NotCompletedError",
    "NotDeterministicError",
    "OrchestrationResult",
    "OrchestrationTest",
    "ReplayError",
    "ReplayReport",
    "ReplaySummary",
    "Replayer",
    "RestlessError",
    "RuntimeStatus",
    "SavedHistory",
    "SentEvent",
    "Timer",
    "UnexpectedCallError",
    "UnreadableHistoryError",
    "fetch_history",
    "from_events",
    "in_turn",
    "orchestrator_generator_wrapper",
    "read_history",
    "run_orchestrator",
    "save_history",
    "taking",
]
