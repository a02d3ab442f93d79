"""Rule I: payloads too large for their place go to blobs of the receiver, and come back whole."""

import itertools
from dataclasses import replace
from typing import ClassVar

import pytest
from rule_c_law import NOON, record_of

from durable.model.envelopes import decode_message
from durable.model.errors import InvalidPayloadError
from durable.model.failures import FailureDetails
from durable.model.history import EventRaised, ExecutionStarted, HistoryEvent, TaskFailed
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow
from durable.model.messages import TaskMessage
from durable.storage.keys import escape_key
from durable.storage.partition import Snapshot, commit, load
from durable.storage.payloads import (
    MESSAGE_BYTES_MAX,
    PROPERTY_CHARS_MAX,
    fetch_payloads,
    fetch_record,
    fit_message,
    spill_input,
    spill_rows,
)
from durable.storage.port import BlobMissing, TaskHubStore

LARGE = "x" * (PROPERTY_CHARS_MAX + 1)


class Ids:
    """Ids that nobody else has, in this test."""

    numbers: ClassVar["itertools.count[int]"] = itertools.count()

    def new_id(self) -> str:
        return f"{next(self.numbers):032x}"


def row_of(event: HistoryEvent) -> HistoryRow:
    """Build the row that holds an event."""
    return HistoryRow(ordinal=0, episode=1, execution_id=ExecutionId("e"), event=event)


async def test_a_row_that_fits_stays_as_it_is(store: TaskHubStore, instance_id: InstanceId) -> None:
    """At the limit no blob is made."""
    row = row_of(EventRaised(timestamp=NOON, name="n", input="x" * PROPERTY_CHARS_MAX))
    assert await spill_rows(store, Ids(), instance_id, [row]) == (row,)


@pytest.mark.parametrize("text", [LARGE, "🌍" * (PROPERTY_CHARS_MAX // 2 + 1), "ж" * 40_000])
async def test_a_large_payload_of_a_row_comes_back_from_its_blob(
    store: TaskHubStore, instance_id: InstanceId, text: str
) -> None:
    """Through spill, commit, load and fetch the event stays the same, in any script."""
    event = EventRaised(timestamp=NOON, name="n", input=text)
    [row] = await spill_rows(store, Ids(), instance_id, [row_of(event)])
    assert set(row.blobs) == {"Input"}
    record = replace(record_of(ExecutionId("e")), sequence=0)
    await commit(store, instance_id, Snapshot(), record, [row])
    (read,) = (await load(store, instance_id)).rows
    assert read.event != event
    assert await fetch_payloads(store, read.event, read.blobs) == event


async def test_large_failure_details_come_back_as_details(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A structure that lies in a blob is a structure again."""
    inner = FailureDetails(error_type="Inner", error_message="i", stack_trace=LARGE)
    details = FailureDetails(error_type="Outer", error_message="o", inner_failure=inner)
    event = TaskFailed(
        timestamp=NOON, task_scheduled_id=1, reason="r", details=LARGE, failure_details=details
    )
    [row] = await spill_rows(store, Ids(), instance_id, [row_of(event)])
    assert set(row.blobs) == {"Details", "FailureDetails"}
    record = replace(record_of(ExecutionId("e")), sequence=0)
    await commit(store, instance_id, Snapshot(), record, [row])
    (read,) = (await load(store, instance_id)).rows
    assert await fetch_payloads(store, read.event, read.blobs) == event


async def test_the_large_input_of_a_start_comes_back_into_the_record(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A pending instance names the blob that holds its two megabytes."""
    text = "i" * 2_000_000
    blobs = await spill_input(store, Ids(), instance_id, text)
    record = replace(record_of(ExecutionId("e")), blobs=blobs)
    await commit(store, instance_id, Snapshot(), record, ())
    read = (await load(store, instance_id)).record
    assert read == record
    assert await fetch_record(store, read) == replace(record, input=text)
    assert await spill_input(store, Ids(), instance_id, "small") == {}


async def test_a_message_of_two_megabytes_fits_into_a_queue(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """What the queue carries is small; the payload is beside it, named by the receiver's id."""
    event = ExecutionStarted(timestamp=NOON, name="n", input="x" * 2_000_000)
    start = TaskMessage(instance_id=instance_id, event=event, execution_id=ExecutionId("e"))
    body = await fit_message(store, Ids(), start)
    assert len(body.encode()) <= MESSAGE_BYTES_MAX
    message = decode_message(body)
    assert all(name.startswith(f"{escape_key(instance_id)}/") for name in message.blobs.values())
    assert await fetch_payloads(store, message.event, message.blobs) == event


async def test_a_message_that_fits_needs_no_blob(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Most messages are small."""
    event = EventRaised(timestamp=NOON, name="n", input="small")
    message = TaskMessage(instance_id=instance_id, event=event, message_id="m")
    assert decode_message(await fit_message(store, Ids(), message)) == message


async def test_a_message_that_cannot_fit_is_refused(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A message whose frame alone is too large is an error, not a loop."""
    message = TaskMessage(
        instance_id=instance_id,
        event=EventRaised(timestamp=NOON, name="n", input="small"),
        message_id="m" * 60_000,
    )
    with pytest.raises(InvalidPayloadError):
        await fit_message(store, Ids(), message)


async def test_a_payload_whose_blob_is_gone_is_missing(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Whoever fetches it is told so, and decides."""
    row = row_of(EventRaised(timestamp=NOON, name="n", input=LARGE))
    [row] = await spill_rows(store, Ids(), instance_id, [row])
    await store.delete_blobs(row.blobs.values())
    with pytest.raises(BlobMissing):
        await fetch_payloads(store, row.event, row.blobs)
