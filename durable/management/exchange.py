"""Request and Response: one HTTP exchange as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked.

    `path` is below the tree's base, its segments percent-decoded once (`%2F` stays as it is, as
    every router leaves it). Names of `query` and `headers` may have any case. `url` is the whole
    address, for `Location`.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    url: str = ""

    def query_value(self, name: str) -> str | None:
        """Find a query value; names are case-insensitive, as in the extension."""
        return _find(self.query, name)

    def header(self, name: str) -> str | None:
        """Find a header."""
        return _find(self.headers, name)

    def flag(self, name: str, *, default: bool) -> bool:
        """Read a boolean of the query; what is neither `true` nor `false` counts as absent."""
        text = (self.query_value(name) or "").strip().lower()
        return {"true": True, "false": False}.get(text, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is answered. `body` is text; an empty one has no content type."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def _find(values: Mapping[str, str], name: str) -> str | None:
    wanted = name.lower()
    for known, value in values.items():
        if known.lower() == wanted:
            return value
    return None
