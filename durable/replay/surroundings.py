"""Surroundings: what an orchestrator can see of its instance. The execution keeps it up to date."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from durable.model.history import HistoryEvent, SubOrchestrationInstanceCreated
from durable.model.ids import ExecutionId, InstanceId
from durable.model.parents import default_child_id
from durable.model.types_of_app import NoTypes, TypesOfApp
from durable.replay.docket import Docket
from durable.replay.histories import kept
from durable.replay.sections import Section

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
HTTP_POLL = timedelta(seconds=30)


class ExecutionDropped(BaseException):
    """The execution that this context belonged to is gone; its code must do nothing more."""


class FunctionContext(SimpleNamespace):
    """Further attributes of the function, whatever they are."""


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What the context shows, and the docket that it writes into.

    `input` and `continues` are JSON text; `continues` is the input of the execution that is to
    follow this one, once the code has asked for that. `time_set` is what user code has put in the
    place of `now`, until the next episode. `is_of_old`: the orchestrator has one parameter, as in
    azure-functions-durable 1.7, and gets what that gave where the two differ.
    """

    instance_id: InstanceId
    name: str
    input: str | None
    docket: Docket
    execution_id: ExecutionId | None = None
    version: str | None = None
    parent_instance: str | None = None
    types: TypesOfApp = field(default_factory=NoTypes)
    http_poll: timedelta = HTTP_POLL
    is_of_old: bool = True
    now: datetime = BEFORE_ALL
    time_set: datetime | None = None
    is_replaying: bool = True
    custom_status: str | None = None
    sets_custom_status: bool = False
    continues: str | None = None
    ids_made: int = 0
    is_dropped: bool = False
    refusals: int = 0
    section: Section | None = None
    history: list[HistoryEvent] = field(default_factory=list)
    further: FunctionContext = field(default_factory=FunctionContext)

    def begin_episode(self, started: datetime) -> None:
        """Show the time of this episode."""
        self.now, self.time_set = started, None

    def note(self, *events: HistoryEvent) -> None:
        """Add to the history that the code may look at."""
        self.history.extend(kept(event) for event in events)

    def child_id(self, task_id: int) -> InstanceId:
        """Name the child of this task where the code names none.

        A history without execution ids (an export of a status, say) names its children itself.
        """
        if self.execution_id is not None:
            return default_child_id(self.execution_id, task_id)
        made = default_child_id(ExecutionId(self.instance_id), task_id)
        recorded = self.docket.recorded.get(task_id)
        if isinstance(recorded, SubOrchestrationInstanceCreated) and _is_default(recorded, task_id):
            return InstanceId(recorded.instance_id)
        return made


def _is_default(recorded: SubOrchestrationInstanceCreated, task_id: int) -> bool:
    return recorded.instance_id.endswith(f":{task_id:x}")
