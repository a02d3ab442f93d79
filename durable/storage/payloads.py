"""Payloads too large for a row or a message lie in blobs, put before what names them (rule I).

A payload has one blob for its whole way: the message that carries it names the blob, and so does
the row that takes it. The blob belongs to the *receiver*: its name begins with the receiver's
escaped id, so that purging the receiver finds it, and no sender ever deletes it.
Names hold a fresh id, never a row number alone: two commits that race for one ordinal must not
write one blob.
"""

import asyncio
from collections.abc import Mapping, Sequence
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

# A table property holds 64 KiB of UTF-16; a queue message 48 KiB before base64; DTFx
# cuts at the same lengths.
PROPERTY_CHARS_MAX = 30_000
MESSAGE_BYTES_MAX = 45 * 1024
BLOBS_AT_ONCE_MAX = 16


class NewId(Protocol):
    """Something that makes ids nobody else has."""

    def new_id(self) -> str:
        """Make one."""
        ...


async def spill_rows(
    store: BlobStore, ids: NewId, instance_id: InstanceId, rows: Sequence[HistoryRow]
) -> tuple[HistoryRow, ...]:
    """Move the rows' payloads that no property can hold into blobs."""
    large = {row.ordinal for row in rows if any(_is_large(text) for _, text in _texts(row.event))}
    if not large:
        return tuple(rows)
    at_once = asyncio.Semaphore(BLOBS_AT_ONCE_MAX)

    async def spill(row: HistoryRow) -> HistoryRow:
        async with at_once:
            return await _spill_row(store, ids, instance_id, row)

    return tuple(await asyncio.gather(*(spill(row) for row in rows)))


async def _spill_row(
    store: BlobStore, ids: NewId, instance_id: InstanceId, row: HistoryRow
) -> HistoryRow:
    blobs = dict(row.blobs)
    for column, text in _texts(row.event):
        if column not in blobs and _is_large(text):
            kind = type(row.event).__name__
            blobs[column] = _name(instance_id, f"history-{kind}-{column}", ids)
            await store.put_blob(blobs[column], text)
    return row if len(blobs) == len(row.blobs) else replace(row, blobs=blobs)


async def spill_input(
    store: BlobStore, ids: NewId, instance_id: InstanceId, text: str
) -> dict[str, str]:
    """Put the input of a start into a blob if it is large; return column → blob name."""
    name = await spill(store, ids, instance_id, "start-Input", text)
    return {} if name is None else {"Input": name}


async def spill(
    store: BlobStore, ids: NewId, instance_id: InstanceId, what: str, text: str
) -> str | None:
    """Put a text that no property can hold into a blob, and return its name; `None` if one can."""
    if not _is_large(text):
        return None
    name = _name(instance_id, what, ids)
    await store.put_blob(name, text)
    return name


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


async def fetch_all(
    store: BlobStore, carried: Sequence[tuple[HistoryEvent, Mapping[str, str]]]
) -> list[HistoryEvent]:
    """Fill in the payloads of many events, each with its blobs, or raise `BlobMissing`."""
    at_once = asyncio.Semaphore(BLOBS_AT_ONCE_MAX)

    async def fetch(event: HistoryEvent, blobs: Mapping[str, str]) -> HistoryEvent:
        async with at_once:
            return await fetch_payloads(store, event, blobs)

    fetched = iter(await asyncio.gather(*(fetch(*one) for one in carried if one[1])))
    return [next(fetched) if blobs else event for event, blobs in carried]


async def fetch_record(store: BlobStore, record: InstanceRecord) -> InstanceRecord:
    """Fill in the record's payloads that lie in blobs, or raise `BlobMissing`."""
    for column, field in PAYLOADS:
        if column in record.blobs and getattr(record, field) is None:
            text = await store.read_blob(record.blobs[column])
            record = replace(record, **{field: text})  # type: ignore[arg-type]
    return record


def _is_large(text: str) -> bool:
    """Say whether no property holds the text; characters beyond the basic plane count as two."""
    if len(text) <= PROPERTY_CHARS_MAX // 2:
        return False
    return len(text) + sum(character > "\uffff" for character in text) > PROPERTY_CHARS_MAX


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
