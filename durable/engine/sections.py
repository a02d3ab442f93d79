"""Critical sections end with the execution that entered them, however it ends (rule G2).

The release stands in the commit of the end and goes to all entities of the set, whether they are
locked yet or not: a request that is still on its way is granted at its turn, and the release behind
it in the stream frees the entity again. Told by the rows alone: a host without the code of the
orchestrator must be able to end it, and no lock may outlive its owner.
"""

from collections.abc import Sequence
from dataclasses import replace

from durable.model.history import EntityUnlockSent, ExecutionCompleted
from durable.model.instance import HistoryRow
from durable.model.sections import open_sections
from durable.replay.decision import Decision


def with_sections_left(decision: Decision, rows: Sequence[HistoryRow]) -> Decision:
    """Add to an end the releases of what is still asked for; `rows` are those of the execution."""
    end = next((n for n, f in enumerate(decision.facts) if isinstance(f, ExecutionCompleted)), None)
    if end is None:
        return decision
    before, behind = decision.facts[:end], decision.facts[end:]
    asked = open_sections([*(row.event for row in rows), *before])
    if not asked:
        return decision
    time = behind[0].timestamp
    releases = [
        EntityUnlockSent(
            timestamp=time, lock_set=request.lock_set, critical_section_id=request.event_id
        )
        for request in asked
    ]
    return replace(decision, facts=(*before, *releases, *behind))
