"""History events ↔ columns: what goes in comes out, for every kind of event."""

import dataclasses
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.model.codec import (
    EVENT_TYPES,
    FIELDS,
    Column,
    column_of,
    decode_event,
    decode_row,
    decode_time,
    encode_event,
    encode_row,
    to_json,
    with_payload,
)
from durable.model.errors import MalformedMessageError
from durable.model.failures import FailureDetails
from durable.model.history import HistoryEvent
from durable.model.instance import HistoryRow
from tests.model.strategies import events, events_of, events_with_blobs, rows, times


def every_kind_below(kind: type[HistoryEvent]) -> set[type[HistoryEvent]]:
    """List the classes of facts that the model has."""
    found: set[type[HistoryEvent]] = set()
    for below in kind.__subclasses__():
        # A dataclass with slots is made twice; the first one is nobody's.
        if getattr(__import__(below.__module__, fromlist=["x"]), below.__name__) is below:
            found |= {below, *every_kind_below(below)}
    return found


def test_every_fact_has_a_name_on_the_wire() -> None:
    """A fact that the codec does not know could be committed and never read again."""
    assert set(EVENT_TYPES.values()) == every_kind_below(HistoryEvent)


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
@given(data=st.data())
def test_every_kind_of_event_comes_back_from_its_columns(name: str, data: st.DataObject) -> None:
    """Encoded and decoded, it is equal."""
    event = data.draw(events_of(EVENT_TYPES[name]))
    columns = encode_event(event, {})
    assert columns["EventType"] == name
    assert decode_event(columns) == (event, {})


@given(event=events)
def test_columns_hold_only_what_a_table_can_hold(event: HistoryEvent) -> None:
    """Text, integers, booleans and aware times; never nothing, never a structure."""
    for value in encode_event(event, {}).values():
        assert type(value) in (str, int, bool, datetime)
        assert not isinstance(value, datetime) or value.tzinfo is not None


@given(event=events)
def test_columns_come_back_through_json(event: HistoryEvent) -> None:
    """A message carries the same columns, with times as text."""
    assert decode_event(json.loads(to_json(encode_event(event, {})))) == (event, {})


@given(pair=events_with_blobs())
def test_what_lies_in_blobs_leaves_the_columns_and_comes_back(
    pair: tuple[HistoryEvent, dict[str, str]],
) -> None:
    """The columns name the blobs; with the fetched texts the event is whole again."""
    event, blobs = pair
    columns = encode_event(event, blobs)
    decoded, found = decode_event(columns)
    assert found == blobs
    for field, column in FIELDS[type(event)]:
        if column in blobs:
            value = getattr(event, field)
            assert columns[column] == ""
            text = value.to_json() if isinstance(value, FailureDetails) else value
            decoded = with_payload(decoded, column, text)
    assert decoded == event


@given(row=rows())
def test_rows_come_back_from_their_columns(row: HistoryRow) -> None:
    """With episode, execution, and the message that brought them."""
    assert decode_row(row.ordinal, encode_row(row)) == row


@given(row=rows(), data=st.data())
def test_a_row_that_lost_a_column_is_malformed_or_means_a_default(
    row: HistoryRow, data: st.DataObject
) -> None:
    """A damaged row is an error that names it, never another exception."""
    columns = encode_row(row)
    lost = data.draw(st.sampled_from(sorted(columns)))
    del columns[lost]
    try:
        decode_row(row.ordinal, columns)
    except MalformedMessageError as error:
        assert str(row.ordinal) in str(error)  # noqa: PT017 - both ends are right


junk: st.SearchStrategy[Any] = st.one_of(st.text(max_size=10), st.integers(), st.booleans(), times)


@given(row=rows(), data=st.data())
def test_a_row_with_a_wrong_value_is_never_another_exception(
    row: HistoryRow, data: st.DataObject
) -> None:
    """Whatever a tool has written into a column, only `MalformedMessageError` comes out."""
    columns: dict[str, Column] = encode_row(row)
    changed = data.draw(st.sampled_from(sorted(columns)))
    columns[changed] = data.draw(junk)
    try:
        decode_row(row.ordinal, columns)
    except MalformedMessageError as error:
        assert str(error)  # noqa: PT017 - both ends are right


@given(moment=times)
def test_times_come_back_as_the_same_instant(moment: datetime) -> None:
    """As a table's value and as a message's text, whatever the zone, to the microsecond."""
    assert decode_time(moment) == moment
    assert decode_time(moment.isoformat()) == moment
    assert decode_time(moment).utcoffset() == decode_time("2026-01-01T00:00:00Z").utcoffset()


def test_a_time_without_a_zone_is_utc() -> None:
    """As DurableTask writes them."""
    assert decode_time("2026-01-01T00:00:00").isoformat() == "2026-01-01T00:00:00+00:00"


def test_fields_become_the_columns_that_tools_know() -> None:
    """Pascal case, and the one name that tables keep for themselves."""
    assert column_of("task_scheduled_id") == "TaskScheduledId"
    assert column_of("timestamp") == "_Timestamp"
    for fields in FIELDS.values():
        assert len({column for _, column in fields}) == len(fields)


def test_facts_are_frozen() -> None:
    """Facts never change."""
    for kind in EVENT_TYPES.values():
        assert dataclasses.fields(kind)
        parameters: Any = kind.__dataclass_params__  # type: ignore[attr-defined]
        assert parameters.frozen
