"""TaskMessage ↔ the text of a queue message.

Our envelope is `1:` and a JSON object. It does not start with `{`, because the Functions host
parses a body that looks like a JSON object into trigger metadata, and lets the body's `Id` or
`DequeueCount` replace the queue's own. What is too large for a queue lies in blobs, which
`blobs` names, column by column (storage/payloads.py).
"""

import json
from dataclasses import replace
from typing import Any, TypeVar

from durable.model.codec import (
    UNREADABLE,
    decode_event,
    decode_time,
    encode_event,
    to_json,
)
from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityLockBroken,
    EntityOperationSignaled,
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.streams import Origin

T = TypeVar("T")

WHOLE = "1:"
# What clients ask of a live instance.
REQUESTS = (
    EventRaised,
    ExecutionTerminated,
    ExecutionSuspended,
    ExecutionResumed,
    ExecutionRewound,
)
# What clients ask of an entity.
ENTITY_REQUESTS = (EntityOperationSignaled, EntityLockBroken)


def encode_message(message: TaskMessage) -> str:
    """Print a message."""
    members: dict[str, Any] = {
        "to": message.instance_id,
        "event": encode_event(message.event, message.blobs),
    }
    names: dict[str, Any] = {
        "execution": message.execution_id,
        "generation": message.generation,
        "replacedEpisode": message.replaced_episode,
        "id": message.message_id,
    }
    members |= {name: value for name, value in names.items() if value is not None}
    if message.origin is not None:
        members["origin"] = message.origin.to_text()
        members["number"] = message.number
    if message.again:
        members["again"] = True
    if message.held_since is not None:
        members["heldSince"] = message.held_since
    if message.holds:
        members["holds"] = message.holds
    if message.is_suspect:
        members["suspect"] = True
    if message.poisonings:
        members["poisonings"] = message.poisonings
    return WHOLE + to_json(members)


def decode_message(text: str) -> TaskMessage:
    """Read a message, or raise `MalformedMessageError` saying what is wrong with it."""
    if not text.startswith(WHOLE):
        raise MalformedMessageError(f"Not a message of this engine: {text[:80]!r}")
    try:
        members = json.loads(text[len(WHOLE) :])
        event, blobs = decode_event(members["event"])
        event = _as_asked(event)
        execution_id = _optional(members, "execution", str)
        held_since = _optional(members, "heldSince", str)
        origin = _optional(members, "origin", str)
        if isinstance(event, REQUESTS + ENTITY_REQUESTS) and origin is None:
            _required(members, "id")  # without it a second copy could not be known
        if isinstance(event, ExecutionStarted):
            _required(members, "execution")  # the life that it begins
        return TaskMessage(
            instance_id=InstanceId(_required(members, "to")),
            event=event,
            execution_id=None if execution_id is None else ExecutionId(execution_id),
            generation=_optional(members, "generation", int),
            replaced_episode=_optional(members, "replacedEpisode", int),
            message_id=_optional(members, "id", str),
            origin=None if origin is None else Origin.from_text(origin),
            number=0 if origin is None else _positive(members, "number"),
            again=members.get("again", False) is True,
            blobs=blobs,
            held_since=None if held_since is None else decode_time(held_since),
            holds=_optional(members, "holds", int) or 0,
            is_suspect=members.get("suspect", False) is True,
            poisonings=_optional(members, "poisonings", int) or 0,
        )
    except UNREADABLE as error:
        raise MalformedMessageError(
            f"Not a message of this engine: {error!r}: {text[:80]!r}"
        ) from error


def _as_asked(event: HistoryEvent) -> HistoryEvent:
    """Leave out what only the receiver's own commit may say about it.

    (The episode that a rewind names is what its client saw: it is compared, and written anew.)
    """
    if isinstance(event, ExecutionSuspended):
        return replace(event, is_parked=False)
    return event


def _required(members: dict[str, Any], name: str) -> str:
    text = _optional(members, name, str)
    if not text:
        raise TypeError(f"{name} is missing")
    return text


def _positive(members: dict[str, Any], name: str) -> int:
    number = _optional(members, name, int)
    if number is None or number < 1:
        raise TypeError(f"{name} is {number!r}")
    return number


def _optional(members: dict[str, Any], name: str, expected: type[T]) -> T | None:
    value = members.get(name)
    if value is not None and (not isinstance(value, expected) or isinstance(value, bool)):
        raise TypeError(f"{name} is {value!r}")
    return value
