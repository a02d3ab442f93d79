"""Columns of the port ↔ what the tables SDK sends and returns, and the limits of a table row.

Types are what DTFx's tools expect: text is Edm.String whatever it looks like,
small integers Edm.Int32, times Edm.DateTime (microseconds kept), booleans Edm.Boolean.
Invariant: a column comes back as the value and the type that went in.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from azure.data.tables import EdmType, EntityProperty

from durable.model.codec import Column, Columns

Entity = dict[str, Any]

ROWS_MAX = 100
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
ENTITY_BYTES_MAX = 1024 * 1024
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

# One operation inside the multipart body: boundaries, request line with the URL, headers.
FRAME_BYTES = 1000
# The longest that one character gets in JSON that the SDK prints: \uXXXX, twice for an emoji.
CHARACTER_BYTES_MAX = 12


def to_entity(partition_key: str, row_key: str, columns: Columns) -> Entity:
    """Lay columns out for the SDK."""
    entity: Entity = {name: _to_property(value) for name, value in columns.items()}
    entity["PartitionKey"] = partition_key
    entity["RowKey"] = row_key
    return entity


def _to_property(value: Column) -> Any:
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and not INT32_MIN <= value <= INT32_MAX
    ):
        return (value, EdmType.INT64)
    return value


def from_entity(entity: Mapping[str, Any]) -> dict[str, Column]:
    """Read what the SDK returned, without the keys."""
    return {
        name: _from_property(value)
        for name, value in entity.items()
        if name not in ("PartitionKey", "RowKey")
    }


def _from_property(value: Any) -> Column:
    if isinstance(value, EntityProperty):
        return value.value  # type: ignore[no-any-return]
    if isinstance(value, datetime):
        # The SDK's own subclass carries the service's text along; a plain one compares and copies.
        return datetime.combine(value.date(), value.time(), UTC)
    return value  # type: ignore[no-any-return]


def check_transaction(entities: Sequence[Entity]) -> None:
    """Refuse with `ValueError` what the service refuses; the emulator takes more."""
    if len(entities) > ROWS_MAX:
        raise ValueError(f"A transaction of {len(entities)} rows; the service takes {ROWS_MAX}.")
    if len({entity["RowKey"] for entity in entities}) < len(entities):
        raise ValueError("A transaction names a row twice.")
    for entity in entities:
        check_entity(entity)
    size = sum(_body_bytes_max(entity) for entity in entities)
    if size > TRANSACTION_BYTES_MAX:
        size = sum(_body_bytes(entity) for entity in entities)
    if size > TRANSACTION_BYTES_MAX:
        raise ValueError(
            f"A transaction of {len(entities)} rows has {size} bytes; "
            f"the service takes {TRANSACTION_BYTES_MAX}."
        )


def check_entity(entity: Entity) -> None:
    """Refuse with `ValueError` a row of 1 MiB or more, as the service counts it."""
    if 2 * sum(map(_length_max, entity.values())) < ENTITY_BYTES_MAX // 4:
        return
    size = 4 + sum(8 + 2 * len(name) + _value_bytes(value) for name, value in entity.items())
    if size >= ENTITY_BYTES_MAX:
        raise ValueError(
            f"Row {entity['RowKey']} of {entity['PartitionKey']!r} has {size} bytes; "
            f"the service takes less than {ENTITY_BYTES_MAX}."
        )


def _value_bytes(value: Any) -> int:
    return 4 + len(value.encode("utf-16-le")) if isinstance(value, str) else 16


def _length_max(value: Any) -> int:
    return len(value) if isinstance(value, str) else 16


def _body_bytes_max(entity: Entity) -> int:
    texts = sum(map(_length_max, entity.values()))
    return FRAME_BYTES + 80 * len(entity) + CHARACTER_BYTES_MAX * texts


def _body_bytes(entity: Entity) -> int:
    texts = {name: value for name, value in entity.items() if isinstance(value, str)}
    return FRAME_BYTES + 80 * len(entity) + len(json.dumps(texts))
