"""Seals: what an id must remember and its sentinel has no room for.

Watermarks, numbers of outgoing streams and ids of clients' messages must not be forgotten while a
copy of what they know can exist (rule D3); so when they outgrow the sentinel they move to rows
beside it. A sealed row is never written again; what is younger overlays it. Now and then all rows
are written anew as fewer ones (`forgetting`), and the record says from which on they count. Ids of
clients' messages are remembered for `REMEMBERED_FOR` of the instance's own time; watermarks for as
long as their sender may send, and as long again after its end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import zip_longest

from durable.model.codec import Columns, decode_time, to_json
from durable.model.instance import InstanceRecord
from durable.model.records import read_names, read_numbers

PREFIX = "known-"
# Of the 64 KiB (32 Ki characters) of one property; each of the three has a property of its own.
INLINE_CHARS_MAX = 8_000
# Of a sealed row; a character beyond the basic plane counts as two.
SEALED_CHARS_MAX = 15_000
NUMBER_CHARS = 16
# A copy of a message that is recorded lives until some host receives it: minutes, or as long as all
# hosts stand still; then nothing is written either, and the clock of the record stands still, too.
REMEMBERED_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that is remembered of an id: what the sealed rows say, overlaid by the record."""

    marks: Mapping[str, int]
    outs: Mapping[str, int]
    message_ids: frozenset[str]


NOTHING = Remembered({}, {}, frozenset())


@dataclass(frozen=True, slots=True)
class Seals:
    """What the sealed rows of an id say, as far as it is of use to one life.

    `outlived` are the rows that nobody needs any more.
    """

    count: int = 0
    life_id: str = ""
    memory: Remembered = NOTHING
    outlived: frozenset[str] = frozenset()
    first: int = 0

    def read_on(self, record: InstanceRecord, named: Mapping[str, Columns]) -> "Seals":
        """Read the rows that were sealed since; all of them where another life has begun."""
        is_same = self.life_id == record.life_id
        if is_same and self.count == record.sealed and self.first == record.sealed_from:
            return self
        before = self if is_same and self.first == record.sealed_from else Seals()
        marks, outs = dict(before.memory.marks), dict(before.memory.outs)
        message_ids = set(before.memory.message_ids)
        outlived = set(before.outlived)
        if not before.count:  # of what was written anew since, the former rows are garbage
            former = map(name_of, range(record.sealed_from))
            outlived.update(name for name in former if name in named)
        for number in range(max(before.count, record.sealed_from), record.sealed):
            columns = named.get(name_of(number), {})
            its_marks = read_numbers(_text(columns, "Marks"))
            is_mine = columns.get("LifeId") == record.life_id
            its_outs = read_numbers(_text(columns, "Outs")) if is_mine else {}
            if is_mine and not is_outlived(columns, record):
                message_ids.update(read_names(_text(columns, "MessageIds")))
            elif columns and not its_marks and not its_outs:
                outlived.add(name_of(number))
            marks.update(its_marks)
            outs.update(its_outs)
        memory = Remembered(marks, outs, frozenset(message_ids))
        return Seals(record.sealed, record.life_id, memory, frozenset(outlived), record.sealed_from)


def remembered(record: InstanceRecord | None, seals: Seals) -> Remembered:
    """Put together what is sealed and what the record says."""
    if record is None:
        return NOTHING
    sealed = seals.memory
    if not seals.count:
        return Remembered(record.marks, record.outs, record.message_ids)
    return Remembered(
        marks={**sealed.marks, **record.marks},
        outs={**sealed.outs, **record.outs},
        message_ids=sealed.message_ids | record.message_ids,
    )


def seal(record: InstanceRecord) -> tuple[InstanceRecord, dict[str, Columns]]:
    """Move what has outgrown the sentinel into rows; return the lighter record and the rows."""
    marks, outs, message_ids = record.marks, record.outs, sorted(record.message_ids)
    if all(len(to_json(each)) <= INLINE_CHARS_MAX for each in (marks, outs, message_ids)):
        return record, {}
    rows: dict[str, Columns] = {}
    cuts = zip_longest(cut(marks), cut(outs), cut(message_ids), fillvalue=())
    for number, (origins, receivers, ids) in enumerate(cuts, record.sealed):
        rows[name_of(number)] = {
            "Marks": to_json({origin: marks[origin] for origin in origins}),
            "Outs": to_json({receiver: outs[receiver] for receiver in receivers}),
            "MessageIds": to_json(ids),
            "SealedAt": record.updated_at,
            "LifeId": record.life_id,
        }
    sealed = record.sealed + len(rows)
    return replace(record, marks={}, outs={}, message_ids=frozenset(), sealed=sealed), rows


def cut(names: Iterable[str]) -> list[list[str]]:
    """Cut so that each part has room in one property: an execution may leave any number."""
    parts: list[list[str]] = [[]]
    chars = 0
    for name in names:
        size = len(to_json([name])) + NUMBER_CHARS
        if parts[-1] and chars + size > SEALED_CHARS_MAX:
            parts.append([])
            chars = 0
        parts[-1].append(name)
        chars += size
    return parts


def is_outlived(columns: Columns, record: InstanceRecord) -> bool:
    """Whether no copy of a client's message that the row knows can still be on its way."""
    sealed_at = columns.get("SealedAt")
    return sealed_at is not None and record.updated_at - decode_time(sealed_at) > REMEMBERED_FOR


def name_of(number: int) -> str:
    """Name a sealed row."""
    return f"{PREFIX}{number:08}"


def _text(columns: Columns, name: str) -> str | None:
    text = columns.get(name)
    return text if isinstance(text, str) else None
