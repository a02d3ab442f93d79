"""An exception as data: what an activity or orchestrator raised, as it is kept in the history.

The JSON members are DTFx's FailureDetails, so that tools which know those show ours.
"""

import json
import traceback
from dataclasses import dataclass
from typing import Any

from durable.model.errors import DurableError


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetails:
    """One exception and the chain that caused it."""

    error_type: str
    error_message: str
    stack_trace: str | None = None
    inner_failure: "FailureDetails | None" = None

    @classmethod
    def of(cls, error: BaseException) -> "FailureDetails":
        """Describe an exception, its traceback and its cause, without keeping the objects alive."""
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return cls(
            error_type=type(error).__name__,
            error_message=str(error),
            stack_trace="".join(traceback.format_tb(error.__traceback__)) or None,
            inner_failure=cls.of(cause) if cause is not None and cause is not error else None,
        )

    def to_json(self) -> str:
        """Print as DTFx does."""
        return json.dumps(self._members(), ensure_ascii=True)

    def _members(self) -> dict[str, Any]:
        inner = self.inner_failure
        return {
            "ErrorType": self.error_type,
            "ErrorMessage": self.error_message,
            "StackTrace": self.stack_trace,
            "InnerFailure": inner._members() if inner is not None else None,
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


class TaskFailedError(DurableError):
    """A task that the orchestrator awaited has failed. `str()` is what azure-functions-durable 1.7 says."""

    def __init__(self, reason: str, details: str, failure: FailureDetails | None = None) -> None:
        """Keep the failure as data beside the text."""
        super().__init__(f"{reason} \n {details}")
        self.failure_details = failure
        self.error_type = failure.error_type if failure else "Exception"
