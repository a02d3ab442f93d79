"""What stands in a query or a body, read or refused with a sentence.

A status that is not known is left out of a list's filter, as the extension does. Where a filter
says what to delete it is refused: a slip of the pen must not widen it.
"""

import json
import math
from datetime import UTC, datetime
from typing import Any

from durable.management.exchange import Request
from durable.model.errors import DurableError
from durable.model.queries import InstanceFilter
from durable.model.status import RuntimeStatus

STATUSES = {status.value.lower(): status for status in RuntimeStatus}


class InvalidRequestError(DurableError, ValueError):
    """A query or a body that can't be read; it says which part."""


def read_filter(request: Request, *, is_strict: bool) -> InstanceFilter:
    """Read which instances are meant; `is_strict` refuses statuses that there are not."""
    return InstanceFilter(
        created_from=read_time(request, "createdTimeFrom"),
        created_to=read_time(request, "createdTimeTo"),
        statuses=_read_statuses(request, is_strict=is_strict),
        id_prefix=request.query_value("instanceIdPrefix") or "",
    )


def read_time(request: Request, name: str) -> datetime | None:
    """Read a time of the query in ISO 8601; without a zone it is UTC."""
    text = (request.query_value(name) or "").strip()
    if not text:
        return None
    # A plus that was not encoded arrives as a space.
    for spelling in (text, "+".join(text.rsplit(" ", 1))):
        try:
            moment = datetime.fromisoformat(spelling)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            continue
    raise InvalidRequestError(
        f"'{name}' is {text[:40]!r}; it must be a time like 2026-01-31T12:00:00Z."
    )


def read_count(request: Request, name: str, *, default: int, most: int) -> int:
    """Read a whole number from 1; what is above `most` counts as `most`."""
    text = (request.query_value(name) or "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise InvalidRequestError(f"'{name}' is {text[:40]!r}; it must be a whole number from 1.")
    return min(int(text[:9]), most)


def read_seconds(request: Request, name: str) -> float | None:
    """Read a length of time in seconds, not below 0."""
    text = (request.query_value(name) or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InvalidRequestError(f"'{name}' is {text[:40]!r}; it must be a number of seconds.")
    return seconds


def read_json(body: bytes) -> Any:
    """Read a JSON body, an empty one as `None`."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text) if text.strip() else None
    except ValueError as error:
        raise InvalidRequestError(f"The body is not JSON: {error}") from error
    except RecursionError:
        raise InvalidRequestError("The body is not JSON: it is nested too deeply") from None


def read_text(body: bytes) -> str:
    """Read a body that is text."""
    try:
        return body.decode("utf-8-sig")
    except ValueError as error:
        raise InvalidRequestError(f"The body is not text in UTF-8: {error}") from error


def _read_statuses(request: Request, *, is_strict: bool) -> frozenset[RuntimeStatus]:
    text = request.query_value("runtimeStatus") or ""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name.lower() not in STATUSES]
    if unknown and is_strict:
        raise InvalidRequestError(
            f"'runtimeStatus' has {unknown[0][:40]!r}; statuses are "
            f"{', '.join(status.value for status in RuntimeStatus)}."
        )
    return frozenset(STATUSES[name.lower()] for name in names if name.lower() in STATUSES)
