"""SpecificationModel: episodes foreseen by the executable specification, from the program alone."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from durable.model.history import (
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerFired,
)
from durable.model.ids import InstanceId
from durable.model.parents import default_child_id
from durable.model.status import RuntimeStatus
from durable.testing.oracles.entity_facts import signal, start
from durable.testing.oracles.facts import ENDED, Fact, unlock
from durable.testing.oracles.models import Foreseen, Given, Operated, cut_short
from durable.testing.programs.entity_code import state_of
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import Entity, Program, Value, entity_instance_id
from durable.testing.specification.activities import run_activity
from durable.testing.specification.effects import (
    ActivityAsked,
    ChildAsked,
    ContinuedAsNew,
    DetachedAsked,
    Effect,
    Ended,
    EventSent,
    OperationAsked,
    SectionAsked,
    SectionLeft,
    SignalSent,
    StartSent,
    TimerAsked,
)
from durable.testing.specification.entities import Request, run_operation
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    EventArrived,
    Input,
    OperationCompleted,
    OperationFailed,
    Resumed,
    SectionEntered,
    Suspended,
)
from durable.testing.specification.inputs import TimerFired as TimerIsDue
from durable.testing.specification.orchestrations import Orchestrating, apply, begin


@dataclass(frozen=True, slots=True)
class _State:
    """Where an execution stands, and the children that it has asked for, by their tasks."""

    local: Orchestrating
    children: dict[int, str]


class SpecificationModel:
    """What the specification says of one program."""

    def __init__(self, program: Program) -> None:
        """Foresee this program's episodes."""
        self._program = program

    def foresee(self, given: Given) -> Foreseen:
        """Apply the inputs one at a time."""
        state: _State | None = given.state
        open_ = _unanswered(state.local) if state is not None else set()
        children = state.children if state is not None else {}
        lock = state.local.lock if state is not None else None
        sections = {} if lock is None else {lock.task_id: instances_of(lock.entities)}
        cut = cut_short(given, {n: child for n, child in children.items() if n in open_}, sections)
        if cut is not None:
            return cut
        local: Any = state.local if state is not None else None
        effects: list[Effect] = []
        for event in given.inputs:
            if isinstance(event, ExecutionStarted):
                shown = value_of(given.shown)
                argument = value_of(event.input)
                step = begin(self._program, event.name, argument, given.time, custom_status=shown)
            else:
                step = apply(self._program, local, input_of(event), given.time)
            local = step.state
            effects += step.effects
        asked = [effect for effect in effects if isinstance(effect, ChildAsked)]
        started = {each.task_id: _child_id(given, each) for each in asked}
        ended = effects[-1] if effects else None
        carried = ended.unread if isinstance(ended, ContinuedAsNew) else ()
        return Foreseen(
            state=_State(local, {**children, **started}),
            facts=tuple(_fact_of(effect, local.name) for effect in effects),
            status=RuntimeStatus(local.status),
            custom_status=None if local.custom_status is None else text_of(local.custom_status),
            carried=tuple((event.name, text_of(event.data)) for event in carried),
        )

    def refuses(self, asked: TaskScheduled, answer: HistoryEvent) -> str | None:
        """Compare with what the activity comes to."""
        outcome = run_activity(self._program, asked.name, value_of(asked.input))
        match answer:
            case TaskCompleted():
                right = outcome.message is None and value_of(answer.result) == outcome.value
            case TaskFailed():
                details = answer.failure_details
                right = details is not None and details.error_message == outcome.message
            case _:
                right = False
        return None if right else f"{asked} can't be answered by {answer}"

    def new_state(self, instance_id: InstanceId) -> Any:
        """Give the initial state of the program's entity."""
        return self._entity(instance_id).initial

    def operate(
        self, instance_id: InstanceId, state: Any, operation: str, input_: str | None
    ) -> Operated | None:
        """Run the operation as it is specified (decision 6)."""
        request = Request(operation, value_of(input_))
        outcome = run_operation(self._entity(instance_id), state, request)
        return Operated(
            state=outcome.state,
            reply=text_of(outcome.reply),
            error=outcome.message,
            sent=tuple(_sent_by_entity(sent) for sent in outcome.sent),
        )

    def is_state(self, instance_id: InstanceId, state: Any, text: str | None) -> bool:
        """Compare; what was never set is the initial state."""
        return repr(stored_state(self._entity(instance_id), text)) == repr(state)

    def _entity(self, instance_id: InstanceId) -> Entity:
        for entity in self._program.entities:
            if entity_instance_id(entity.name) == instance_id:
                return entity
        raise AssertionError(f"the program has no entity {instance_id}")


def stored_state(entity: Entity, text: str | None) -> Value:
    """Read the state of a program's entity as the store has it."""
    return state_of(entity, None if text is None else json.loads(text))


def _sent_by_entity(sent: SignalSent | StartSent) -> Fact:
    if isinstance(sent, StartSent):
        return start(sent.name, text_of(sent.argument), sent.instance_id)
    return signal(entity_instance_id(sent.entity), sent.operation, text_of(sent.argument))


def _unanswered(local: Orchestrating) -> set[int]:
    """List what is open; an answer that is held because of a suspend has been given."""
    return set(local.open_tasks) - {getattr(held, "task_id", None) for held in local.held}


def input_of(event: HistoryEvent) -> Input:
    """Translate a recorded input."""
    match event:
        case EventRaised():
            return EventArrived(event.name, value_of(event.input))
        case ExecutionSuspended():
            return Suspended()
        case ExecutionResumed():
            return Resumed()
        case TimerFired():
            return TimerIsDue(event.timer_id)
        case _:
            return _answer_of(event)


def _answer_of(event: HistoryEvent) -> Input:
    match event:
        case TaskCompleted():
            return ActivityCompleted(event.task_scheduled_id, value_of(event.result))
        case SubOrchestrationInstanceCompleted():
            return ChildCompleted(event.task_scheduled_id, value_of(event.result))
        case TaskFailed() | SubOrchestrationInstanceFailed():
            details = event.failure_details
            message = details.error_message if details is not None else event.reason
            failed = ActivityFailed if isinstance(event, TaskFailed) else ChildFailed
            return failed(event.task_scheduled_id, message)
        case _:
            return _answer_of_entity(event)


def _answer_of_entity(event: HistoryEvent) -> Input:
    match event:
        case EntityOperationCompleted():
            return OperationCompleted(event.task_scheduled_id, value_of(event.result))
        case EntityOperationFailed():
            details = event.failure_details
            message = details.error_message if details is not None else event.reason
            return OperationFailed(event.task_scheduled_id, message)
        case EntityLockGranted():
            return SectionEntered(event.task_scheduled_id)
        case _:
            raise AssertionError(f"{event} is no input")


def instances_of(entities: Iterable[str]) -> tuple[str, ...]:
    """Give the ids of entities, in the order in which they are locked."""
    return tuple(sorted(entity_instance_id(entity) for entity in entities))


def value_of(text: str | None) -> Value:
    """Read JSON text as a value of the language."""
    return None if not text else value_of_json(json.loads(text))


def text_of(value: Value) -> str:
    """Print a value of the language as the engine prints payloads."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _child_id(given: Given, asked: ChildAsked) -> str:
    return asked.instance_id or default_child_id(given.execution_id, asked.task_id)


def _fact_of(effect: Effect, name: str) -> Fact:
    """Lay an effect out as `models.fact_of` lays out what was recorded."""
    match effect:
        case ActivityAsked(task_id, activity, argument):
            return ("activity", task_id, activity, text_of(argument))
        case TimerAsked(task_id, due_at):
            return ("timer", task_id, due_at)
        case ChildAsked(task_id, started, argument, instance_id):
            return ("child", task_id, started, text_of(argument), instance_id)
        case DetachedAsked(task_id, started, argument, instance_id):
            return ("detached", task_id, started, text_of(argument), instance_id)
        case EventSent(task_id, instance_id, event, data):
            return ("event", task_id, instance_id, event, text_of(data))
        case _:
            return _fact_for_entities(effect) or _end_of(effect, name)


def _fact_for_entities(effect: Effect) -> Fact | None:
    match effect:
        case OperationAsked(task_id, entity, operation, argument):
            return ("call", task_id, entity_instance_id(entity), operation, text_of(argument))
        case SignalSent(entity, operation, argument, task_id, due_at):
            sent = (entity_instance_id(entity), operation, text_of(argument), due_at)
            return ("signal", task_id, *sent)
        case SectionAsked(task_id, entities):
            return ("lock", task_id, instances_of(entities))
        case SectionLeft(task_id, entities):
            return unlock(task_id, instances_of(entities))
        case _:
            return None


def _end_of(effect: Effect, name: str) -> Fact:
    match effect:
        case ContinuedAsNew(argument):
            return (ENDED, RuntimeStatus.CONTINUED_AS_NEW.value, text_of(argument))
        case Ended(status="Failed"):
            text = f"Orchestrator function '{name}' failed: {effect.output}"
            return (ENDED, effect.status, text_of(text))
        case Ended():
            return (ENDED, effect.status, text_of(effect.output))
        case _:
            raise AssertionError(f"the engine has nothing for {effect} yet")
