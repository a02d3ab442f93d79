"""Replayer: whether today's code still does what histories say it did.

    report = Replayer([order]).replay(Path("order-1.jsonl"))
    assert report.is_ok, report

    summary = await Replayer([order, refund]).replay_all(client)     # every instance under way
    summary.raise_if_wrong()

Rule 1. Nothing is written anywhere, and no activity runs: only the orchestrator does, over facts.
Rule 2. Arguments must match too, unless `strict_arguments=False` makes warnings of those.
Rule 3. An end must match: that there is one, its status, and what was returned.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Protocol

from durable.model.errors import DurableError, InstanceNotFoundError
from durable.model.history import HistoryEvent
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter, OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.testing.app import AppUnderTest
from durable.testing.replaying.full import replay_full
from durable.testing.replaying.guided import replay_projected
from durable.testing.replaying.projected import ProjectedHistory
from durable.testing.replaying.report import Outcome, ReplayReport, ReplaySummary
from durable.testing.replaying.saved import SavedHistory, UnreadableHistoryError
from durable.testing.replaying.sources import Source, history_of

UNDER_WAY = InstanceFilter(
    statuses=frozenset(
        {RuntimeStatus.RUNNING, RuntimeStatus.SUSPENDED, RuntimeStatus.CONTINUED_AS_NEW}
    )
)


class Hub(Protocol):
    """What is read of a live hub; `durable.client.durable_client.DurableClient` has it."""

    async def read_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Read the facts of the current execution."""
        ...

    def list_instances(self, wanted: InstanceFilter) -> AsyncIterator[OrchestrationStatus]:
        """Go through the instances that are meant."""
        ...


class Replayer:
    """Orchestrators to hold histories against."""

    def __init__(self, orchestrators: Any, *, strict_arguments: bool = True) -> None:
        """Take them by name, as functions that know their names, or as the app or its registry."""
        if isinstance(orchestrators, Mapping | Sequence | AbstractSet):
            self._app = AppUnderTest()
            self._app.orchestrators(orchestrators)
        else:
            self._app = AppUnderTest(orchestrators)
        self._strict_arguments = strict_arguments

    def replay(
        self, source: Source, *, instance_id: str | None = None, name: str | None = None
    ) -> ReplayReport:
        """Replay one history, wherever it comes from. Never raises for what is in it.

        `source`: the events themselves, a saved history or its path or its text, or what a status
        query with the history answered. `instance_id` and `name` say what the source does not, or
        say it otherwise: under which name the orchestrator is known today.
        """
        try:
            history = history_of(source, instance_id=instance_id)
            recorded = history.started.name if isinstance(history, SavedHistory) else history.name
        except UnreadableHistoryError as error:
            where = instance_id or (str(source) if isinstance(source, Path) else "?")
            return _report(Outcome.UNREADABLE, where, name or "?", str(error))
        chosen = name or recorded
        orchestrator = self._app.registry.orchestrators.get(chosen)
        if orchestrator is None:
            problem = f"no orchestrator of this name is given: {self._names()}"
            return _report(Outcome.FUNCTION_MISSING, history.instance_id, chosen, problem)
        if isinstance(history, ProjectedHistory):
            return replay_projected(history, self._app, orchestrator, chosen)
        return replay_full(
            history, self._app, orchestrator, chosen, strict_arguments=self._strict_arguments
        )

    async def replay_instance(self, hub: Hub, instance_id: str) -> ReplayReport:
        """Replay the current execution of a live instance.

        Raises what reading raises: `InstanceNotFoundError`, `StorageFault`.
        """
        return self.replay(await fetch_history(hub, instance_id))

    async def replay_all(self, hub: Hub, wanted: InstanceFilter = UNDER_WAY) -> ReplaySummary:
        """Replay every instance that is under way, or that is wanted; reads only.

        An instance that goes while it is looked at is left out, and one that has not begun. One
        that can't be read has a report that says so.
        """
        reports = []
        async for status in hub.list_instances(wanted):
            try:
                history = await fetch_history(hub, status.instance_id)
            except InstanceNotFoundError:
                continue
            except DurableError as error:
                problem = str(error)
                reports.append(
                    _report(Outcome.UNREADABLE, status.instance_id, status.name, problem)
                )
                continue
            if history.events:
                reports.append(self.replay(history))
        return ReplaySummary(tuple(reports))

    def _names(self) -> str:
        return ", ".join(f"'{name}'" for name in sorted(self._app.registry.orchestrators)) or "none"


async def fetch_history(hub: Hub, instance_id: str) -> SavedHistory:
    """Read the current execution of a live instance, to replay it or to save it."""
    events = tuple(await hub.read_history(instance_id))
    return SavedHistory(instance_id=InstanceId(instance_id), events=events)


def _report(outcome: Outcome, instance_id: str, name: str, problem: str) -> ReplayReport:
    return ReplayReport(
        instance_id=instance_id, name=name, outcome=outcome, events=0, problem=problem
    )
