"""Decision: what one episode comes to, as facts."""

from dataclasses import dataclass

from durable.model.history import EventRaised, HistoryEvent
from durable.model.status import RuntimeStatus
from durable.replay.determinism import Mismatch
from durable.replay.executor import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How the next execution begins: its input as JSON text, and the events that nobody has read.

    The events are in the order in which they came.
    """

    input: str
    carried: tuple[EventRaised, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The facts of an episode, in the order in which they are to be recorded.

    `consumed`: how many of the arrived inputs are among the facts; those behind came after the end.
    `execution`: the live orchestrator, standing behind these facts; worth keeping only if they are
    committed. A parked instance has none, nor has one that continues as new.
    `reason`: why the instance is suspended.
    `continued`: what the next execution begins with, where the status is `CONTINUED_AS_NEW`.
    `sets_custom_status`: this execution has said what the custom status is, `None` included;
    otherwise the one of the execution before it stays.
    """

    facts: tuple[HistoryEvent, ...]
    consumed: int
    status: RuntimeStatus
    output: str | None
    custom_status: str | None
    sets_custom_status: bool = False
    continued: Continuation | None = None
    execution: Execution | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """There is no decision: the code does not do what the history says it did."""

    mismatch: Mismatch
