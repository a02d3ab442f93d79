"""From what a function wrote to a queue output to the messages that the real host makes of it.

Source: FunctionBinding.cs of the Functions host (ReadAsEnumerable, BindAsyncCollectorAsync).

Rule 1. Text that looks like JSON is read as JSON: an array becomes one message for each element,
        and an object is written anew, indented. Text that only looks so fails the invocation.
Rule 2. A QueueMessage arrives as the JSON object `{"id": ..., "body": ...}`, for that is what the
        Python library sends, and nobody unwraps it. Return a `str` to send a body.
Rule 3. Bytes are never looked at.
"""

import json
from collections.abc import Sequence

from durable.devhost.datum import Datum


def message_bodies(written: Datum) -> list[bytes]:
    """Turn one output value into message bodies, in order; ValueError if it cannot be sent."""
    value = written.value
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, int | float):
        return [_text(value).encode()]
    if not isinstance(value, str):
        raise TypeError(f"a queue takes no {type(value).__name__}")
    if written.type == "json" or _looks_like_json(value):
        content = _read(value)
        elements: Sequence[object] = content if isinstance(content, list) else [content]
        return [_text(element).encode() for element in elements]
    return [value.encode()]


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"the output looks like JSON and is none, which the host refuses: {error}"
        ) from error


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    ends = (stripped[:1], stripped[-1:])
    return ends in (("{", "}"), ("[", "]"))


def _text(value: object) -> str:
    """Write a value as Newtonsoft's JToken.ToString() does."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, dict | list):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return str(value)
