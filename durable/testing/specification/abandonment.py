"""Which open tasks of an execution can still matter to it.

The answer to any other is consumed without effect (ours, decision 3), so leaving it out changes
no outcome; it only spares the exploration a transition that does nothing.
"""

from dataclasses import replace

from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.heap import compact, open_among, reachable
from durable.testing.specification.tasks import Asked, Retrying, asked_in


def watched(state: Orchestrating) -> set[int]:
    """Give the task ids whose answers the code may notice.

    The code can name the task, or waits for it, or it is a call inside the section that the code
    is in: while that is open, a second call of the same entity is an error. And a retry goes on
    whether somebody waits for it or not.
    """
    roots = [ref for _, ref in state.made]
    if state.awaited is not None:
        roots.append(state.awaited)
    found = reachable(state.tasks, roots)
    return {
        asked.task_id
        for ref, task in enumerate(state.tasks)
        if (asked := asked_in(task)) is not None
        and not asked.is_cancelled
        and (ref in found or isinstance(task, Retrying) or _is_inside_section(state, asked))
    }


def without_abandoned(state: Orchestrating, kept: set[int]) -> Orchestrating:
    """Forget the open tasks that are not to be kept and that the code cannot name."""
    roots = [ref for _, ref in state.made]
    if state.awaited is not None:
        roots.append(state.awaited)
    still_open = {
        ref
        for ref in open_among(state.tasks)
        if (asked := asked_in(state.tasks[ref])) is not None and asked.task_id in kept
    }
    refs = reachable(state.tasks, roots) | still_open
    if len(refs) == len(state.tasks):
        return state
    tasks, moved = compact(state.tasks, refs)
    return replace(
        state,
        tasks=tasks,
        made=tuple((name, moved[ref]) for name, ref in state.made),
        awaited=None if state.awaited is None else moved[state.awaited],
    )


def _is_inside_section(state: Orchestrating, task: Asked) -> bool:
    return state.lock is not None and task.section == state.lock.task_id
