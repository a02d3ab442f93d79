"""Section: the critical section that an execution has asked for and not left; one at a time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Section:
    """The entities of a section, by instance id, sorted; `task_id` is that of the request.

    It is entered when the grant is applied, whatever the code waits for by then; before that it is
    a request, which the code can take back.
    """

    task_id: int
    lock_set: tuple[str, ...]
    is_entered: bool = False
    is_left: bool = False
