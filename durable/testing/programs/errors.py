"""What a program raises, and what a runner says that can't run it."""

from durable.model.errors import LockingRulesViolationError
from durable.model.failures import TaskFailedError


class ProgramError(Exception):
    """What a program raises; its text is the message and nothing else."""


# What a `Try` of the language catches: an error of the program, of a task, a broken rule.
CAUGHT = (ProgramError, TaskFailedError, LockingRulesViolationError)


class UnsupportedProgram(Exception):  # noqa: N818  (nobody's fault: this runner can't)
    """The program asks for what this runner can't do; the text begins with the construct's name."""


def message_of(error: Exception) -> str:
    """Find the message that the program itself gave: a TaskFailedError's text has a traceback."""
    if isinstance(error, TaskFailedError) and error.failure_details is not None:
        return error.failure_details.error_message
    return str(error)
