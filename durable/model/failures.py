"""An exception as data: what an activity or orchestrator raised, as it is kept in the history.

The JSON members are DTFx's FailureDetails, so that tools which know those show ours. `BaseTypes` is
our own: it lets a handler catch by a base class.

Rule 1. A failure never chooses a class: who raises it again gives the class, or none.
Rule 2. No code of that class runs then, neither its `__init__` nor its `__new__`. Where Python
        can't make such an object the plain `TaskFailedError` is raised.
"""

import functools
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from durable.model.errors import DurableError
from durable.model.writing import write_value

CAUSES_MAX = 10
BASE_TYPES_MAX = 10
PROPERTIES_CHARS_MAX = 4096
"""Of an error's properties as JSON, all together: what would go beyond is left out."""

HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class that a `class` statement made."""

PACKAGE = __name__.partition(".")[0] + "."

NO_PROPERTIES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetails:
    """One exception and the chain that caused it.

    `properties` are JSON values; `base_types` the names of the class's bases below `Exception`.
    """

    error_type: str
    error_message: str
    stack_trace: str | None = None
    inner_failure: "FailureDetails | None" = None
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    base_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException, *, depth: int = 0) -> "FailureDetails":
        """Describe an exception, its traceback and its causes, without keeping the objects alive.

        The chain is cut at `CAUSES_MAX`: user code can make it a ring. A `TaskFailedError` that
        nobody caused is caused by the failure of its task.
        """
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        inner = None
        if cause is not None and depth < CAUSES_MAX:
            inner = cls.of(cause, depth=depth + 1)
        elif isinstance(error, TaskFailedError):
            inner = error.failure_details
        return cls(
            error_type=type(error).__name__,
            error_message=text_of(error),
            stack_trace=printable("".join(traceback.format_tb(_users(error)))) or None,
            inner_failure=inner,
            properties=_properties_of(error),
            base_types=_base_types_of(type(error)),
        )

    @property
    def text(self) -> str:
        """The message; of an error without one its class, as azure-functions-durable 1.7 has it."""
        return self.error_message or f"<class '{self.error_type}'>"

    def is_caused_by(self, error_type: type[BaseException] | str) -> bool:
        """Say whether this error, or one that caused it, is of a class (or its name).

        Classes are compared by their bare names: the failure may come from another process.
        """
        if error_type in (Exception, BaseException):
            return True
        name = error_type if isinstance(error_type, str) else error_type.__name__
        failure: FailureDetails | None = self
        while failure is not None:
            if name == failure.error_type or name in failure.base_types:
                return True
            failure = failure.inner_failure
        return False

    def to_json(self) -> str:
        """Print as DTFx does."""
        return json.dumps(self.to_members(), ensure_ascii=True)

    def to_members(self) -> dict[str, Any]:
        """List DTFx's members; properties and base types only where there are any."""
        inner = self.inner_failure
        members: dict[str, Any] = {
            "ErrorType": self.error_type,
            "ErrorMessage": self.error_message,
            "StackTrace": self.stack_trace,
            "InnerFailure": inner.to_members() if inner is not None else None,
            "IsNonRetriable": False,
        }
        if self.properties:
            members["Properties"] = dict(self.properties)
        if self.base_types:
            members["BaseTypes"] = list(self.base_types)
        return members

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
            properties=dict(members.get("Properties") or {}),
            base_types=tuple(str(name) for name in members.get("BaseTypes") or ()),
        )


def _users(error: BaseException) -> TracebackType | None:
    """Leave out how this package came to call the user's code; keep all where there is none."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames):
        frames = frames.tb_next
    return frames or error.__traceback__


def _is_ours(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__")).startswith(PACKAGE)


def _base_types_of(error_class: type[BaseException]) -> tuple[str, ...]:
    names = [
        kind.__name__
        for kind in error_class.__mro__[1:]
        if issubclass(kind, BaseException)
        and kind not in (Exception, BaseException, TaskFailedError, DurableError)
        # A failed task's class stands for the user's own, whose name it has.
        and kind.__name__ != error_class.__name__
    ]
    return tuple(names[:BASE_TYPES_MAX])


def _properties_of(error: BaseException) -> dict[str, Any]:
    """Take what an error offers as JSON: `failure_properties()`, else its public attributes.

    What it names itself may be private: a property of the class may stand on it.
    """
    if isinstance(error, TaskFailedError):
        return dict(error.properties)
    try:
        offer = getattr(error, "failure_properties", None)
        offered = offer() if callable(offer) else vars(error)
        listed = [
            (name, value)
            for name, value in offered.items()
            if isinstance(name, str) and (callable(offer) or not name.startswith("_"))
        ]
    except Exception:  # noqa: BLE001  (user code: an error must not hide another)
        return {}
    taken: dict[str, Any] = {}
    room = PROPERTIES_CHARS_MAX
    for name, value in listed:
        try:
            text = write_value(value, strict=True)
        except Exception:  # noqa: BLE001, S112  (no JSON form: no property)
            continue
        size = len(text) + len(name)
        if size <= room:
            taken[name] = json.loads(text)
            room -= size
    return taken


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
        self._describe(reason, details, failure)

    def _describe(self, reason: str, details: str, failure: FailureDetails | None) -> None:
        text = f"{reason} \n {details}"
        self.args = (text,)
        self._text = text
        self.failure_details = failure
        self.error_type = failure.error_type if failure else "Exception"
        self.properties: Mapping[str, Any] = failure.properties if failure else NO_PROPERTIES

    def __str__(self) -> str:
        return self._text

    def is_caused_by(self, error_type: type[BaseException] | str) -> bool:
        """Say whether the task failed with an error of this class (or name), or by way of one."""
        if self.failure_details is None:
            return error_type in (Exception, BaseException)
        return self.failure_details.is_caused_by(error_type)


def failed_task(
    reason: str,
    details: str,
    failure: FailureDetails | None,
    error_class: type[BaseException] | None = None,
) -> Exception:
    """Make what a failed task raises; with a class an instance of that too (rules 1 and 2).

    The failure's properties become attributes, unless they would hide something of ours.
    """
    if error_class is not None and not issubclass(error_class, TaskFailedError):
        try:
            return _as_both(reason, details, failure, error_class)
        except Exception:  # noqa: BLE001, S110  (layouts that can't be joined, metaclasses, hooks)
            pass
    return TaskFailedError(reason, details, failure)


def _as_both(
    reason: str, details: str, failure: FailureDetails | None, error_class: Any
) -> Exception:
    joined = _joined(error_class)
    # BaseException.__new__ refuses classes whose layout a base like OSError has extended.
    native: Any = next(kind for kind in joined.__mro__ if not kind.__flags__ & HEAP_TYPE)
    error: TaskFailedError
    if issubclass(joined, BaseExceptionGroup):
        # A group can't be empty, and of what was in it nothing is known but the text.
        error = native.__new__(joined, reason, [TaskFailedError(reason, details, failure)])
    else:
        error = native.__new__(joined)
    error._describe(reason, details, failure)  # noqa: SLF001  (in place of an __init__)
    taken = vars(error).keys() | set(dir(TaskFailedError))
    for name, value in error.properties.items():
        if name not in taken:
            vars(error)[name] = value
    return error


@functools.lru_cache(maxsize=256)
def _joined(error_class: Any) -> type[TaskFailedError]:
    """Make the class that is both, under the user's name."""
    members = {
        "__module__": error_class.__module__,
        "__qualname__": error_class.__qualname__,
        "__doc__": error_class.__doc__,
    }
    made = type(error_class.__name__, (TaskFailedError, error_class), members)
    assert issubclass(made, TaskFailedError)
    return made
