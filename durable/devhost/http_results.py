"""From what an HTTP function returned to the answer that goes over the wire.

Source: HttpBinding.cs of the Functions host. A `str` whose text is a JSON object with a property
`body` is taken for a description of a response, whether it was meant so or not.
"""

import json
from typing import Any

from aiohttp import web

from durable.devhost.datum import Datum, HttpResponse

# Written by the server itself; a function's own value would contradict it.
_FRAMING_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


def response_from(returned: Datum) -> web.Response:
    """Make the answer."""
    if isinstance(returned.value, HttpResponse):
        return _answer(returned.value)
    text = str(returned.value)
    described = _described(text)
    return web.Response(text=text) if described is None else described


def _answer(parts: HttpResponse) -> web.Response:
    response = web.Response(status=parts.status, body=parts.body)
    # The default content type must not stand beside the function's own.
    response.headers.popall("Content-Type", None)
    for name, value in parts.headers.items():
        if name.lower() not in _FRAMING_HEADERS:
            response.headers[name] = value
    for cookie in parts.set_cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def _described(text: str) -> web.Response | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    parts = {name.lower(): value for name, value in content.items()}
    if "body" not in parts:
        return None
    status = _status(parts)
    body = parts["body"]
    if isinstance(body, dict | list):
        response = web.json_response(body, status=status)
    else:
        response = web.Response(text="" if body is None else str(body), status=status)
    headers = parts.get("headers")
    if isinstance(headers, dict):
        for name, value in headers.items():
            if name.lower() not in _FRAMING_HEADERS:
                response.headers[name] = str(value)
    return response


def _status(parts: dict[str, Any]) -> int:
    for name in ("statuscode", "status"):
        value = str(parts.get(name, ""))
        if value.isdecimal() and 100 <= int(value) <= 599:
            return int(value)
    return 200
