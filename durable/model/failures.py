"""An exception as data: what an activity or orchestrator raised, as it is kept in the history.

The JSON members are DTFx's FailureDetails, so that tools which know those show ours.
"""

import json
import traceback
from dataclasses import dataclass
from typing import Any

from durable.model.errors import DurableError

CAUSES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetails:
    """One exception and the chain that caused it."""

    error_type: str
    error_message: str
    stack_trace: str | None = None
    inner_failure: "FailureDetails | None" = None

    @classmethod
    def of(cls, error: BaseException, *, depth: int = 0) -> "FailureDetails":
        """Describe an exception, its traceback and its causes, without keeping the objects alive.

        The chain is cut at `CAUSES_MAX`: user code can make it a ring.
        """
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return cls(
            error_type=type(error).__name__,
            error_message=text_of(error),
            stack_trace=printable("".join(traceback.format_tb(error.__traceback__))) or None,
            inner_failure=(
                cls.of(cause, depth=depth + 1) if cause is not None and depth < CAUSES_MAX else None
            ),
        )

    def to_json(self) -> str:
        """Print as DTFx does."""
        return json.dumps(self.to_members(), ensure_ascii=True)

    def to_members(self) -> dict[str, Any]:
        """List DTFx's members."""
        inner = self.inner_failure
        return {
            "ErrorType": self.error_type,
            "ErrorMessage": self.error_message,
            "StackTrace": self.stack_trace,
            "InnerFailure": inner.to_members() if inner is not None else None,
            "IsNonRetriable": False,
        }

    @classmethod
    def from_json(cls, text: str) -> "FailureDetails":
        """Read what `to_json` or DTFx printed."""
        return cls._from_members(json.loads(text))

    @classmethod
    def _from_members(cls, members: dict[str, Any]) -> "FailureDetails":
        inner = members.get("InnerFailure")
        return cls(
            error_type=members.get("ErrorType") or "Exception",
            error_message=members.get("ErrorMessage") or "",
            stack_trace=members.get("StackTrace"),
            inner_failure=cls._from_members(inner) if inner else None,
        )


def text_of(error: BaseException) -> str:
    """Print an exception, whatever its `__str__` does."""
    try:
        return printable(str(error))
    except Exception as unprintable:  # noqa: BLE001  (user code: any error is an outcome)
        return f"<{type(error).__name__} that can't be printed: {type(unprintable).__name__}>"


def printable(text: str) -> str:
    """Replace what UTF-8 can't hold (half surrogate pairs), so that storage takes the text."""
    return text.encode("utf-8", "replace").decode()


class TaskFailedError(DurableError):
    """A task that the orchestrator awaited has failed. `str()` is the text of 1.7."""

    def __init__(self, reason: str, details: str, failure: FailureDetails | None = None) -> None:
        """Keep the failure as data beside the text."""
        super().__init__(f"{reason} \n {details}")
        self.failure_details = failure
        self.error_type = failure.error_type if failure else "Exception"
