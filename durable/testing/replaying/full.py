"""Replay a history that was kept in full."""

from collections.abc import Sequence

from durable.model.history import (
    ExecutionRewound,
    HistoryEvent,
    OrchestratorStarted,
)
from durable.replay.code import Orchestrator
from durable.replay.decision import Divergence
from durable.replay.episode import decide
from durable.testing.app import AppUnderTest
from durable.testing.replaying.report import Outcome, ReplayReport
from durable.testing.replaying.saved import SavedHistory


def replay_full(
    history: SavedHistory,
    app: AppUnderTest,
    orchestrator: Orchestrator,
    name: str,
    *,
    strict_arguments: bool,
) -> ReplayReport:
    """Replay it; the mind compares every request and the end."""
    events = effective(history.events)
    outcome = decide(
        events,
        [],
        orchestrator,
        now=events[-1].timestamp,
        instance_id=history.instance_id,
        strict_arguments=strict_arguments,
        types=app.registry,
    )
    if isinstance(outcome, Divergence):
        return ReplayReport(
            instance_id=history.instance_id,
            name=name,
            outcome=Outcome.MISMATCH,
            events=len(events),
            problem=told(outcome),
            mismatch=outcome.mismatch,
        )
    if outcome.execution is not None:
        outcome.execution.drop()
    return ReplayReport(
        instance_id=history.instance_id,
        name=name,
        outcome=Outcome.OK,
        events=len(events),
        warnings=outcome.warnings,
    )


def told(divergence: Divergence) -> str:
    """Tell a mismatch; what to do about it is for whoever deploys."""
    mismatch = divergence.mismatch
    event = f" ({mismatch.event})" if mismatch.event else ""
    version = f"; the instance has version '{mismatch.version}'" if mismatch.version else ""
    return (
        f"as task {mismatch.task_id} the history has {mismatch.expected}{event}, "
        f"and the code {mismatch.actual}, at {mismatch.where}{version}"
    )


def effective(events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Leave out what rewinds have voided: as many episodes before its own as one has named."""
    episodes: list[list[HistoryEvent]] = []
    for event in events:
        if isinstance(event, OrchestratorStarted) or not episodes:
            episodes.append([])
        episodes[-1].append(event)
    voided: set[int] = set()
    for number, episode in enumerate(episodes):
        named = {
            event.voided_episode
            for event in episode
            if isinstance(event, ExecutionRewound) and event.voided_episode >= 0
        }
        voided.update(range(number - len(named), number))
    kept = (episode for number, episode in enumerate(episodes) if number not in voided)
    return [event for episode in kept for event in episode]
