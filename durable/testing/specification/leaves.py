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
    Task,
    Timer,
    Unasked,
)

LeafExpression: TypeAlias = CallActivity | SetTimer | WaitForEvent | CallOrchestration | CallEntity


def leaf_of(leaf: LeafExpression, variables: Mapping[str, Value], time: datetime) -> Task:
    """Make a leaf in the episode of this time; nothing is asked for yet."""
    match leaf:
        case WaitForEvent(name):
            return EventWait(name)
        case SetTimer(after_s):
            return Timer(time + timedelta(seconds=after_s))
        case _:
            argument = evaluate(leaf.argument, variables, time)
    match leaf:
        case CallActivity():
            return ActivityCall(leaf.name, argument)
        case CallOrchestration():
            return ChildCall(leaf.name, argument, leaf.instance_id)
        case CallEntity():
            return OperationCall(leaf.entity, leaf.operation, argument)


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
