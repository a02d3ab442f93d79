"""The rules of critical sections: what an orchestrator may not ask for while it has one.

Sources: the paper, section 3.4.1 and Fig. 9; OrchestrationEntityContext.cs of DTFx for the texts
and for the rules about calls that are pending.

Rule 1. What is awaited is judged as a whole, from left to right, before anything of it is asked
        for; so a broken rule has no effect but its error.
Rule 2. A section counts from the request to its release. Children and a second section are refused
        all that time; a child could call what its parent holds, and both would wait for ever.
Rule 3. While the request is pending no entity is called, neither one that is being locked nor any
        other; nor together with it, in the same yield. What was called before is in front of it.
Rule 4. Inside, a locked entity has one call at a time; calls from before the section don't count.
Rule 5. Signals are judged when they are made: none goes to an entity of the set.
Rule 6. Allowed are activities, timers, events, detached starts, and signals to other entities.
"""

from collections.abc import Iterable, Mapping, Sequence

from durable.replay.calls import EntityTask, OneAnswerTask, SubOrchestrationTask
from durable.replay.locks import LockTask
from durable.replay.retries import RetryAbleTask
from durable.replay.sections import Section
from durable.replay.tasks import TaskBase

NO_CHILDREN = "While holding locks, cannot call suborchestrators."
NO_SIGNAL_TO_LOCKED = "Must not signal a locked entity from a critical section."
NO_CALL_BEFORE_THE_GRANT = (
    "Must await the completion of the lock request prior to calling any entity."
)
NO_SECOND_CALL = (
    "Must not call an entity from a critical section "
    "while a prior call to the same entity is still pending."
)
NO_CALL_OF_UNLOCKED = (
    "Must not call an entity from a critical section if it is not one of the locked entities."
)
NO_NESTING = "Must not enter another critical section from within a critical section."
NO_EMPTY_SECTION = "The list of entities to lock must not be empty."


def broken_by(
    wanted: Sequence[TaskBase], section: Section | None, open_tasks: Mapping[int, OneAnswerTask]
) -> str | None:
    """Say which rule the first of these leaves breaks that breaks one."""
    requests = {id(task): task for task in wanted if is_to_lock(task)}
    if section is None and not requests:
        return None
    if section is not None and section.is_entered and not requests:
        return _broken_inside(wanted, section, open_tasks)
    if len(requests) > (1 if section is None else 0):
        return NO_NESTING
    return next(
        (
            NO_CHILDREN if _is_child(t) else NO_CALL_BEFORE_THE_GRANT
            for t in wanted
            if _is_child(t) or _is_new_call(t)
        ),
        None,
    )


def is_to_lock(task: TaskBase) -> bool:
    """Say whether awaiting this asks for locks."""
    return isinstance(task, LockTask) and task.id is None and not task.is_cancelled


def _broken_inside(
    wanted: Iterable[TaskBase], section: Section, open_tasks: Mapping[int, OneAnswerTask]
) -> str | None:
    # Ids count up, and no entity is called while the request is pending: what was called under a
    # greater id was called in this section.
    pending: dict[str, TaskBase] = {
        task.instance_id: task
        for task_id, task in open_tasks.items()
        if isinstance(task, EntityTask) and task_id > section.task_id
    }
    for task in wanted:
        if _is_child(task):
            return NO_CHILDREN
        if isinstance(task, EntityTask) and task.id is None:
            if task.instance_id not in section.lock_set:
                return NO_CALL_OF_UNLOCKED
            if pending.setdefault(task.instance_id, task) is not task:
                return NO_SECOND_CALL
    return None


def _is_child(task: TaskBase) -> bool:
    """Say whether awaiting this starts a child, now or, for a retry that goes on, later."""
    if isinstance(task, RetryAbleTask):
        return task.calls_child and not task.is_completed
    return isinstance(task, SubOrchestrationTask) and task.id is None


def _is_new_call(task: TaskBase) -> bool:
    return isinstance(task, EntityTask) and task.id is None
