"""Forget: write what an id remembers anew as fewer rows, without senders that are no more.

Whatever outgrows the sentinel is sealed in rows that are never written again (`seals`). So a
receiver that many send to would have ever more rows, of which few say anything that still counts.
When they have become too many, one commit of its own writes those that count anew.

Rule 1. A live sender is never forgotten, however long it has been silent: its next number would
        come too early for ever.
Rule 2. A sender whose life is over is forgotten `REMEMBERED_FOR` after its end and after the last
        that came of it. What it may not have sent is sent first, and known here; then it has as
        long again. So a copy that is younger than that is known.
Rule 3. Who loses the race for the commit tries again with what it has found out: to look all up
        again would cost more than it saves.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from durable.engine.dispatch import Dispatcher
from durable.engine.seals import REMEMBERED_FOR, cut, is_outlived, name_of
from durable.engine.warm import InstanceState
from durable.model.codec import Columns, decode_time, to_json
from durable.model.entity_ids import is_entity_id
from durable.model.environment import Environment
from durable.model.errors import ForeignInstanceError, MalformedMessageError
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import decode_record, read_names, read_numbers
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin, life_of, places_of
from durable.storage import partition
from durable.storage.partition import Snapshot
from durable.storage.port import LostRace, StorageOutcome, TaskHubStore

logger = logging.getLogger("durable")

ATTEMPTS_MAX = 4
ROWS_MIN = 16
# The column of rows that were written anew.
ANEW = "IsAnew"
# How many senders are looked up for one commit, or half of them: as rows double before the next,
# fewer would never do. Each costs a read of its sentinel.
LOOKED_UP_MIN = 2000
LOOKED_UP_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Known:
    """A watermark, and when it was sealed last."""

    number: int
    sealed_at: datetime


async def forget(
    store: TaskHubStore,
    environment: Environment,
    dispatcher: Dispatcher,
    instance_id: InstanceId,
    state: InstanceState,
) -> None:
    """Write the sealed rows anew if there are too many. A fault only leaves it for later."""
    record = state.snapshot.record
    if record is None or not _are_many(record, state.snapshot.named):
        return
    marks = _marks_of(record, state.snapshot.named)
    try:
        gone, asked = await _look_up(store, dispatcher, instance_id, marks, record.updated_at)
        for _ in range(ATTEMPTS_MAX):
            kept = _without(gone, asked, _marks_of_state(state))
            if await _write(store, environment, instance_id, state, kept):
                return
            state.reload(await partition.load(store, instance_id, state.snapshot))
    except StorageOutcome as outcome:
        logger.info("instance=%s remembers all for now: %s", instance_id, outcome)


def _without(
    gone: Mapping[str, int], asked: Mapping[str, datetime | None], marks: dict[str, _Known]
) -> dict[str, _Known]:
    """Strike the senders that are no more, and put those that were looked up behind all others.

    One that has sent again meanwhile stays. Of `asked` it is known since when they must be kept.
    """
    kept = {
        origin: known
        for origin, known in marks.items()
        if gone.get(origin) != known.number and origin not in asked
    }
    for origin, again_at in asked.items():
        known = marks.get(origin)
        if known is not None:
            kept[origin] = known if again_at is None else replace(known, sealed_at=again_at)
    return kept


def _are_many(record: InstanceRecord, named: Mapping[str, Columns]) -> bool:
    """Whether as many were sealed since the last time as there were then."""
    if record.sealed - record.sealed_from < ROWS_MIN:
        return False
    names = map(name_of, range(record.sealed_from, record.sealed))
    anew = sum(ANEW in named.get(name, {}) for name in names)
    return record.sealed - record.sealed_from - anew >= max(ROWS_MIN, anew)


def _marks_of(record: InstanceRecord, named: Mapping[str, Columns]) -> dict[str, _Known]:
    """Read the watermarks, those that moved last at the end."""
    marks: dict[str, _Known] = {}
    for number in range(record.sealed_from, record.sealed):
        row = named.get(name_of(number), {})
        sealed_at = decode_time(row["SealedAt"]) if "SealedAt" in row else record.updated_at
        for origin, mark in read_numbers(_text(row, "Marks")).items():
            marks.pop(origin, None)
            marks[origin] = _Known(mark, sealed_at)
    for origin, mark in record.marks.items():
        marks.pop(origin, None)
        marks[origin] = _Known(mark, record.updated_at)
    return marks


def _ids_of(record: InstanceRecord, state: InstanceState) -> list[Columns]:
    """List the rows with ids of clients' messages that are to be remembered still."""
    rows = [
        state.snapshot.named.get(name_of(number), {})
        for number in range(record.sealed_from, record.sealed)
    ]
    return [
        row
        for row in rows
        if row.get("LifeId") == record.life_id
        and read_names(_text(row, "MessageIds"))
        and not is_outlived(row, record)
    ]


def _marks_of_state(state: InstanceState) -> dict[str, _Known]:
    record = state.snapshot.record
    assert record is not None
    return _marks_of(record, state.snapshot.named)


async def _look_up(
    store: TaskHubStore,
    dispatcher: Dispatcher,
    receiver: InstanceId,
    marks: Mapping[str, _Known],
    now: datetime,
) -> tuple[dict[str, int], dict[str, datetime | None]]:
    """Look up those of which nothing came for long, the oldest first.

    Return the senders that are no more, with their marks, and those that must be kept: from when
    on, where something of theirs was sent again just now.
    """
    horizon = now - REMEMBERED_FOR
    old = [Origin.from_text(text) for text, known in marks.items() if known.sealed_at < horizon]
    # An entity's life has no end: it is there whenever it is spoken to.
    mortal = [origin for origin in old if not is_entity_id(origin.instance_id)]
    del mortal[max(LOOKED_UP_MIN, len(marks) // 2) :]
    gone: dict[str, int] = {}
    asked: dict[str, datetime | None] = {}
    for first in range(0, len(mortal), LOOKED_UP_AT_ONCE):
        origins = mortal[first : first + LOOKED_UP_AT_ONCE]
        over = await asyncio.gather(*(is_over(store, origin, horizon) for origin in origins))
        for origin, has_ended in zip(origins, over, strict=True):
            text = origin.to_text()
            if not has_ended:
                asked[text] = None
            elif await _sends_again(store, dispatcher, receiver, origin):
                asked[text] = now
            else:
                gone[text] = marks[text].number
    return gone, asked


async def is_over(store: TaskHubStore, origin: Origin, horizon: datetime) -> bool:
    """Say whether a sender's life has been over for long enough. Who can't be read is not over."""
    try:
        sentinel = await store.read_sentinel(origin.instance_id)
        record = decode_record(origin.instance_id, sentinel.columns) if sentinel else None
    except (MalformedMessageError, ForeignInstanceError) as error:
        logger.warning("instance=%s can't be asked whether it sends: %s", origin, error)
        return False
    if record is None or record.is_stub:
        return True
    is_same = record.life_id == origin.life_id
    has_ended = record.is_purged or record.status.is_terminal
    if is_same and (not has_ended or record.status is RuntimeStatus.FAILED):
        return False  # who has failed may be rewound, and goes on sending
    return (record.updated_at if is_same else record.created_at) < horizon


async def _sends_again(
    store: TaskHubStore, dispatcher: Dispatcher, receiver: InstanceId, origin: Origin
) -> bool:
    """Send what it may not have sent completely, if some of that is for this receiver."""
    try:
        snapshot = await partition.load(store, origin.instance_id)
        if not _may_come(snapshot, origin, receiver):
            return False
        await dispatcher.resend(origin.instance_id, InstanceState.of(snapshot), None)
    except (MalformedMessageError, ForeignInstanceError) as error:
        logger.warning("instance=%s can't send what it had to: %s", origin, error)
    return True


def _may_come(snapshot: Snapshot, origin: Origin, receiver: InstanceId) -> bool:
    """Say whether some of what this life has sent to the receiver may be sent again."""
    unsent = snapshot.record.unsent if snapshot.record is not None else frozenset()
    return any(
        row.episode in unsent
        and life_of(row.execution_id) == origin.life_id
        and receiver in places_of(row.event, row.number)
        for row in snapshot.rows
    )


async def _write(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    state: InstanceState,
    marks: Mapping[str, _Known],
) -> bool:
    """Commit the rows that take the place of all others; say whether nobody was faster."""
    record = state.snapshot.record
    assert record is not None
    rows: list[Columns] = [
        {
            "Marks": to_json({origin: marks[origin].number for origin in origins}),
            # The youngest of them: nobody is forgotten too early.
            "SealedAt": max(marks[origin].sealed_at for origin in origins),
            "LifeId": record.life_id,
        }
        for origins in cut(marks)
        if origins
    ]
    outs = state.remembered.outs
    rows += [
        {
            "Outs": to_json({receiver: outs[receiver] for receiver in receivers}),
            "SealedAt": record.updated_at,
            "LifeId": record.life_id,
        }
        for receivers in cut(outs)
        if receivers
    ]
    rows += [
        {name: row[name] for name in ("MessageIds", "SealedAt", "LifeId")}
        for row in _ids_of(record, state)
    ]
    named: dict[str, Columns] = {
        name_of(number): {**row, ANEW: True} for number, row in enumerate(rows, record.sealed)
    }
    forgotten = replace(
        record,
        marks={},
        outs={},
        sealed_from=record.sealed,
        sealed=record.sealed + len(rows),
        commit_id=environment.new_id(),
    )
    try:
        snapshot = await partition.commit(
            store, instance_id, state.snapshot, forgotten, (), named=named
        )
    except LostRace:
        return False
    state.advance(snapshot, (), live=state.live)
    return True


def _text(columns: Columns, name: str) -> str | None:
    text = columns.get(name)
    return text if isinstance(text, str) else None
