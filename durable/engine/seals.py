"""Seals: what an id must remember and its sentinel has no room for.

Watermarks, numbers of outgoing streams and ids of clients' messages must not be forgotten while a
copy of what they know can exist (rule D3); so when they outgrow the sentinel they move to rows
beside it, and never away. A sealed row is never written again; what is younger overlays it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from durable.model.codec import Column, Columns, to_json
from durable.model.instance import InstanceRecord
from durable.model.records import read_names, read_numbers

PREFIX = "known-"
# Of the 64 KiB (32 Ki characters) of one property; each of the three has a property of its own.
INLINE_CHARS_MAX = 12_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that is remembered of an id: what the sealed rows say, overlaid by the record."""

    marks: Mapping[str, int]
    outs: Mapping[str, int]
    message_ids: frozenset[str]


def remembered(record: InstanceRecord | None, named: Mapping[str, Columns]) -> Remembered:
    """Put it together."""
    if record is None:
        return Remembered({}, {}, frozenset())
    marks: dict[str, int] = {}
    outs: dict[str, int] = {}
    message_ids: set[str] = set()
    for number in range(record.sealed):
        columns = named.get(_name(number), {})
        marks.update(read_numbers(_text(columns, "Marks")))
        if columns.get("LifeId") == record.life_id:
            outs.update(read_numbers(_text(columns, "Outs")))
            message_ids.update(read_names(_text(columns, "MessageIds")))
    return Remembered(
        marks={**marks, **record.marks},
        outs={**outs, **record.outs},
        message_ids=frozenset(message_ids) | record.message_ids,
    )


def seal(record: InstanceRecord) -> tuple[InstanceRecord, dict[str, Columns]]:
    """Move what has outgrown the sentinel into a row; return the lighter record and the row."""
    columns: dict[str, Column] = {
        "Marks": to_json(record.marks),
        "Outs": to_json(record.outs),
        "MessageIds": to_json(sorted(record.message_ids)),
    }
    if all(len(str(text)) <= INLINE_CHARS_MAX for text in columns.values()):
        return record, {}
    lighter = replace(record, marks={}, outs={}, message_ids=frozenset(), sealed=record.sealed + 1)
    return lighter, {_name(record.sealed): {**columns, "LifeId": record.life_id}}


def _name(number: int) -> str:
    return f"{PREFIX}{number:08}"


def _text(columns: Columns, name: str) -> str | None:
    text = columns.get(name)
    return text if isinstance(text, str) else None
