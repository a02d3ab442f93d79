"""A queue message on its way to a function: decoded, and with the metadata the real host adds.

Source: QueueTriggerBinding and ScriptHost's Utility.ApplyBindingData. The second one copies the
top level properties of a body that is a JSON object over the built-in metadata, so a message can
lie about its own id; this host does the same, because an engine has to live with it.
"""

import base64
import binascii
import json
from datetime import datetime
from typing import Any, Literal

from azure.storage.queue import QueueMessage

from durable.devhost.datum import Datum

_WHITE_SPACE = str.maketrans("", "", " \t\r\n")


class UndecodableError(Exception):
    """The text is not what `messageEncoding` says that it is."""


def decode_body(text: str, encoding: Literal["base64", "none"]) -> bytes:
    """Undo the app's message encoding; UndecodableError if the text is not base64."""
    if encoding == "none":
        return text.encode()
    try:
        # White space is legal to .NET's Convert.FromBase64String; nothing else is.
        return base64.b64decode(text.translate(_WHITE_SPACE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UndecodableError(str(error)) from error


def body_datum(body: bytes, *, is_binary: bool) -> Datum:
    """Wrap a body for the function; UnicodeDecodeError (a failed invocation) if it is not text."""
    if is_binary:
        return Datum(body, "bytes")
    return Datum(body.decode("utf-8"), "string")


def trigger_metadata(message: QueueMessage, body: bytes) -> dict[str, Datum]:
    """Describe the message as the real host does to the worker."""
    text = body.decode("utf-8", errors="replace")
    metadata = {
        "QueueTrigger": Datum(text, "string"),
        "DequeueCount": Datum(json.dumps(message.dequeue_count), "json"),
        "ExpirationTime": _time(message.expires_on),
        "Id": Datum(message.id, "string"),
        "InsertionTime": _time(message.inserted_on),
        "NextVisibleTime": _time(message.next_visible_on),
        "PopReceipt": Datum(message.pop_receipt, "string"),
    }
    built_in = {name.lower(): name for name in metadata}
    for name, value in _top_level_properties(text).items():
        # The host's dictionary ignores case: "id" in the body replaces "Id".
        metadata[built_in.get(name.lower(), name)] = _property(value)
    return metadata


def _top_level_properties(text: str) -> dict[str, Any]:
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return {}
    try:
        content = json.loads(stripped)
    except ValueError:
        return {}
    return {
        name: value
        for name, value in content.items()
        if value is not None and not isinstance(value, list)
    }


def _property(value: object) -> Datum:
    """Hand a property on as the host does: an object as JSON, everything else as a string."""
    if isinstance(value, dict):
        return Datum(json.dumps(value), "json")
    return Datum(str(value), "string")


def _time(moment: datetime | None) -> Datum:
    return Datum(json.dumps(moment.isoformat() if moment else None), "json")
