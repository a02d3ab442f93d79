"""The heap in order: only tasks that can still matter, and completions counted without holes.

Two executions that came to the same point on different ways then have equal states, which is what
an exhaustive exploration lives by.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from durable.testing.specification.tasks import All, Any, Completed, Failed, Ref, Task, asked_in


def reachable(tasks: Sequence[Task], roots: Iterable[Ref]) -> set[Ref]:
    """Give all tasks that the code can still look at from these."""
    found: set[Ref] = set()
    pending = list(roots)
    while pending:
        ref = pending.pop()
        if ref not in found:
            found.add(ref)
            task = tasks[ref]
            if isinstance(task, All | Any):
                pending.extend(task.children)
    return found


def open_among(tasks: Sequence[Task]) -> set[Ref]:
    """Give the tasks that were asked for and not answered."""
    return {ref for ref, task in enumerate(tasks) if asked_in(task) is not None}


def compact(tasks: Sequence[Task], kept: set[Ref]) -> tuple[tuple[Task, ...], dict[Ref, Ref]]:
    """Keep these tasks, in order; give them with the new index of each."""
    refs = sorted(kept)
    moved = {ref: index for index, ref in enumerate(refs)}
    orders = sorted(
        {task.order for ref in refs if isinstance(task := tasks[ref], Completed | Failed)}
    )
    if len(refs) == len(tasks) and len(orders) == max(orders, default=0):
        return tuple(tasks), moved  # as most often: nothing to drop, no hole
    ranks = {order: rank for rank, order in enumerate(orders, start=1)}
    return tuple(_renamed(tasks[ref], moved, ranks) for ref in refs), moved


def _renamed(task: Task, moved: dict[Ref, Ref], ranks: dict[int, int]) -> Task:
    match task:
        case Completed() | Failed() if ranks[task.order] != task.order:
            return replace(task, order=ranks[task.order])
        case All() | Any():
            return replace(task, children=tuple(moved[child] for child in task.children))
        case _:
            return task
