"""The pipe between the host and its worker process: frames of JSON, and values in them.

A frame is four bytes of length (big-endian) and that many bytes of JSON: one object, whose "op"
says what it is. To the worker go `invoke` and `stop`; from it come `indexed` or `refused` (once),
then `result` and `log`.

Rule 1. Only the standard library here: a worker of another Python loads this module.
Rule 2. Both ends check `VERSION`: a worker that found another copy of this package says so.
"""

import asyncio
import base64
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from durable.devhost.datum import Datum, HttpRequest, HttpResponse

VERSION = 1
_LENGTH = struct.Struct(">I")

Frame = dict[str, Any]


def encode_frame(frame: Mapping[str, Any]) -> bytes:
    """Make the bytes of one frame; TypeError for what JSON cannot hold."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class FrameReader(asyncio.Protocol):
    """Cuts what comes through a pipe into frames."""

    def __init__(
        self, on_frame: Callable[[Frame], None], on_end: Callable[[], None] | None = None
    ) -> None:
        """`on_frame` is called on the loop for each frame, `on_end` once when the pipe ends."""
        self._on_frame = on_frame
        self._on_end = on_end
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take what came; a frame may come in many pieces, or many frames in one."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            frame = json.loads(buffer[start + _LENGTH.size : end])
            start = end
            self._on_frame(frame)
        if start:
            del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The other end is gone."""
        if self._on_end is not None:
            self._on_end()


def to_wire(datum: Datum) -> list[Any]:
    """Turn a value into what JSON can hold: [type, value]; bytes become base64."""
    value = datum.value
    if isinstance(value, bytes):
        return [datum.type, {"b": _packed(value)}]
    if isinstance(value, HttpRequest):
        request = {
            "method": value.method,
            "url": value.url,
            "headers": value.headers,
            "query": value.query,
            "params": value.params,
            "body": _packed(value.body),
        }
        return [datum.type, {"request": request}]
    if isinstance(value, HttpResponse):
        response = {
            "status": value.status,
            "headers": value.headers,
            "set_cookies": list(value.set_cookies),
            "body": _packed(value.body),
        }
        return [datum.type, {"response": response}]
    return [datum.type, value]


def from_wire(parts: list[Any]) -> Datum:
    """Undo `to_wire`."""
    kind, value = parts
    if not isinstance(value, dict):
        return Datum(value, kind)
    if "b" in value:
        return Datum(base64.b64decode(value["b"]), kind)
    if "request" in value:
        request = value["request"]
        return Datum(HttpRequest(**{**request, "body": base64.b64decode(request["body"])}), kind)
    response = value["response"]
    answer = HttpResponse(
        status=response["status"],
        headers=response["headers"],
        set_cookies=tuple(response["set_cookies"]),
        body=base64.b64decode(response["body"]),
    )
    return Datum(answer, kind)


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
