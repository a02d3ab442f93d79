"""What travels between the host and its worker: typed values, and how an invocation ended.

Rule 1. Every value is plain (text, bytes, numbers, and the two HTTP records), so that it crosses a
        pipe. The worker alone turns it into what functions see.
Rule 2. Only the standard library here: a worker of another Python, with another library, loads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the real host describes it; header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    query: dict[str, str]
    params: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer; `set_cookies` are whole values of Set-Cookie headers."""

    status: int
    headers: dict[str, str]
    set_cookies: tuple[str, ...] = ()
    body: bytes = b""


Value = str | bytes | int | float | HttpRequest | HttpResponse | None


@dataclass(frozen=True, slots=True)
class Datum:
    """A value and its wire type: "string", "json" (JSON text), "bytes", "int", "double", "http"."""

    value: Value
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended.

    `returned` is the return value of an HTTP function; `outputs` is what the function wrote to its
    other output bindings, by binding name ("$return" too). `error` is one line, "" on success.
    """

    succeeded: bool
    returned: Datum | None = None
    outputs: Mapping[str, Datum] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
