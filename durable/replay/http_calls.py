"""call_http: a request by the built-in activity, and the polling that a 202 asks for.

Rule 1. What proves who the caller is goes to the origin that the orchestrator named and to no
        other; once a Location has led elsewhere it is not sent again, wherever the next one leads.
Rule 2. Between two requests lies a timer, so an endless 202 costs no more than its polling.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from durable.model.values import encode_value
from durable.replay.calls import ActivityTask, OneAnswerTask, TimerTask
from durable.replay.procedures import Outcome, ProcedureTask, Steps
from durable.replay.surroundings import Surroundings

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
CREDENTIALS = frozenset({"authorization", "cookie", "x-functions-key"})
OF_THE_BODY = frozenset({"content-type", "content-length", "content-encoding"})
POLL_MIN = timedelta(seconds=1)
POLL_MAX = timedelta(days=365)
PORTS = {"http": 80, "https": 443}


class CallHttpTask(ProcedureTask):
    """One HTTP call; the result is the response as 1.7 gives it: statusCode, headers, content."""

    def __init__(
        self,
        request: Mapping[str, Any],
        surroundings: Surroundings,
        *,
        polls: bool,
        timeout: timedelta | None,
    ) -> None:
        """Make this request: method, uri, content, headers, tokenSource."""
        super().__init__()
        self._request = dict(request)
        self._seen = surroundings
        self._polls = polls
        self._timeout = timeout

    def steps(self) -> Steps:
        """Ask; while the answer is a 202 that says where to look, wait and look there."""
        deadline = None if self._timeout is None else self._seen.now + self._timeout
        request = self._request
        while True:
            call = self._call(request, deadline)
            yield call
            response = call.result
            where = _where_to_look(response) if self._polls and call.error is None else None
            if where is None:
                return Outcome(response, call.error is not None)
            request = _next_request(request, where)
            due = self._seen.now + self._delay(response)
            if deadline is not None and due >= deadline:
                return Outcome(self._too_late(), failed=True)
            yield TimerTask(due)

    def _call(self, request: Mapping[str, Any], deadline: datetime | None) -> OneAnswerTask:
        left = None if deadline is None else deadline - self._seen.now
        # By the app's own converter, where it has one: that reads it again for the activity.
        converter = self._seen.types.converter
        return ActivityTask(
            HTTP_ACTIVITY,
            encode_value(request, what="request of call_http", converter=converter),
            timeout_ms=None if left is None else max(1, left // timedelta(milliseconds=1)),
        )

    def _delay(self, response: Mapping[str, Any]) -> timedelta:
        said = _header(response, "retry-after")
        try:
            asked = timedelta(seconds=int(said or ""))
        except (ValueError, OverflowError):
            asked = _until(said, self._seen.now) or self._seen.http_poll
        return min(max(asked, POLL_MIN), POLL_MAX)

    def _too_late(self) -> TimeoutError:
        return TimeoutError(
            f"{self._request['method']} {self._request['uri']} has not been done within "
            f"{self._timeout}: the last answer was still 202 Accepted."
        )


def _where_to_look(response: Any) -> str | None:
    if isinstance(response, Mapping) and response.get("statusCode") == 202:
        return _header(response, "location")
    return None


def _header(response: Mapping[str, Any], name: str) -> str | None:
    headers = response.get("headers")
    if not isinstance(headers, Mapping):
        return None
    return next((str(v) for key, v in headers.items() if str(key).lower() == name), None)


def _until(said: str | None, now: datetime) -> timedelta | None:
    """Read an HTTP date, as far as it is one."""
    try:
        moment = parsedate_to_datetime(said or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _next_request(request: Mapping[str, Any], location: str) -> dict[str, Any]:
    """Look at this location, which may be relative, with the headers that may go there."""
    try:
        uri = urljoin(request["uri"], location)
    except ValueError:
        uri = location  # not an address; the activity says so
    headers = {
        name: value
        for name, value in (request.get("headers") or {}).items()
        if name.lower() not in OF_THE_BODY
    }
    token = request.get("tokenSource")
    if _origin(uri) != _origin(request["uri"]):
        headers = {n: value for n, value in headers.items() if n.lower() not in CREDENTIALS}
        token = None
    return {
        "method": "GET",
        "uri": uri,
        "content": None,
        "headers": headers or None,
        "tokenSource": token,
    }


def _origin(uri: str) -> tuple[str, str | None, int | None]:
    """Name scheme, host and port; a uri that has none of these is like no other."""
    try:
        parts = urlsplit(uri)
        scheme = parts.scheme.lower()
        return scheme, parts.hostname, parts.port or PORTS.get(scheme)
    except ValueError:
        return uri, None, None
