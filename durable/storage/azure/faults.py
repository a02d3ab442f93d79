"""What Azure answered → the port's outcomes: the one table of status codes and SDK exceptions.

Rule 1. `StorageFault` promises that nothing was written, now or later. It is given only to what
        never left this machine and to refusals. Every doubt is `OutcomeUnknown`.
Rule 2. The service's error code decides before the status: 404 is a lost row, a lost blob or a lost
        table; 409 is a lost race or a table that is being deleted.
Rule 3. azure-core calls every failure of a connection a `ServiceRequestError`, "not sent", also a
        reset after the body went out. What aiohttp raised below it decides.
Rule 4. Nothing is repeated here but a read whose connection was dropped: the service closes idle
        connections, and the first to notice is whoever uses one next.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import aiohttp
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
)

from durable.storage.port import (
    BlobMissing,
    LostRace,
    OutcomeUnknown,
    StorageFault,
    StorageOutcome,
)

T = TypeVar("T")

CODES: Mapping[str, type[StorageOutcome]] = {
    # The condition did not hold. A row that is gone can't have the ETag that it must have.
    "UpdateConditionNotSatisfied": LostRace,
    "ConditionNotMet": LostRace,
    "EntityAlreadyExists": LostRace,
    "BlobAlreadyExists": LostRace,
    "ResourceNotFound": LostRace,
    "EntityNotFound": LostRace,
    "BlobNotFound": BlobMissing,
    # The place is not there, or not yet again: a hub that is being made or deleted.
    "TableNotFound": StorageFault,
    "QueueNotFound": StorageFault,
    "ContainerNotFound": StorageFault,
    "TableBeingDeleted": StorageFault,
    "QueueBeingDeleted": StorageFault,
    "ContainerBeingDeleted": StorageFault,
    "ServerBusy": StorageFault,
    # The service gave up on a request that it had begun.
    "OperationTimedOut": OutcomeUnknown,
    "InternalError": OutcomeUnknown,
}
STATUSES: Mapping[int, type[StorageOutcome]] = {
    408: OutcomeUnknown,
    412: LostRace,
    429: StorageFault,
}
EXISTS = frozenset({"TableAlreadyExists", "QueueAlreadyExists", "ContainerAlreadyExists"})
MISSING_ROWS = frozenset({"ResourceNotFound", "EntityNotFound"})
MISSING_PLACES = frozenset({"TableNotFound", "QueueNotFound", "ContainerNotFound"})
# A stale receipt says that somebody else has the message now: for us it is as good as gone.
MISSING_MESSAGES = frozenset({"MessageNotFound", "PopReceiptMismatch"})
MISSING = MISSING_ROWS | MISSING_PLACES | MISSING_MESSAGES | {"BlobNotFound"}

# What can come out of an SDK call; OSError has TimeoutError and the connection errors below it.
FAILURES = (AzureError, aiohttp.ClientError, OSError)


def code_of(error: HttpResponseError) -> str:
    """Read the service's error code; the empty string if it gave none."""
    code = getattr(error, "error_code", None)
    headers = getattr(error.response, "headers", None)
    if code is None and headers is not None:
        code = headers.get("x-ms-error-code")
    return str(getattr(code, "value", code) or "")


def is_missing_row(error: HttpResponseError) -> bool:
    """Say whether the table is there and the row is not."""
    return code_of(error) in MISSING_ROWS


def outcome_of(error: BaseException, *, is_write: bool) -> type[StorageOutcome]:
    """Say how a call that raised this has ended."""
    kind = _answered(error) if isinstance(error, HttpResponseError) else _unanswered(error)
    if is_write:
        return kind
    # A read has no condition to lose and no effect that could be unknown.
    return BlobMissing if kind is BlobMissing else StorageFault


def _answered(error: HttpResponseError) -> type[StorageOutcome]:
    status = error.status_code
    if status is None:
        # No answer of the storage service at all: azure-identity found no token to ask with, or
        # the body of an answer broke off.
        return StorageFault if _was_never_sent(error) else OutcomeUnknown
    by_code = CODES.get(code_of(error))
    if by_code is not None:
        return by_code
    if status in STATUSES:
        return STATUSES[status]
    # 503 without ServerBusy is some proxy's word, and 2xx here an answer that can't be read.
    return StorageFault if 400 <= status < 500 else OutcomeUnknown


def _in_a_line(error: BaseException) -> str:
    # The SDKs append request ids and the whole body of the answer.
    lines = str(error).splitlines() or [repr(error)]
    code = code_of(error) if isinstance(error, HttpResponseError) else type(error).__name__
    return f"{lines[0]} ({code or 'no code'})"


def _was_never_sent(error: BaseException) -> bool:
    if isinstance(error, ServiceRequestTimeoutError | ClientAuthenticationError):
        return True
    cause = error.__cause__
    return isinstance(error, ServiceRequestError) and isinstance(
        cause, aiohttp.ClientConnectorError | aiohttp.InvalidURL
    )


def _unanswered(error: BaseException) -> type[StorageOutcome]:
    return StorageFault if _was_never_sent(error) else OutcomeUnknown


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn what a write raises into an outcome; `what` names the write for people."""
    try:
        yield
    except FAILURES as error:
        raise outcome_of(error, is_write=True)(f"{what}: {_in_a_line(error)}") from error


async def read(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Read, once more if the connection was dropped; raise `StorageFault` or `BlobMissing`."""
    try:
        try:
            return await call()
        except ServiceRequestError as error:
            if _was_never_sent(error):
                raise
        return await call()
    except FAILURES as error:
        raise outcome_of(error, is_write=False)(f"{what}: {_in_a_line(error)}") from error


async def creating(what: str, creation: Awaitable[object]) -> None:
    """Create a place; that it exists already is fine, that it is being deleted a `StorageFault`."""
    try:
        await creation
    except FAILURES as error:
        if isinstance(error, HttpResponseError) and code_of(error) in EXISTS:
            return
        raise outcome_of(error, is_write=True)(f"{what}: {_in_a_line(error)}") from error


async def deleting(what: str, deletion: Awaitable[object]) -> None:
    """Delete a place or a thing; that it is gone already is fine."""
    try:
        await deletion
    except FAILURES as error:
        if isinstance(error, HttpResponseError) and code_of(error) in MISSING:
            return
        raise outcome_of(error, is_write=True)(f"{what}: {_in_a_line(error)}") from error
