"""From a cookie of the worker protocol (RpcHttpCookie) to the value of a Set-Cookie header.

The real host rebuilds the header from these members as well (ScriptInvocationContext's cookies are
appended to the response one by one), so what a function set may come out in another order.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


def cookie_header(cookie: Any) -> str:
    """Spell a cookie as RFC 6265 does."""
    parts = [f"{cookie.name}={cookie.value}"]
    if _value(cookie.expires) is not None:
        moment = datetime.fromtimestamp(cookie.expires.value.seconds, tz=UTC)
        parts.append(f"Expires={format_datetime(moment, usegmt=True)}")
    if _value(cookie.max_age) is not None:
        parts.append(f"Max-Age={int(cookie.max_age.value)}")
    for label, member in (("Domain", cookie.domain), ("Path", cookie.path)):
        if _value(member):
            parts.append(f"{label}={member.value}")
    if _value(cookie.secure):
        parts.append("Secure")
    if _value(cookie.http_only):
        parts.append("HttpOnly")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"SameSite={_SAME_SITE[cookie.same_site]}")
    return "; ".join(parts)


def _value(member: Any) -> Any:
    return member.value if member is not None else None
