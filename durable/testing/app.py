"""AppUnderTest: the functions that a test runs for real, and what their annotations say.

The types are those of the app where the test names one, then those of the functions given.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from durable.engine.registry import Registry
from durable.testing.given import (
    ACTIVITY,
    ENTITY,
    ORCHESTRATOR,
    Given,
    by_name,
    is_decorated,
    name_of,
    user_function,
)


class AppUnderTest:
    """A registry that grows with what the test gives."""

    def __init__(self, app: Any = None) -> None:
        """Begin with what the app knows.

        The app is its `Registry`, or a `DFApp` or `Blueprint`.
        """
        known = getattr(app, "registry", app)
        self.registry = Registry(_converter_of(known))
        if isinstance(known, Registry):
            self.registry.include(known)
        elif app is not None:
            self._enter_builders(app)

    def orchestrator(self, given: Any, name: str | None = None) -> tuple[str, Callable[..., Any]]:
        """Make this orchestrator known, under its own name unless another is said."""
        chosen = name or name_of(given)
        known = self.registry.orchestrators.get(chosen)
        if isinstance(given, str):
            if known is None:
                raise LookupError(f"The app has no orchestrator named '{given}'.")
            return chosen, known
        if known is None:
            self._add(given, chosen)
        return chosen, user_function(given)

    def orchestrators(self, given: Given) -> None:
        """Make these known."""
        for name, each in by_name(given).items():
            self.orchestrator(each, name)

    def activities(self, given: Given) -> None:
        """Learn the types and errors of the functions among these fakes."""
        for name, each in by_name(given).items():
            if name in self.registry.activities:
                continue
            if is_decorated(each, ACTIVITY) and name == each.durable_name:
                each.enter(self.registry)
            elif inspect.isfunction(each):
                self.registry.add_activity(name, each)

    def entities(self, given: Mapping[str, Any]) -> None:
        """Learn the types of the classes among these fakes."""
        for name, each in given.items():
            is_known = name.lower() in self.registry.entities
            if inspect.isclass(each) and not issubclass(each, BaseException) and not is_known:
                self.registry.add_entity(name, each)

    def _enter_builders(self, app: Any) -> None:
        builders = getattr(app, "_function_builders", None)
        if not isinstance(builders, list):
            raise TypeError(f"An app is its Registry, a DFApp or a Blueprint; not {app!r}.")
        # Going through the list in the usual way brings the hub's own functions, and host.json.
        for each in list.__iter__(builders):
            if any(is_decorated(each, kind) for kind in (ORCHESTRATOR, ACTIVITY, ENTITY)):
                each.enter(self.registry)

    def _add(self, given: Any, name: str) -> None:
        if is_decorated(given, ORCHESTRATOR) and name == given.durable_name:
            given.enter(self.registry)
        else:
            self.registry.add_orchestrator(name, user_function(given))


def _converter_of(app: Any) -> Any:
    if isinstance(app, Registry):
        return app.converter
    hub = getattr(app, "_hub", None)
    return getattr(getattr(hub, "_registry", None), "converter", None)
