"""Names → user functions."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from durable.replay.executor import Orchestrator

Activity = Callable[[Any], Any]


class Registry:
    """The orchestrators and activities of one function app. A name stands for one function."""

    def __init__(self) -> None:
        """Start empty."""
        self._orchestrators: dict[str, Orchestrator] = {}
        self._activities: dict[str, Activity] = {}

    @property
    def orchestrators(self) -> Mapping[str, Orchestrator]:
        """The orchestrators by name."""
        return self._orchestrators

    @property
    def activities(self) -> Mapping[str, Activity]:
        """The activities by name."""
        return self._activities

    def add_orchestrator(self, name: str, function: Orchestrator) -> None:
        """Register an orchestrator, or raise `ValueError` saying why it can't be one."""
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ValueError(
                f"Orchestrator '{name}' is an 'async def'; write it as a generator: "
                "'def' with 'yield context.call_activity(...)'."
            )
        _add(self._orchestrators, name, function, "orchestrators")

    def add_activity(self, name: str, function: Activity) -> None:
        """Register an activity, sync or async, or raise `ValueError`."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ValueError(f"Activity '{name}' is a generator; an activity returns its result.")
        _add(self._activities, name, function, "activities")

    def include(self, other: "Registry") -> None:
        """Take over what another registry holds."""
        for name, orchestrator in other.orchestrators.items():
            if self._orchestrators.get(name) is not orchestrator:
                self.add_orchestrator(name, orchestrator)
        for name, activity in other.activities.items():
            if self._activities.get(name) is not activity:
                self.add_activity(name, activity)


def _add(functions: dict[str, Any], name: str, function: Any, what: str) -> None:
    if name in functions:
        raise ValueError(f"Two {what} are named '{name}'; give one of them another name.")
    functions[name] = function
