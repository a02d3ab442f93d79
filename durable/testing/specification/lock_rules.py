"""The rules inside a critical section, with the words that an orchestration is told.

Paper 3.4.1 and Fig. 9; two parallel calls of one locked entity, and the empty set, are Durable
Functions' own rules. Activities and timers are allowed (ours, decision 7). A broken rule raises an
error where it is broken; the locks are released when the error leaves the section.
"""

from collections.abc import Collection, Sequence

from durable.testing.specification.tasks import Asked, ChildCall, OperationCall, Retrying, Task

NO_CHILDREN = "While holding locks, cannot call suborchestrators."
NO_SIGNAL_TO_LOCKED = "Must not signal a locked entity from a critical section."
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
    wanted: Sequence[Task], *, locked: Collection[str], section: int, tasks: Sequence[Task]
) -> str | None:
    """Say which rule the first of the wanted tasks breaks that breaks one.

    Paper Fig. 9, CS-Call-Ent: the entity of a call is in the lock set. Ours, decision 1: what is
    awaited is judged as a whole before anything of it is scheduled.
    """
    pending = {
        task.entity
        for task in tasks
        if isinstance(task, Asked) and task.kind == "operation" and task.section == section
    }
    for task in wanted:
        match task:
            case ChildCall() | Retrying(call=ChildCall()):
                return NO_CHILDREN
            case OperationCall(entity=entity) if entity not in locked:
                return NO_CALL_OF_UNLOCKED
            case OperationCall(entity=entity) if entity in pending:
                return NO_SECOND_CALL
            case OperationCall(entity=entity):
                pending.add(entity)
            case _:
                pass
    return None
