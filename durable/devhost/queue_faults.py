"""What an exception of the storage SDK means to a queue listener."""

from azure.core.exceptions import HttpResponseError
from azure.core.exceptions import ServiceRequestError as _NotSent
from azure.core.exceptions import ServiceResponseError as _NoAnswer


def is_outage(error: Exception) -> bool:
    """Storage is away or busy: nothing is known but that trying again later is right."""
    if isinstance(error, (_NotSent, _NoAnswer)):
        return True
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status is None or status in (408, 429) or status >= 500


def is_missing_queue(error: Exception) -> bool:
    """The queue does not exist (404) or is being deleted or disabled (409): it may come back."""
    return isinstance(error, HttpResponseError) and error.status_code in (404, 409)


def is_taken_over(error: Exception) -> bool:
    """The message is not ours any more: stale receipt (400), gone (404), queue in change (409)."""
    if not isinstance(error, HttpResponseError):
        return False
    if error.status_code in (404, 409):
        return True
    code = getattr(error, "error_code", None)
    name = str(getattr(code, "value", code)).replace("_", "").lower()
    return error.status_code == 400 and name == "popreceiptmismatch"
