"""Continuation tokens: where a list goes on, as text that survives HTTP headers and URLs.

Whoever holds one can't read it, and need not. What comes back from a caller may be anything.
"""

import base64
import json
from collections.abc import Collection, Mapping

from durable.model.errors import InvalidTokenError

TOKEN_CHARS_MAX = 8192


def encode_token(place: Mapping[str, str]) -> str:
    """Print a place as letters, digits, `-` and `_`."""
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str, names: Collection[str]) -> dict[str, str]:
    """Read a place of which these are the parts, or raise `InvalidTokenError`."""
    padded = token[:TOKEN_CHARS_MAX] + "=" * (-len(token) % 4)
    try:
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        place = None
    if (
        not isinstance(place, dict)
        or place.keys() != set(names)
        or not all(isinstance(part, str) for part in place.values())
    ):
        raise InvalidTokenError(
            f"The continuation token {token[:40]!r} was not given by a list of this task hub."
        )
    return place
