"""Messages ↔ the text of a queue message."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.model.codec import FIELDS, with_payload
from durable.model.envelopes import decode_message, encode_message
from durable.model.errors import MalformedMessageError
from durable.model.failures import FailureDetails
from durable.model.history import ExecutionSuspended, HistoryEvent
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from tests.model.strategies import as_sent, events_with_blobs, messages

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(message=messages())
def test_messages_come_back_from_their_text(message: TaskMessage) -> None:
    """Encoded and decoded, a message is equal, with every member it may have."""
    assert decode_message(encode_message(message)) == message


@given(message=messages())
def test_no_body_looks_like_json_to_the_host(message: TaskMessage) -> None:
    """The Functions host reads a body that begins with a brace as trigger metadata."""
    assert not encode_message(message).lstrip().startswith(("{", "["))


@given(pair=events_with_blobs())
def test_payloads_beside_the_message_are_named_in_it(
    pair: tuple[HistoryEvent, dict[str, str]],
) -> None:
    """The blobs' texts do not travel; put back in, they make the event whole."""
    event, blobs = as_sent(pair[0]), pair[1]
    message = TaskMessage(
        instance_id=InstanceId("one"),
        execution_id=ExecutionId("e"),
        event=event,
        message_id="m",
        blobs=blobs,
    )
    decoded = decode_message(encode_message(message))
    assert decoded.blobs == blobs
    whole = decoded.event
    for field, column in FIELDS[type(event)]:
        if column in blobs:
            value = getattr(event, field)
            text = value.to_json() if isinstance(value, FailureDetails) else value
            whole = with_payload(whole, column, text)
    assert replace(decoded, event=whole) == message


@given(text=st.text(max_size=60), is_marked=st.booleans())
def test_any_text_is_a_message_or_malformed(text: str, is_marked: bool) -> None:
    """Anybody may write into a queue: what can't be read is said to be malformed."""
    body = f"1:{text}" if is_marked else text
    with pytest.raises(MalformedMessageError):
        decode_message(body)


@given(value=JSON)
def test_any_json_is_a_message_or_malformed(value: Any) -> None:
    """Well-formed JSON of any shape is no message by that alone."""
    with pytest.raises(MalformedMessageError):
        decode_message("1:" + json.dumps(value))


@given(message=messages(), data=st.data(), value=JSON)
def test_a_member_of_any_value_is_a_message_or_malformed(
    message: TaskMessage, data: st.DataObject, value: Any
) -> None:
    """A hostile member gives `MalformedMessageError` or a message, and no other exception."""
    members = json.loads(encode_message(message)[2:])
    place = members["event"] if data.draw(st.booleans()) else members
    place[data.draw(st.sampled_from(sorted({*place, "holds", "heldSince", "id"})))] = value
    try:
        decode_message("1:" + json.dumps(members))
    except MalformedMessageError as error:
        assert str(error)  # noqa: PT017 - both ends are right


def test_a_deep_body_is_malformed() -> None:
    """A body that is brackets all the way down costs nobody but itself."""
    with pytest.raises(MalformedMessageError):
        decode_message("1:" + "[" * 200_000)


def test_an_endless_count_is_malformed() -> None:
    """JSON can say a number that no integer is."""
    with pytest.raises(MalformedMessageError):
        decode_message(f'1:{raised()[:-1]},"holds":1e999}}')


def raised(**members: Any) -> str:
    """Print an event's message, some members of the message or the event being others."""
    event = {"EventType": "EventRaised", "_Timestamp": "2026-01-01", "Name": "n", "EventId": -1}
    event |= {name: members.pop(name) for name in list(members) if name in {*event, "Input"}}
    return json.dumps({"to": "a", "id": "m", "event": event, **members})


def test_a_message_may_be_written_by_hand() -> None:
    """The least that an event's message says."""
    assert decode_message(f"1:{raised()}").instance_id == "a"


@pytest.mark.parametrize(
    "members",
    [
        {"id": {}},
        {"id": None},
        {"id": 5},
        {"generation": "1"},
        {"generation": [1]},
        {"Name": 5},
        {"Name": None},
        {"Input": {"a": 1}},
        {"EventId": "1"},
    ],
    ids=str,
)
def test_a_member_of_another_type_is_malformed(members: dict[str, Any]) -> None:
    """What the engine is given has the types that its class says; a dict can't be a message id."""
    with pytest.raises(MalformedMessageError):
        decode_message(f"1:{raised(**members)}")


def test_nobody_parks_an_instance_from_outside() -> None:
    """Only the commit that parks it says so; a message that claims it is an ordinary suspend."""
    event = ExecutionSuspended(timestamp=datetime(2026, 1, 1, tzinfo=UTC), is_parked=True)
    message = TaskMessage(instance_id=InstanceId("one"), event=event, message_id="m")
    decoded = decode_message(encode_message(message)).event
    assert isinstance(decoded, ExecutionSuspended)
    assert not decoded.is_parked
