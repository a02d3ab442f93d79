"""Model: a second opinion on what an orchestration does with its inputs.

`ReplayModel` asks the orchestrator's own code, replayed from the start for every episode: it
catches a warm generator that strays from its history. The specification's, in `specified`, needs
the orchestration as data and shares no code with the engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from durable.engine.registry import Registry
from durable.model.history import (
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TaskScheduled,
    TimerCreated,
)
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.episode import decide


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an episode must come to: its new facts, comparable, and the state behind it.

    Payloads are compared as JSON values, an ended orchestration's as its output's text.
    """

    state: Any
    facts: tuple[tuple[Any, ...], ...]
    status: RuntimeStatus
    output: str | None
    custom_status: str | None


class Model(Protocol):
    """Foresees episodes."""

    def foresee(
        self, instance_id: InstanceId, state: Any, inputs: Sequence[HistoryEvent], time: datetime
    ) -> Foreseen:
        """Say what these inputs lead to, in this order, from the state behind the last episode.

        `state` is `None` for an execution that begins: then the first input is its start.
        """
        ...

    def refuses(self, asked: TaskScheduled, answer: HistoryEvent) -> str | None:
        """Say why an activity can't have answered this, if it can't."""
        ...


def fact_of(event: HistoryEvent) -> tuple[Any, ...] | None:
    """Lay a recorded fact out for comparing; `None` for what is no consequence."""
    match event:
        case TaskScheduled():
            return ("activity", event.event_id, event.name, event.input)
        case TimerCreated():
            return ("timer", event.event_id, event.fire_at)
        case ExecutionCompleted():
            return ("ended", event.orchestration_status.value, event.result)
        case _:
            return None


class ReplayModel:
    """Replays the user's code from the beginning, for each episode anew."""

    def __init__(self, registry: Registry) -> None:
        """Ask these orchestrators."""
        self._registry = registry
        self._shown: dict[InstanceId, str | None] = {}

    def foresee(
        self, instance_id: InstanceId, state: Any, inputs: Sequence[HistoryEvent], time: datetime
    ) -> Foreseen:
        """Decide from the whole history."""
        history: list[HistoryEvent] = state or []
        ends = [event for event in inputs if isinstance(event, ExecutionTerminated)]
        if ends:  # it counts as the first input: docs/semantics.md, decision 1
            ended = ("ended", RuntimeStatus.TERMINATED.value, ends[0].input)
            shown = self._shown.get(instance_id) if state is not None else None
            return Foreseen(None, (ended,), RuntimeStatus.TERMINATED, ends[0].input, shown)
        start = next(e for e in (*history, *inputs) if isinstance(e, ExecutionStarted))
        decision = decide(
            history,
            inputs,
            self._registry.orchestrators[start.name],
            now=time,
            instance_id=instance_id,
            strict_arguments=True,
        )
        assert isinstance(decision, Decision), decision
        if decision.execution is not None:
            decision.execution.drop()
        self._shown[instance_id] = decision.custom_status
        facts = [fact_of(event) for event in decision.facts[1 + len(inputs) :]]
        return Foreseen(
            state=[*history, *decision.facts],
            facts=tuple(fact for fact in facts if fact is not None),
            status=decision.status,
            output=decision.output,
            custom_status=decision.custom_status,
        )

    def refuses(self, asked: TaskScheduled, answer: HistoryEvent) -> str | None:
        """Anything may be an answer: activities need not be deterministic."""
        del asked, answer
        return None
