"""JSON forms: how values of the standard library stand in JSON, and how they are read back.

A form is plain: no tag says which type it was, so whoever reads it must know the type. Times are
ISO 8601, durations too; numbers that a float would change are text; bytes are base64.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

DURATION = re.compile(
    r"(?P<sign>[+-])?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+)(?:[.,](?P<fraction>\d{1,6})\d*)?S)?)?"
)
DIGITS_MAX = 9
"""Of each part of a duration: more would overflow, or take long to multiply."""


@dataclass(frozen=True, slots=True)
class Form:
    """One type's form. `read` raises `TypeError` or `ValueError` for what is none."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def write_duration(value: timedelta) -> str:
    """Print a duration to the microsecond."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = str(value.seconds)
    if value.microseconds:
        seconds += f".{value.microseconds:06}".rstrip("0")
    return f"{sign}P{value.days}DT{seconds}S"


def read_duration(value: Any) -> timedelta:
    """Read ISO 8601 without years and months; a number is seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within_limits(seconds=value)
    match = DURATION.fullmatch(_text(value))
    if match is None or value.endswith(("P", "T")):
        raise ValueError("not an ISO 8601 duration")
    parts = {name: match[name] or "0" for name in ("weeks", "days", "hours", "minutes", "seconds")}
    if max(map(len, parts.values())) > DIGITS_MAX:
        raise ValueError("too long a duration")
    microseconds = int((match["fraction"] or "").ljust(6, "0"))
    length = _within_limits(
        microseconds=microseconds, **{name: int(digits) for name, digits in parts.items()}
    )
    return -length if match["sign"] == "-" else length


def _within_limits(**parts: float) -> timedelta:
    try:
        return timedelta(**parts)
    except OverflowError as error:
        raise ValueError("too long a duration") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _read_decimal(value: Any) -> Decimal:
    """Read text, or a number as it is printed."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("not a number")
    try:
        return Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError("not a number") from error


def _write_bytes(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _read_bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value), validate=True)


# A subclass before its base: a datetime is a date.
FORMS: Mapping[type, Form] = {
    datetime: Form(datetime.isoformat, lambda value: datetime.fromisoformat(_text(value))),
    date: Form(date.isoformat, lambda value: date.fromisoformat(_text(value))),
    time: Form(time.isoformat, lambda value: time.fromisoformat(_text(value))),
    timedelta: Form(write_duration, read_duration),
    UUID: Form(str, lambda value: UUID(_text(value))),
    Decimal: Form(str, _read_decimal),
    bytes: Form(_write_bytes, _read_bytes),
    bytearray: Form(_write_bytes, lambda value: bytearray(_read_bytes(value))),
}


def form_of(value: Any) -> Form | None:
    """Find the form of a value, if it is of one of these types."""
    return next((form for kind, form in FORMS.items() if isinstance(value, kind)), None)
