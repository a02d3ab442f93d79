"""Stash: messages that an instance has accepted and can't take yet, as named rows beside it.

A message waits there for one of two reasons: the one before it in its stream has not come (rule D),
or the instance has not begun (its start has a time, or it has continued as new and not run yet).

Rule 1. A stashed message counts as recorded: its own copy in the queue is deleted.
Rule 2. What the row of an early message says never changes: a torn row of a commit that failed
        says the same as the message, which its sender had committed before it sent it.
Rule 3. Messages that wait for an execution have places, and the record counts them: a torn row has
        a place that does not count, or is written over by the commit that gives it away.
Rule 4. Rows that no longer count (the watermark is past them, the execution has begun) are
        garbage; they are deleted some time later. A torn row is not: its name may yet be used.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from durable.model.codec import Column, Columns
from durable.model.envelopes import decode_message, encode_message
from durable.model.ids import ExecutionId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.streams import Origin, life_of, number_of

PREFIX = "early-"
DIGEST_CHARS = 24
# A table property holds 32 Ki characters, a message may have 45 KiB.
PART_CHARS_MAX = 30_000
WAITS_FOR = "WaitsFor"


@dataclass(slots=True)
class Stash:
    """What is stashed and counts. `waiting`: for the execution to begin, in order.

    `read` keeps what the rows said, for the next time: a stream of which much came too early would
    else be read anew with every commit.
    """

    numbered: dict[tuple[str, int], TaskMessage] = field(default_factory=dict)
    waiting: list[TaskMessage] = field(default_factory=list)
    garbage: list[str] = field(default_factory=list)
    next_place: int = 0
    read: dict[str, tuple[Columns, TaskMessage]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        record: InstanceRecord | None,
        marks: Mapping[str, int],
        named: Mapping[str, Columns],
        before: "Stash | None" = None,
    ) -> "Stash":
        """Read the rows. `marks` are all watermarks of the instance, `before` is its last stash."""
        known = before.read if before is not None else {}
        stash = cls(next_place=record.waiting if record is not None else 0)
        for name in sorted(name for name in named if name.startswith(PREFIX)):
            columns = named[name]
            said, message = known.get(name, (None, None))
            if message is None or said != columns:
                message = message_of(columns)
            stash.read[name] = columns, message
            waits_for = columns.get(WAITS_FOR)
            if waits_for is not None:
                place = int(name.rpartition("-")[2], 16)
                if record is not None and waits_for == record.execution_id and record.is_pending:
                    if record.is_alive and place < record.waiting:
                        stash.waiting.append(message)
                    continue
                if record is not None and not _is_past(ExecutionId(str(waits_for)), record):
                    continue
            elif message.origin is not None:
                origin = message.origin.to_text()
                if message.number > marks.get(origin, 0):
                    stash.numbered[origin, message.number] = message
                    continue
            stash.garbage.append(name)
        return stash

    @property
    def messages(self) -> list[TaskMessage]:
        """All that is stashed."""
        return [*self.numbered.values(), *self.waiting]

    def ready(self, marks: Mapping[str, int]) -> Iterable[TaskMessage]:
        """List the messages whose turn has come."""
        return [
            message
            for (origin, number), message in self.numbered.items()
            if number == marks.get(origin, 0) + 1
        ]

    def holds(self, message: TaskMessage) -> bool:
        """Say whether a message of a client waits here already."""
        return any(held.message_id == message.message_id for held in self.waiting)


def as_kept(message: TaskMessage) -> TaskMessage:
    """Leave out what is said of one copy in a queue: how it came, and how often it was given up."""
    return replace(message, again=False, held_since=None, holds=0, is_suspect=False, poisonings=0)


def early_row(message: TaskMessage) -> tuple[str, Columns]:
    """Make the row of a message that came before its turn."""
    assert message.origin is not None
    return f"{PREFIX}{_digest(message.origin)}-{message.number:08x}", parts_of(
        encode_message(as_kept(message))
    )


def waiting_rows(
    texts: Sequence[str], execution_id: ExecutionId, first_place: int
) -> dict[str, Columns]:
    """Make the rows of messages (as texts) that wait for this execution to begin."""
    digest = hashlib.sha256(execution_id.encode()).hexdigest()[:DIGEST_CHARS]
    return {
        f"{PREFIX}{digest}-{place:08x}": {**parts_of(text), WAITS_FOR: execution_id}
        for place, text in enumerate(texts, first_place)
    }


def _is_past(execution_id: ExecutionId, record: InstanceRecord) -> bool:
    """Whether an execution other than one that is pending has begun, or never will."""
    if life_of(execution_id) != record.life_id or not record.is_alive:
        return True
    return number_of(execution_id) <= number_of(record.execution_id)


def _digest(origin: Origin) -> str:
    return hashlib.sha256(origin.to_text().encode()).hexdigest()[:DIGEST_CHARS]


def parts_of(text: str) -> dict[str, Column]:
    """Lay the text of a message out in columns."""
    parts = range(0, len(text), PART_CHARS_MAX)
    return {f"Message{n}": text[at : at + PART_CHARS_MAX] for n, at in enumerate(parts)}


def message_of(columns: Columns) -> TaskMessage:
    """Read the message that a row keeps."""
    parts = sorted(
        (int(name.removeprefix("Message")), str(text))
        for name, text in columns.items()
        if name.startswith("Message")
    )
    return decode_message("".join(text for _, text in parts))
