"""Payloads too large for a row or a message lie in blobs, put there before what names them (rule I).

A payload has one blob for its whole way: the message that carries it names the blob, and so does
the row that takes it. The blob belongs to the *receiver*: its name begins with the receiver's
escaped id, so that purging the receiver finds it, and no sender ever deletes it.
Names hold a fresh id, never a row number alone: two commits that race for one ordinal must not
write one blob.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from durable.model.codec import FIELDS, with_payload
from durable.model.envelopes import encode_message
from durable.model.errors import InvalidPayloadError
from durable.model.failures import FailureDetails
from durable.model.history import HistoryEvent
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.records import PAYLOADS
from durable.storage.keys import escape_key
from durable.storage.port import BlobStore

# A table property holds 64 KiB of UTF-16; a queue message 48 KiB before base64 (DTFx cuts at the
# same lengths, storage.md section 1.6).
PROPERTY_CHARS_MAX = 30_000
MESSAGE_BYTES_MAX = 45 * 1024


class NewId(Protocol):
    """Something that makes ids nobody else has."""

    def new_id(self) -> str:
        """Make one."""
        ...


def utf16_length(text: str) -> int:
    """Count as a table property does: characters beyond the basic plane are two."""
    return len(text) + sum(character > "\uffff" for character in text)


async def spill_row(store: BlobStore, ids: NewId, instance_id: InstanceId, row: HistoryRow) -> HistoryRow:
    """Move the row's payloads that no property can hold into blobs."""
    blobs = dict(row.blobs)
    for column, text in _texts(row.event):
        if column not in blobs and utf16_length(text) > PROPERTY_CHARS_MAX:
            kind = type(row.event).__name__
            blobs[column] = _name(instance_id, f"history-{kind}-{column}", ids)
            await store.put_blob(blobs[column], text)
    return row if len(blobs) == len(row.blobs) else replace(row, blobs=blobs)


async def spill_input(
    store: BlobStore, ids: NewId, instance_id: InstanceId, text: str
) -> dict[str, str]:
    """Put the input of a start into a blob if no property can hold it; return column → blob name."""
    if utf16_length(text) <= PROPERTY_CHARS_MAX:
        return {}
    name = _name(instance_id, "start-Input", ids)
    await store.put_blob(name, text)
    return {"Input": name}


async def fit_message(store: BlobStore, ids: NewId, message: TaskMessage) -> str:
    """Print the message so that a queue takes it, the largest payloads first moved into blobs."""
    while len((body := encode_message(message)).encode()) > MESSAGE_BYTES_MAX:
        texts = [text for text in _texts(message.event) if text[0] not in message.blobs]
        if not texts:
            raise InvalidPayloadError(
                f"A message to instance '{message.instance_id}' has {len(body)} characters beside "
                f"its payloads; a queue takes {MESSAGE_BYTES_MAX} bytes."
            )
        column, text = max(texts, key=lambda item: len(item[1]))
        kind = type(message.event).__name__
        name = _name(message.instance_id, f"message-{kind}-{column}", ids)
        await store.put_blob(name, text)
        message = replace(message, blobs={**message.blobs, column: name})
    return body


async def fetch_payloads(
    store: BlobStore, event: HistoryEvent, blobs: Mapping[str, str]
) -> HistoryEvent:
    """Fill in the payloads that lie in blobs, or raise `BlobMissing`."""
    texts = await asyncio.gather(*(store.read_blob(name) for name in blobs.values()))
    for column, text in zip(blobs, texts, strict=True):
        event = with_payload(event, column, text)
    return event


async def fetch_record(store: BlobStore, record: InstanceRecord) -> InstanceRecord:
    """Fill in the record's payloads that lie in blobs, or raise `BlobMissing`."""
    for column, field in PAYLOADS:
        if column in record.blobs and getattr(record, field) is None:
            text = await store.read_blob(record.blobs[column])
            record = replace(record, **{field: text})  # type: ignore[arg-type]
    return record


def _texts(event: HistoryEvent) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for field, column in FIELDS[type(event)]:
        value = getattr(event, field)
        if isinstance(value, FailureDetails):
            value = value.to_json()
        if isinstance(value, str):
            texts.append((column, value))
    return texts


def _name(instance_id: InstanceId, what: str, ids: NewId) -> str:
    return f"{escape_key(instance_id)}/{what}-{ids.new_id()}.json.gz"
