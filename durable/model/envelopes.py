"""TaskMessage ↔ the text of a queue message.

Our envelope is `1:` and a JSON object. It does not start with `{`, because the Functions host
parses a body that looks like a JSON object into trigger metadata (functions-host.md section 1.1).
A message too large for the queue is `1@` and the name of the blob that holds its envelope.
"""

import json
from typing import Any

from durable.model.codec import decode_event, decode_time, encode_event, to_json
from durable.model.errors import MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage

WHOLE = "1:"


def encode_message(message: TaskMessage) -> str:
    """Print a message."""
    members: dict[str, Any] = {
        "to": message.instance_id,
        "event": encode_event(message.event, message.blobs),
    }
    if message.execution_id is not None:
        members["execution"] = message.execution_id
    if message.generation is not None:
        members["generation"] = message.generation
    if message.message_id is not None:
        members["id"] = message.message_id
    if message.again:
        members["again"] = True
    if message.held_since is not None:
        members["heldSince"] = message.held_since
        members["holds"] = message.holds
    return WHOLE + to_json(members)


def decode_message(text: str) -> TaskMessage:
    """Read a message, or raise `MalformedMessageError` saying what is wrong with it."""
    if not text.startswith(WHOLE):
        raise MalformedMessageError(f"Not a message of this engine: {text[:80]!r}")
    try:
        members = json.loads(text[len(WHOLE) :])
        event, blobs = decode_event(members["event"])
        execution_id = members.get("execution")
        held_since = members.get("heldSince")
        return TaskMessage(
            instance_id=InstanceId(_text(members["to"])),
            event=event,
            execution_id=None if execution_id is None else ExecutionId(_text(execution_id)),
            generation=members.get("generation"),
            message_id=members.get("id"),
            again=bool(members.get("again", False)),
            blobs=blobs,
            held_since=None if held_since is None else decode_time(held_since),
            holds=int(members.get("holds", 0)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessageError(f"Not a message of this engine: {error!r}: {text[:80]!r}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected text, found {value!r}")
    return value
