"""Leaves: made from what the language says, then asked for under an id.

Made now means: arguments are evaluated now, and a timer's time is counted from now.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from durable.testing.programs.syntax import (
    CallActivity,
    CallEntity,
    CallOrchestration,
    Retry,
    SetTimer,
    Value,
    WaitForEvent,
)
from durable.testing.specification.effects import (
    ActivityAsked,
    ChildAsked,
    Effect,
    OperationAsked,
    SectionAsked,
    TimerAsked,
)
from durable.testing.specification.expressions import evaluate
from durable.testing.specification.tasks import (
    ActivityCall,
    Asked,
    ChildCall,
    EventWait,
    OperationCall,
    Retrying,
    Task,
    Timer,
    Unasked,
)

LeafExpression: TypeAlias = (
    CallActivity | SetTimer | WaitForEvent | CallOrchestration | CallEntity | Retry
)


def leaf_of(leaf: LeafExpression, variables: Mapping[str, Value], time: datetime) -> Task:
    """Make a leaf in the episode of this time; nothing is asked for yet."""
    match leaf:
        case WaitForEvent(name):
            return EventWait(name)
        case SetTimer(after_s):
            return Timer(time + timedelta(seconds=after_s))
        case Retry(call, attempts, first_s, coefficient):
            pause = timedelta(seconds=first_s)
            return Retrying(_call_of(call, variables, time), attempts, pause, coefficient)
        case CallEntity(entity, operation, argument):
            return OperationCall(entity, operation, evaluate(argument, variables, time))
        case _:
            return _call_of(leaf, variables, time)


def _call_of(
    call: CallActivity | CallOrchestration, variables: Mapping[str, Value], time: datetime
) -> ActivityCall | ChildCall:
    argument = evaluate(call.argument, variables, time)
    if isinstance(call, CallActivity):
        return ActivityCall(call.name, argument)
    return ChildCall(call.name, argument, call.instance_id)


def ask(task: Unasked, *, task_id: int, section: int | None) -> tuple[Asked, Effect]:
    """Ask for a leaf under a fresh id (paper 4.3, Orch-Call-Act; ours, decision 1).

    `section` is the id of the critical section that the code is in.
    """
    match task:
        case ActivityCall(name, argument):
            return Asked(task_id, "activity"), ActivityAsked(task_id, name, argument)
        case Timer(due_at, is_cancelled):
            asked = Asked(task_id, "timer", is_cancelled=is_cancelled)
            return asked, TimerAsked(task_id, due_at)
        case ChildCall(name, argument, instance_id):
            return Asked(task_id, "child"), ChildAsked(task_id, name, argument, instance_id)
        case OperationCall(entity, operation, argument):
            asked = Asked(task_id, "operation", entity=entity, section=section)
            return asked, OperationAsked(task_id, entity, operation, argument)
        case _:
            return Asked(task_id, "section"), SectionAsked(task_id, task.entities)
