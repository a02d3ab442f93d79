"""Model: a second opinion on what an orchestration does with its inputs.

`ReplayModel` asks the orchestrator's own code, replayed from the start for every episode: it
catches a warm generator that strays from its history. The specification's, in `specified`, needs
the orchestration as data and shares no code with the engine.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from durable.engine.registry import Registry
from durable.model.history import (
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.episode import decide
from durable.testing.oracles.facts import ENDED, Fact, fact_of, open_sections, unlock


@dataclass(frozen=True, slots=True)
class Given:
    """What an episode of one execution begins with.

    `state` is what the model has said stands behind the last episode, `None` for an execution that
    begins: then the first input is its start. `shown` is the custom status so far.
    """

    instance_id: InstanceId
    execution_id: ExecutionId
    state: Any
    inputs: Sequence[HistoryEvent]
    time: datetime
    shown: str | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an episode must come to: its new facts, comparable, and the state behind it.

    Payloads are compared as JSON values, an ended orchestration's as its output's text. `carried`:
    name and data of the unread events with which the execution that follows begins.
    """

    state: Any
    facts: tuple[Fact, ...]
    status: RuntimeStatus
    custom_status: str | None
    carried: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Operated:
    """What an operation of an entity must come to: state, reply or error, and what it sends.

    `reply` is JSON text. With an `error` it has changed nothing and sends nothing.
    """

    state: Any
    reply: str | None = None
    error: str | None = None
    sent: tuple[Fact, ...] = ()


class Model(Protocol):
    """Foresees episodes of orchestrations, and operations of entities."""

    def foresee(self, given: Given) -> Foreseen:
        """Say what these inputs lead to, in this order, from the state behind the last episode."""
        ...

    def refuses(self, asked: TaskScheduled, answer: HistoryEvent) -> str | None:
        """Say why an activity can't have answered this, if it can't."""
        ...

    def new_state(self, instance_id: InstanceId) -> Any:
        """Give the state of an entity that nobody has set."""
        ...

    def operate(
        self, instance_id: InstanceId, state: Any, operation: str, input_: str | None
    ) -> Operated | None:
        """Say what an operation leads to; `None` if it may be anything."""
        ...

    def is_state(self, instance_id: InstanceId, state: Any, text: str | None) -> bool:
        """Say whether this is how the state is kept."""
        ...


def cut_short(
    given: Given, children: Mapping[int, str], sections: Mapping[int, Iterable[str]]
) -> Foreseen | None:
    """Say what an episode comes to that a terminate is part of (docs/semantics.md, decision 1).

    The terminate counts as the first: a host that lacks the code must be able to end the instance,
    and can't know what the code would do with what came beside it. `children` are those that were
    open before it; they end with their parent, but for those that have answered by now. `sections`
    that were open before it are left, whether their locks were granted or not (rule G2).
    """
    ends = [event for event in given.inputs if isinstance(event, ExecutionTerminated)]
    if not ends:
        return None
    answered = {answered_task_id(event) for event in given.inputs}
    facts: list[Fact] = []
    if ends[0].is_recursive:
        facts += [
            ("termination", child_id, ends[0].input)
            for task_id, child_id in children.items()
            if task_id not in answered
        ]
    facts += [unlock(section_id, lock_set) for section_id, lock_set in sections.items()]
    status = RuntimeStatus.TERMINATED
    facts.append((ENDED, status.value, ends[0].input))
    return Foreseen(None, tuple(facts), status, given.shown)


def children_of(events: Iterable[HistoryEvent]) -> dict[int, str]:
    """List the children that were asked for, and have not answered, by the ids of their tasks."""
    listed = list(events)
    answered = {answered_task_id(event) for event in listed}
    return {
        event.event_id: event.instance_id
        for event in listed
        if isinstance(event, SubOrchestrationInstanceCreated)
        and not event.is_detached
        and event.event_id not in answered
    }


class ReplayModel:
    """Replays the user's code from the beginning, for each episode anew."""

    def __init__(self, registry: Registry) -> None:
        """Ask these orchestrators."""
        self._registry = registry

    def foresee(self, given: Given) -> Foreseen:
        """Decide from the whole history."""
        history: list[HistoryEvent] = given.state or []
        cut = cut_short(given, children_of(history), open_sections(history))
        if cut is not None:
            return cut
        start = next(e for e in (*history, *given.inputs) if isinstance(e, ExecutionStarted))
        decision = decide(
            history,
            given.inputs,
            self._registry.orchestrators[start.name],
            now=given.time,
            instance_id=given.instance_id,
            execution_id=given.execution_id,
            strict_arguments=True,
            types=self._registry,
        )
        assert isinstance(decision, Decision), decision
        if decision.execution is not None:
            decision.execution.drop()
        continued = decision.continued
        new = decision.facts[1 + decision.consumed :]
        laid_out = [fact_of(event, given.execution_id) for event in new]
        facts = [fact for fact in laid_out if fact is not None]
        if continued is not None or decision.status.is_terminal:
            # What the code has not left by itself, the engine leaves for it.
            left = open_sections((*history, *new))
            facts[-1:-1] = [unlock(section_id, lock_set) for section_id, lock_set in left.items()]
        return Foreseen(
            state=[*history, *decision.facts],
            facts=tuple(facts),
            status=decision.status,
            custom_status=decision.custom_status if decision.sets_custom_status else given.shown,
            carried=tuple((e.name, e.input) for e in continued.carried) if continued else (),
        )

    def refuses(self, asked: TaskScheduled, answer: HistoryEvent) -> str | None:
        """Anything may be an answer: activities need not be deterministic."""
        del asked, answer
        return None

    def new_state(self, instance_id: InstanceId) -> Any:
        """Know nothing: entities need not be deterministic."""
        del instance_id

    def operate(
        self, instance_id: InstanceId, state: Any, operation: str, input_: str | None
    ) -> Operated | None:
        """Foresee nothing: what an entity's code does may depend on anything."""
        del instance_id, state, operation, input_
        return None

    def is_state(self, instance_id: InstanceId, state: Any, text: str | None) -> bool:
        """Believe it."""
        del instance_id, state, text
        return True
