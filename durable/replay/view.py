"""OrchestrationView: what an orchestrator may know. All of it is the same in every replay.

Rule J: when the execution is dropped its context is dead. Every member then raises
`ExecutionDropped`, a BaseException, so that `finally` blocks which run while a generator is
closed get no further; and nothing that dead code asks for is ever recorded.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

from durable.model.errors import MalformedMessageError
from durable.model.history import HistoryEvent, OrchestratorStarted
from durable.model.parents import Parent
from durable.model.values import USUAL, decode_value
from durable.replay.histories import HistoryView, view_of
from durable.replay.logs import Logger, ReplaySafeLogger, logger_of
from durable.replay.surroundings import ExecutionDropped, FunctionContext, Surroundings
from durable.replay.tasks import TaskBase

# Code that swallows even BaseException, in a loop, would spin for ever on a context that always
# raises. After so many refusals it may look around (nothing that it does counts any more), so that
# it reaches its next `yield` and can be closed there.
REFUSALS_MAX = 10
# The constants of azure-functions-durable 1.7: in-flight ids must come out the same, bit for bit.
UUID_NAMESPACE = "9e952958-5e33-4daf-827f-2fa12937b875"
UUID_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class OrchestrationView:
    """The instance as its orchestrator sees it."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Look at these surroundings."""
        self._seen = surroundings

    @property
    def instance_id(self) -> str:
        """The id of this instance."""
        return self._alive().instance_id

    @property
    def parent_instance_id(self) -> str | None:
        """The id of the instance that started this one as its child."""
        text = self._alive().parent_instance
        try:
            return None if text is None else Parent.from_json(text).instance_id
        except MalformedMessageError:
            return text

    @property
    def name(self) -> str:
        """The name of the orchestrator."""
        return self._alive().name

    @property
    def version(self) -> str | None:
        """The version that the orchestration was started with."""
        return self._alive().version

    @property
    def is_replaying(self) -> bool:
        """Whether the code runs over what has happened already."""
        return self._alive().is_replaying

    @property
    def will_continue_as_new(self) -> bool:
        """Whether `continue_as_new` has been called."""
        return self._alive().continues is not None

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of this episode, aware, in UTC; never goes back."""
        seen = self._alive()
        return seen.time_set or seen.now

    @current_utc_datetime.setter
    def current_utc_datetime(self, value: datetime) -> None:
        """Show the code another time until the next episode; the engine does not follow."""
        self._alive().time_set = value

    @property
    def custom_status(self) -> Any:
        """The custom status as it was set last."""
        seen = self._alive()
        if seen.custom_status is None:
            return None  # no converter has written that
        converter = seen.types.converter
        return decode_value(seen.custom_status, converter=converter, what="custom status")

    @property
    def function_context(self) -> FunctionContext:
        """Further attributes of the function."""
        return self._alive().further

    @property
    def logger(self) -> ReplaySafeLogger:
        """A logger that is silent during replay; its records say which instance they are of."""
        return logger_of(self._alive())

    def create_replay_safe_logger(self, logger: Logger) -> ReplaySafeLogger:
        """Make such a logger of one's own."""
        return ReplaySafeLogger(logger, self._alive())

    def get_input(self, expected_type: Any = None) -> Any:
        """Return the input, as this type or the annotated one. `InvalidPayloadError` if it isn't.

        Without a type it is what its JSON says.
        """
        seen = self._alive()
        wanted = expected_type or seen.types.input_type(seen.name)
        return decode_value(
            seen.input,
            wanted,
            converter=seen.types.converter or USUAL,
            what=f"input of orchestrator '{seen.name}'",
        )

    def new_uuid(self) -> str:
        """Make an id that is the same in every replay."""
        seen, now = self._alive(), self.current_utc_datetime
        name = f"{seen.instance_id}_{now.strftime(UUID_TIME_FORMAT)}_{seen.ids_made}"
        seen.ids_made += 1
        return str(uuid5(uuid5(NAMESPACE_OID, UUID_NAMESPACE), name))

    def new_guid(self) -> UUID:
        """Make a UUID that is the same in every replay."""
        seen, now = self._alive(), self.current_utc_datetime
        name = f"{seen.instance_id}_{now}_{seen.ids_made}"
        seen.ids_made += 1
        return uuid5(NAMESPACE_URL, name)

    @property
    def histories(self) -> list[HistoryView]:
        """The history so far; payloads of more than 16 Ki characters are left out of it."""
        events = self._alive().history
        current = _start_of_last_episode(events)
        return [view_of(event, is_played=n < current) for n, event in enumerate(events)]

    @property
    def decision_started_event(self) -> HistoryView:
        """The event that began the first episode. `LookupError` before there is one."""
        for event in self._alive().history:
            if isinstance(event, OrchestratorStarted):
                return view_of(event, is_played=True)
        raise LookupError("No episode has begun.")

    @property
    def open_tasks(self) -> Mapping[int, TaskBase]:
        """The tasks that wait for an answer, by id."""
        return dict(self._alive().docket.open)

    @property
    def deferred_tasks(self) -> Mapping[int, Any]:
        """Answers that came before their task: there are none, they are in the order of history."""
        self._alive()
        return {}

    def _pretty_print_history(self) -> str:
        """Print the history for people."""
        return str([json.dumps(view.columns(), default=str) for view in self.histories])

    def _alive(self) -> Surroundings:
        if self._seen.is_dropped and self._seen.refusals < REFUSALS_MAX:
            self._seen.refusals += 1
            raise ExecutionDropped
        return self._seen


def _start_of_last_episode(events: list[HistoryEvent]) -> int:
    for n in range(len(events) - 1, -1, -1):
        if isinstance(events[n], OrchestratorStarted):
            return n
    return 0
