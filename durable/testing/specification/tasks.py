"""Tasks: what an execution waits for, as a heap of frozen records that name each other by index.

A leaf is made, then asked for (it has a task id), then answered. A composite is never answered: it
is complete when its children say so, and then for ever in the same way.

Rule 1. Ours, decision 1: a composite completes with the recording that completed the child which
        decided it, whenever it was made. One without children was complete before everything.
Rule 2. Ours, decisions 1 and 11: of the children of an `AnyOf` the one that completed earliest
        wins; of two that one recording completed, the left one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from durable.testing.programs.syntax import Value

Ref: TypeAlias = int
Kind: TypeAlias = Literal["activity", "timer", "child", "operation", "section"]


@dataclass(frozen=True, slots=True)
class ActivityCall:
    """An activity that nobody has awaited yet."""

    name: str
    argument: Value


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that nobody has awaited yet."""

    due_at: datetime
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class ChildCall:
    """A child orchestration that nobody has awaited yet."""

    name: str
    argument: Value
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class OperationCall:
    """A call of an entity that nobody has awaited yet."""

    entity: str
    operation: str
    argument: Value


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """The locks of a critical section, sorted and each once, not asked for yet."""

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventWait:
    """A wait for an external event."""

    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A leaf that was asked for under an id; `entity` and `section` belong to an operation."""

    task_id: int
    kind: Kind
    is_cancelled: bool = False
    entity: str | None = None
    section: int | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """A call under a retry policy: the step that it is at, `None` while nobody has awaited it.

    A step is an attempt or the pause before the next one, each with an id of its own. `left` counts
    the attempts that have not begun.
    """

    call: ActivityCall | ChildCall
    left: int
    pause: timedelta
    coefficient: int
    step: Asked | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A leaf that has a value; `order` counts the completions of the execution, from 1."""

    order: int
    value: Value


@dataclass(frozen=True, slots=True)
class Failed:
    """A leaf that failed."""

    order: int
    message: str


@dataclass(frozen=True, slots=True)
class Never:
    """A cancelled timer that is due: it will not complete."""


@dataclass(frozen=True, slots=True)
class All:
    """Complete with all its children, or failed with the first of them that failed."""

    children: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Complete with the first of its children, failed or not."""

    children: tuple[Ref, ...]


Unasked: TypeAlias = ActivityCall | Timer | ChildCall | OperationCall | SectionEntry
Task: TypeAlias = Unasked | EventWait | Asked | Retrying | Completed | Failed | Never | All | Any
Completion: TypeAlias = Completed | Failed


def asked_in(task: Task) -> Asked | None:
    """Give what was asked for and not answered, if this leaf has something."""
    if isinstance(task, Retrying):
        return task.step
    return task if isinstance(task, Asked) else None


def completion_of(tasks: Sequence[Task], ref: Ref) -> Completion | None:
    """Tell how a task is complete, `None` while it is not (rules 1 and 2)."""
    match tasks[ref]:
        case Completed() | Failed() as leaf:
            return leaf
        case All(children):
            return _all_of([completion_of(tasks, child) for child in children])
        case Any(children):
            return _any_of([completion_of(tasks, child) for child in children])
        case _:
            return None


def _all_of(children: Sequence[Completion | None]) -> Completion | None:
    failures = [child for child in children if isinstance(child, Failed)]
    if failures:
        return min(failures, key=lambda failure: failure.order)
    values = [child for child in children if isinstance(child, Completed)]
    if len(values) < len(children):
        return None
    last = max((value.order for value in values), default=0)
    return Completed(last, tuple(value.value for value in values))


def _any_of(children: Sequence[Completion | None]) -> Completion | None:
    if not children:
        return Completed(0, ())
    done = [(child.order, index) for index, child in enumerate(children) if child is not None]
    if not done:
        return None
    order, index = min(done)
    winner = children[index]
    value: Value = winner.value if isinstance(winner, Completed) else None
    if isinstance(winner, Failed):
        value = ("failed", winner.message)
    return Completed(order, (index, value))


def open_leaves_of(tasks: Sequence[Task], ref: Ref) -> Iterator[Ref]:
    """List the leaves under a task, but for those of combinations that are complete."""
    task = tasks[ref]
    if not isinstance(task, All | Any):
        yield ref
    elif completion_of(tasks, ref) is None:
        for child in task.children:
            yield from open_leaves_of(tasks, child)


def leaves_of(tasks: Sequence[Task], ref: Ref) -> Iterator[Ref]:
    """List the leaves under a task from left to right, each once."""
    seen: set[Ref] = set()
    pending = [ref]
    while pending:
        found = pending.pop()
        if found in seen:
            continue
        seen.add(found)
        task = tasks[found]
        if isinstance(task, All | Any):
            pending.extend(reversed(task.children))
        else:
            yield found
