"""What an episode asks for, by the mind and by the specification, laid out in the same words."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from durable.model.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventSent,
    ExecutionCompleted,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable.model.parents import default_child_id
from durable.model.values import decode_value
from durable.replay.decision import Decision
from durable.testing.programs.entity_code import entity_id_of
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import Value
from durable.testing.specification import effects
from durable.testing.specification.orchestrations import Step
from tests.replay.recording import EXECUTION

Fact: TypeAlias = tuple[Any, ...]
NAME = "orchestrator"  # what a recording calls the one that it runs


def value_of(text: str | None) -> Value:
    """Read JSON text."""
    return value_of_json(decode_value(text))


def facts_of(decision: Decision) -> Iterator[Fact]:
    """Lay out what an episode has asked for."""
    for fact in decision.facts:
        match fact:
            case TaskScheduled():
                yield ("activity", fact.event_id, fact.name, value_of(fact.input))
            case TimerCreated():
                yield ("timer", fact.event_id, fact.fire_at)
            case SubOrchestrationInstanceCreated():
                kind = "detached" if fact.is_detached else "child"
                is_named = fact.instance_id != default_child_id(EXECUTION, fact.event_id)
                instance_id = fact.instance_id if is_named else None
                yield (kind, fact.event_id, fact.name, value_of(fact.input), instance_id)
            case EventSent():
                yield ("event", fact.event_id, fact.instance_id, fact.name, value_of(fact.input))
            case ExecutionCompleted():
                yield ("ended", fact.orchestration_status.value, value_of(fact.result))
            case _:
                yield from _of_entities(fact)


def _of_entities(fact: HistoryEvent) -> Iterator[Fact]:
    match fact:
        case EntityOperationCalled():
            asked = (fact.instance_id, fact.operation, value_of(fact.input))
            yield ("operation", fact.event_id, *asked)
        case EntityOperationSignaled():
            asked = (fact.instance_id, fact.operation, value_of(fact.input))
            yield ("signal", fact.event_id, *asked, fact.scheduled_time)
        case EntityLockRequested():
            yield ("section", fact.event_id, tuple(json.loads(fact.lock_set)))
        case EntityUnlockSent():
            entities = tuple(json.loads(fact.lock_set))
            yield ("release", fact.event_id, fact.critical_section_id, entities)
        case _:
            pass


def facts_foreseen(step: Step) -> Iterator[Fact]:
    """Lay out what the specification asks for, in the same way."""
    for effect in step.effects:
        match effect:
            case effects.ActivityAsked():
                yield ("activity", effect.task_id, effect.name, effect.argument)
            case effects.TimerAsked():
                yield ("timer", effect.task_id, effect.due_at)
            case effects.ChildAsked() | effects.DetachedAsked():
                kind = "child" if isinstance(effect, effects.ChildAsked) else "detached"
                yield (kind, effect.task_id, effect.name, effect.argument, effect.instance_id)
            case effects.EventSent():
                yield ("event", effect.task_id, effect.instance_id, effect.name, effect.data)
            case effects.Ended(status="Failed"):
                text = f"Orchestrator function '{NAME}' failed: {effect.output}"
                yield ("ended", effect.status, text)
            case effects.Ended():
                yield ("ended", effect.status, effect.output)
            case effects.ContinuedAsNew():
                yield ("ended", "ContinuedAsNew", effect.argument)
            case _:
                yield from _of_entities_foreseen(effect)


def _of_entities_foreseen(effect: effects.Effect) -> Iterator[Fact]:
    match effect:
        case effects.OperationAsked():
            asked = (_instance(effect.entity), effect.operation, effect.argument)
            yield ("operation", effect.task_id, *asked)
        case effects.SignalSent():
            asked = (_instance(effect.entity), effect.operation, effect.argument)
            yield ("signal", effect.task_id, *asked, effect.due_at)
        case effects.SectionAsked():
            yield ("section", effect.task_id, tuple(map(_instance, effect.entities)))
        case effects.SectionLeft(release_id=None):
            pass  # what the code does not ask for is the engine's to do
        case effects.SectionLeft():
            entities = tuple(map(_instance, effect.entities))
            yield ("release", effect.release_id, effect.task_id, entities)
        case _:
            raise AssertionError(f"no code asks for {effect}")


def _instance(entity: str) -> str:
    return str(entity_id_of(entity))
