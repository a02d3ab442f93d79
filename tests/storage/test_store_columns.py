"""The law of the port, values: what goes in comes out, as the value and the type that it was."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from store_grounds import any_instance

from durable.model.codec import Column
from durable.model.ids import InstanceId
from durable.storage.port import TaskHubStore

LOOKALIKES = [
    "2020-01-01T00:00:00Z",
    "2020-01-01T00:00:00.1234567Z",
    "true",
    "12",
    "1.0",
    "null",
    "",
    " ",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "AAEC",
    '{"a": [1, "b"]}',
    "\\u0041 \\ \" ' % & + # / ?",
    "line\nline\r\nline\ttab",
    "Grüße, мир, 世界, 🌍👩‍👩‍👧, e\u0301",
    "--batch_1\r\nContent-Type: application/http\r\n\r\n",
]
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]
TIMES = [
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
]


async def _back(store: TaskHubStore, values: list[Column]) -> list[Column]:
    instance_id = any_instance()
    columns: dict[str, Column] = {f"C{n}": value for n, value in enumerate(values)}
    await store.transact(instance_id, [(0, columns)], columns, etag=None)
    await store.write_summary(instance_id, columns, etag=None)
    row = await store.read_row(instance_id, 0)
    sentinel = await store.read_sentinel(instance_id)
    page = await store.read_page(instance_id, first=0)
    summary = await store.read_summary(instance_id)
    assert row is not None
    assert sentinel is not None
    assert summary is not None
    assert list(page.rows) == [(0, row)]
    assert page.sentinel == sentinel
    assert sentinel.columns == row == summary.columns
    assert set(row) == set(columns)
    return [row[name] for name in columns]


async def test_text_comes_back_whatever_it_looks_like(store: TaskHubStore) -> None:
    """A string that looks like a time, a number or a frame of the protocol stays that string."""
    back = await _back(store, list(LOOKALIKES))
    assert back == LOOKALIKES
    assert all(type(value) is str for value in back)


async def test_numbers_come_back_over_the_whole_range(store: TaskHubStore) -> None:
    """Integers of 32 and of 64 bits come back as plain integers."""
    back = await _back(store, list(NUMBERS))
    assert back == NUMBERS
    assert all(type(value) is int for value in back)


async def test_truth_comes_back_as_truth(store: TaskHubStore) -> None:
    """Booleans are not numbers."""
    back = await _back(store, [True, False])
    assert back[0] is True
    assert back[1] is False


async def test_times_come_back_aware_and_to_the_microsecond(store: TaskHubStore) -> None:
    """Instants come back equal; what reads them finds a time zone."""
    back = await _back(store, list(TIMES))
    assert back == TIMES
    assert all(isinstance(value, datetime) and value.utcoffset() is not None for value in back)


@pytest.mark.parametrize("character", ["x", "ж", "世", '"', "\\"])
async def test_thirty_thousand_characters_fit_into_a_column(
    store: TaskHubStore, character: str
) -> None:
    """What `payloads` leaves in a row is what a row can hold."""
    text = character * 30_000
    assert await _back(store, [text]) == [text]


async def test_fifteen_thousand_emoji_fit_into_a_column(store: TaskHubStore) -> None:
    """Beyond the basic plane a character counts twice."""
    text = "🌍" * 15_000
    assert await _back(store, [text]) == [text]


ODD_IDS = [
    "it's",
    "''",
    "with spaces  inside",
    " lead and trail ",
    "100%",
    "%41%2F%27",
    "a+b&c=d;e,f:g@h!i$j*k(l)m[n]o{p}q|r~s`t<u>v",
    '"quoted"',
    "^0 caret ^^ and ^",
    "Grüße-мир-世界",
    "👩‍👩‍👧🌍",
    "e\u0301 and \u00e9",
    "...",
    "PartitionKey eq 'x' or RowKey ne ''",
    "x" * 220,
    "é" * 200,
]


@pytest.mark.parametrize("words", ODD_IDS)
async def test_odd_ids_are_instances_like_any_other(store: TaskHubStore, words: str) -> None:
    """Rows, sentinel, summary and blobs of an odd id can be written, replaced, read and deleted."""
    instance_id = InstanceId(words + any_instance("")[-20:])
    etag = await store.transact(instance_id, [(0, {"A": 1})], {"S": 1}, etag=None)
    etag = await store.transact(instance_id, [(1, {"A": 2})], {"S": 2}, etag=etag)
    page = await store.read_page(instance_id, first=0)
    assert list(page.rows) == [(0, {"A": 1}), (1, {"A": 2})]
    assert page.sentinel is not None
    assert page.sentinel.etag == etag
    assert await store.read_sentinel(instance_id) == page.sentinel
    assert await store.read_row(instance_id, 1) == {"A": 2}
    await store.delete_rows(instance_id, [0, 9])
    assert await store.read_row(instance_id, 0) is None
    first = await store.write_summary(instance_id, {"B": 1}, etag=None)
    await store.write_summary(instance_id, {"B": 2}, etag=first)
    summary = await store.read_summary(instance_id)
    assert summary is not None
    assert summary.columns == {"B": 2}
    name = f"{instance_id}/payload.json.gz"
    await store.put_blob(name, words)
    assert await store.read_blob(name) == words
    await store.delete_blobs([name])
