"""What users name things by: functions, operations, events, versions, and the reasons they give.

Such a text stands in rows and messages as it is. One that they can't hold, or that nobody can read
back, is refused at the door: whoever has a row that can't be read serves nobody any more.
"""

from typing import Any

from durable.model.errors import InvalidNameError

NAME_CHARS_MAX = 1000
"""More than anybody needs, and so few that what makes a message too large is never a name."""
REASON_CHARS_MAX = 10_000
"""The record holds it, in one property."""


def checked_name(name: Any, what: str) -> str:
    """Take a name of `what`, an article and a noun. `TypeError`, `InvalidNameError` otherwise."""
    text = _checked(name, f"The name of {what}")
    if not text:
        raise InvalidNameError(f"The name of {what} can't be empty.")
    return _short(text, f"The name of {what}")


def checked_version(version: Any) -> str | None:
    """Take the version of an orchestrator, or none. `TypeError`, `InvalidNameError` otherwise."""
    return None if version is None else _short(_checked(version, "A version"), "A version")


def checked_reason(reason: Any) -> str | None:
    """Take a reason, or none. `TypeError`, `InvalidNameError` otherwise."""
    if reason is None:
        return None
    return _short(_checked(reason, "A reason"), "A reason", REASON_CHARS_MAX)


def _checked(text: Any, what: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{what} is a string, not {type(text).__name__}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidNameError(f"{what} contains half a surrogate pair: {text[:60]!r}.") from None
    # A member of an enum of strings is one, and is not printed as one.
    return str.__str__(text)


def _short(text: str, what: str, most: int = NAME_CHARS_MAX) -> str:
    if len(text) > most:
        raise InvalidNameError(
            f"{what} has {len(text)} characters, {text[:60]!r}...; at most {most} are allowed."
        )
    return text
