"""Strategies for every value that goes over the wire, built from the classes' own types."""

import dataclasses
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from durable.model.codec import EVENT_TYPES, FIELDS
from durable.model.envelopes import ENTITY_REQUESTS, REQUESTS
from durable.model.failures import FailureDetails
from durable.model.history import ExecutionStarted, ExecutionSuspended, HistoryEvent
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin

# A busy machine is no finding. A failure prints what reproduces it.
settings.register_profile(
    "patient",
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

texts = st.text(max_size=40)
names = st.text(min_size=1, max_size=40)
small_integers = st.integers(-(2**31), 2**31 - 1)
counts = st.integers(0, 2**31 - 1)
zones = st.one_of(
    st.just(UTC), st.integers(-720, 720).map(lambda m: timezone(timedelta(minutes=m)))
)
times = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
properties = st.dictionaries(names, st.none() | st.booleans() | small_integers | texts, max_size=3)
base_types = st.lists(names, max_size=2).map(tuple)
failures: st.SearchStrategy[FailureDetails] = st.recursive(
    st.builds(
        FailureDetails,
        error_type=names,
        error_message=texts,
        stack_trace=st.none() | texts,
        inner_failure=st.none(),
        properties=properties,
        base_types=base_types,
    ),
    lambda inner: st.builds(
        FailureDetails,
        error_type=names,
        error_message=texts,
        stack_trace=st.none() | texts,
        inner_failure=inner,
        properties=properties,
        base_types=base_types,
    ),
    max_leaves=4,
)

OF_TYPES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: small_integers,
    bool: st.booleans(),
    datetime: times,
    RuntimeStatus: st.sampled_from(RuntimeStatus),
    FailureDetails: failures,
    types.NoneType: st.none(),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Make values of a field's type; a type that is not known here fails the test."""
    members = typing.get_args(kind) or (kind,)
    return st.one_of(*(OF_TYPES[member] for member in members))


def events_of(kind: type[HistoryEvent]) -> st.SearchStrategy[HistoryEvent]:
    """Make events of one kind."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)}
    return st.builds(kind, **fields)


events = st.sampled_from(list(EVENT_TYPES.values())).flatmap(events_of)


@st.composite
def events_with_blobs(draw: st.DrawFn) -> tuple[HistoryEvent, dict[str, str]]:
    """Make an event some of whose texts lie in blobs."""
    event = draw(events)
    columns = [
        column
        for field, column in FIELDS[type(event)]
        if isinstance(getattr(event, field), str | FailureDetails)
    ]
    chosen = draw(st.sets(st.sampled_from(columns))) if columns else set()
    return event, {column: draw(names) for column in sorted(chosen)}


@st.composite
def rows(draw: st.DrawFn) -> HistoryRow:
    """Make a history row without blobs."""
    return HistoryRow(
        ordinal=draw(counts),
        episode=draw(counts),
        execution_id=ExecutionId(draw(names)),
        event=draw(events),
        message_id=draw(st.none() | texts),
        number=draw(st.none() | counts),
    )


@st.composite
def records(draw: st.DrawFn) -> InstanceRecord:
    """Make an instance record; a payload is in the record or in a blob."""
    blobs = draw(st.dictionaries(st.sampled_from(["Input", "Output"]), names))
    return InstanceRecord(
        generation=draw(counts),
        life_id=ExecutionId(draw(texts)),
        execution_id=ExecutionId(draw(texts)),
        name=draw(texts),
        status=draw(st.sampled_from(RuntimeStatus)),
        created_at=draw(times),
        updated_at=draw(times),
        commit_id=draw(texts),
        version=draw(st.none() | texts),
        completed_at=draw(st.none() | times),
        sequence=draw(st.integers(-1, 2**31 - 1)),
        base=draw(counts),
        episode=draw(counts),
        unsent=draw(st.frozensets(counts, max_size=8)),
        status_sequence=draw(counts),
        input=None if "Input" in blobs else draw(st.none() | texts),
        output=None if "Output" in blobs else draw(st.none() | texts),
        custom_status=draw(st.none() | texts),
        reason=draw(st.none() | texts),
        parent=draw(st.none() | texts),
        scheduled_at=draw(st.none() | times),
        marks=draw(st.dictionaries(texts, counts, max_size=3)),
        outs=draw(st.dictionaries(texts, counts, max_size=3)),
        message_ids=draw(st.frozensets(names, max_size=3)),
        sealed=draw(counts),
        is_purged=draw(st.booleans()),
        blobs=blobs,
    )


def _life_of_uuid(uuid: UUID) -> ExecutionId:
    return ExecutionId(uuid.hex)


def as_sent(event: HistoryEvent) -> HistoryEvent:
    """Say of an event only what its sender can say: that it parks, the receiver alone notes."""
    if isinstance(event, ExecutionSuspended):
        return dataclasses.replace(event, is_parked=False)
    return event


@st.composite
def messages(draw: st.DrawFn) -> TaskMessage:
    """Make a message without blobs; what a client asks for has an id."""
    held_since = draw(st.none() | times)
    event = draw(events.map(as_sent))
    is_request = isinstance(event, REQUESTS + ENTITY_REQUESTS)
    is_start = isinstance(event, ExecutionStarted)
    origin = draw(
        st.none() | st.builds(Origin, names.map(InstanceId), st.uuids().map(_life_of_uuid))
    )
    return TaskMessage(
        instance_id=InstanceId(draw(names)),
        event=event,
        execution_id=draw((st.nothing() if is_start else st.none()) | names.map(ExecutionId)),
        origin=origin,
        number=0 if origin is None else draw(st.integers(1, 2**31 - 1)),
        generation=draw(st.none() | counts),
        message_id=draw(names if is_request else st.none() | names),
        again=draw(st.booleans()),
        held_since=held_since,
        holds=0 if held_since is None else draw(counts),
    )
