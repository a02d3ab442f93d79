"""Chapters → the record to commit with their rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.chapters import Chapter, ending_of
from durable.model.instance import HistoryRow, InstanceRecord
from durable.storage.outbox import sends


def record_after(
    chapter: Chapter,
    before: InstanceRecord | None,
    rows: Sequence[HistoryRow],
    *,
    sent: frozenset[int],
    now: datetime,
    commit_id: str,
) -> InstanceRecord:
    """Make the record that these rows leave behind; `chapter` is the last one.

    `before` is what stands in the store. Rule A6: the episode is unsent if it sends anything or
    changes what lists show.
    """
    opened, decision = chapter.opened, chapter.decision
    episode = opened.episode + 1
    custom_status = decision.custom_status if decision.sets_custom_status else opened.custom_status
    shown = (decision.status, custom_status, opened.generation)
    shows = before is None or shown != (before.status, before.custom_status, before.generation)
    unsent = opened.unsent - sent
    if shows or any(sends(row.event) for row in rows):
        unsent |= {episode}
    ending = ending_of(rows)
    blobs = {"Output": ending.blobs["Result"]} if ending and "Result" in ending.blobs else {}
    if opened.status.is_terminal:  # it only answers again, and lists are not told
        blobs = dict(opened.blobs)
    is_counted = opened.status_sequence > (before.status_sequence if before else 0)
    return replace(
        opened,
        status=decision.status,
        custom_status=custom_status,
        reason=decision.reason,
        output=decision.output,
        blobs=blobs,
        completed_at=(opened.completed_at or now) if ending else None,
        updated_at=max(now, before.updated_at) if before else now,
        sequence=opened.sequence + len(rows),
        episode=episode,
        unsent=unsent,
        status_sequence=opened.status_sequence + (1 if shows and not is_counted else 0),
        commit_id=commit_id,
    )
