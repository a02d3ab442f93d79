"""What a rewind leaves of a history (its rows stay; what they did counts as not done)."""

from collections.abc import Iterable

from durable.model.history import ExecutionRewound
from durable.model.ids import ExecutionId
from durable.model.instance import HistoryRow


def effective(rows: Iterable[HistoryRow], execution_id: ExecutionId) -> list[HistoryRow]:
    """List the rows of one execution that count: all but those of voided episodes."""
    mine = [row for row in rows if row.execution_id == execution_id]
    voided = {row.event.voided_episode for row in mine if isinstance(row.event, ExecutionRewound)}
    return [row for row in mine if row.episode not in voided] if voided else mine
