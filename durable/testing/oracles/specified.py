"""SpecificationModel: episodes foreseen by the executable specification, from the program alone."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerFired,
)
from durable.model.ids import InstanceId
from durable.model.status import RuntimeStatus
from durable.testing.oracles.models import Foreseen
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.syntax import Program, Value
from durable.testing.specification.activities import run_activity
from durable.testing.specification.effects import ActivityAsked, Effect, Ended, TimerAsked
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    EventArrived,
    Input,
)
from durable.testing.specification.inputs import TimerFired as TimerIsDue
from durable.testing.specification.orchestrations import apply, begin


class SpecificationModel:
    """What the specification says of one program."""

    def __init__(self, program: Program) -> None:
        """Foresee this program's episodes."""
        self._program = program

    def foresee(
        self, instance_id: InstanceId, state: Any, inputs: Sequence[HistoryEvent], time: datetime
    ) -> Foreseen:
        """Apply the inputs one at a time."""
        del instance_id
        cut = cut_short(inputs, state[1].custom_status if state is not None else None)
        if cut is not None:
            return cut
        name: str = state[0] if state is not None else ""
        orchestration: Any = state[1] if state is not None else None
        effects: list[Effect] = []
        for event in inputs:
            if isinstance(event, ExecutionStarted):
                name = event.name
                step = begin(self._program, name, value_of(event.input), time)
            else:
                step = apply(self._program, orchestration, input_of(event), time)
            orchestration = step.state
            effects += step.effects
        facts = tuple(_fact_of(effect, name) for effect in effects)
        ended = next((fact for fact in facts if fact[0] == "ended"), None)
        shown = orchestration.custom_status
        return Foreseen(
            state=(name, orchestration),
            facts=facts,
            status=RuntimeStatus(orchestration.status),
            output=ended[2] if ended else None,
            custom_status=None if shown is None else text_of(shown),
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


def cut_short(inputs: Sequence[HistoryEvent], shown: Value) -> Foreseen | None:
    """Say what an episode comes to that a terminate is part of (docs/semantics.md, decision 1).

    The terminate counts as the first: a host that lacks the code must be able to end the instance,
    and can't know what the code would do with what came beside it.
    """
    ends = [event for event in inputs if isinstance(event, ExecutionTerminated)]
    if not ends:
        return None
    facts = (("ended", RuntimeStatus.TERMINATED.value, ends[0].input),)
    custom_status = None if shown is None else text_of(shown)
    return Foreseen(None, facts, RuntimeStatus.TERMINATED, ends[0].input, custom_status)


def input_of(event: HistoryEvent) -> Input:
    """Translate a recorded input."""
    match event:
        case TaskCompleted():
            return ActivityCompleted(event.task_scheduled_id, value_of(event.result))
        case TaskFailed():
            details = event.failure_details
            message = details.error_message if details is not None else event.reason
            return ActivityFailed(event.task_scheduled_id, message)
        case TimerFired():
            return TimerIsDue(event.timer_id)
        case EventRaised():
            return EventArrived(event.name, value_of(event.input))
        case _:
            raise AssertionError(f"{event} is no input")


def value_of(text: str | None) -> Value:
    """Read JSON text as a value of the language."""
    return None if not text else value_of_json(json.loads(text))


def text_of(value: Value) -> str:
    """Print a value of the language as the engine prints payloads."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fact_of(effect: Effect, name: str) -> tuple[Any, ...]:
    """Lay an effect out as `models.fact_of` lays out what was recorded."""
    match effect:
        case ActivityAsked():
            return ("activity", effect.task_id, effect.name, text_of(effect.argument))
        case TimerAsked():
            return ("timer", effect.task_id, effect.due_at)
        case Ended(status="Failed"):
            text = f"Orchestrator function '{name}' failed: {effect.output}"
            return ("ended", effect.status, text_of(text))
        case Ended():
            return ("ended", effect.status, text_of(effect.output))
        case _:
            raise AssertionError(f"the engine has nothing for {effect} yet")
