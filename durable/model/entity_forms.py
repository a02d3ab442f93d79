"""Locks, places and batches of entities ↔ text."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from durable.model.codec import UNREADABLE, decode_time
from durable.model.entities import EntityLock, Served
from durable.model.errors import MalformedMessageError


def print_lock(lock: EntityLock) -> str:
    """Print who holds an entity."""
    members = {
        "owner": lock.owner,
        "executionId": lock.execution_id,
        "sectionId": lock.section_id,
        "lockSet": lock.lock_set,
        "epoch": lock.epoch,
        "since": lock.since.isoformat(),
    }
    return json.dumps(members, separators=(",", ":"))


def read_lock(text: str) -> EntityLock:
    """Read it, or raise `MalformedMessageError`."""
    try:
        members = json.loads(text)
        return EntityLock(
            owner=str(members["owner"]),
            execution_id=str(members["executionId"]),
            section_id=int(members["sectionId"]),
            lock_set=tuple(str(name) for name in members["lockSet"]),
            epoch=int(members["epoch"]),
            since=decode_time(members["since"]),
        )
    except UNREADABLE as error:
        raise MalformedMessageError(f"Not the lock of an entity: {text[:200]!r}") from error


def print_batch(batch: Sequence[Served]) -> str:
    """Print what a batch has served; each source once, for most of a batch has few."""
    sources = list(dict.fromkeys(served.source for served in batch))
    index = {source: n for n, source in enumerate(sources)}
    served = [[index[one.source], one.number, one.what, one.name, one.is_failed] for one in batch]
    return json.dumps({"sources": sources, "served": served}, separators=(",", ":"))


def read_batch(text: str) -> list[Served]:
    """Read it, or raise `MalformedMessageError`."""
    try:
        members: Any = json.loads(text)
        return [
            Served(str(members["sources"][n]), int(number), str(what), str(name), failed is True)
            for n, number, what, name, failed in members["served"]
        ]
    except (*UNREADABLE, IndexError) as error:
        raise MalformedMessageError(f"Not the batch of an entity: {text[:200]!r}") from error


def print_ranges(places: Iterable[int]) -> str:
    """Print places as ranges: `0-41,44`."""
    ordered = sorted(places)
    if not ordered:
        return ""
    starts = [ordered[0], *(b for a, b in pairwise(ordered) if b != a + 1)]
    ends = [*(a for a, b in pairwise(ordered) if b != a + 1), ordered[-1]]
    return ",".join(
        str(first) if first == last else f"{first}-{last}"
        for first, last in zip(starts, ends, strict=True)
    )


def read_ranges(text: str | None) -> frozenset[int]:
    """Read ranges of places."""
    places: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first:
            places.update(range(int(first), int(last or first) + 1))
    return frozenset(places)
