"""Orchestrators and activities in the shape that azure.functions gives its functions.

A `DurableFunctionBuilder` looks like any other function of the app, so that decorators stack and
1.7's idioms for unit tests hold, but it never reaches the host: the hub's own queue functions call
what is inside. Its trigger's type is that of the Durable extension, for whoever prints it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from azure.functions.decorators.core import Trigger
from azure.functions.decorators.function_app import FunctionBuilder

from durable.engine.registry import Registry
from durable.functions.errors import BindingRefusedError

FUNCTION_NAME = "function_name"
# Where unit tests written for azure-functions-durable look for the user's generator.
ORCHESTRATOR_FUNCTION = "orchestrator_function"


class OrchestrationTrigger(Trigger):
    """The trigger of an orchestrator. `orchestration` is its name, if not the function's."""

    kind = "orchestration_trigger"

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return "orchestrationTrigger"

    def __init__(self, name: str, orchestration: str | None = None) -> None:
        """Bind the parameter `name`."""
        self.orchestration = orchestration
        super().__init__(name=name)


class ActivityTrigger(Trigger):
    """The trigger of an activity. `activity` is its name, if not the function's."""

    kind = "activity_trigger"

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return "activityTrigger"

    def __init__(self, name: str, activity: str | None = None) -> None:
        """Bind the parameter `name`."""
        self.activity = activity
        super().__init__(name=name)


class DurableFunctionBuilder(FunctionBuilder):
    """An orchestrator or an activity of the app."""

    def __init__(
        self, builder: FunctionBuilder, trigger: OrchestrationTrigger | ActivityTrigger
    ) -> None:
        """Take over what lower decorators have said about the function."""
        self._function = builder._function  # noqa: SLF001  (the library has no other way in)
        self._trigger = trigger
        self.add_trigger(trigger)
        if isinstance(trigger, OrchestrationTrigger):
            self._function._func = _with_handle(self._function._func)  # noqa: SLF001
        # A function that can't be one is told so at its own line, not at the end of indexing.
        self.enter(Registry())

    @property
    def durable_kind(self) -> str:
        """Tell the decorator that made it."""
        return self._trigger.kind

    @property
    def durable_name(self) -> str:
        """The name that orchestrators and clients call it by."""
        if isinstance(self._trigger, OrchestrationTrigger):
            chosen = self._trigger.orchestration
        else:
            chosen = self._trigger.activity
        return str(chosen or self._function.get_function_name())

    def enter(self, registry: Registry) -> None:
        """Put the user's function into a registry, or raise `ValueError` saying why it can't be."""
        function = self._function.get_user_function()
        if isinstance(self._trigger, OrchestrationTrigger):
            registry.add_orchestrator(self.durable_name, getattr(function, ORCHESTRATOR_FUNCTION))
        else:
            _refuse_other_parameters(self.durable_name, function)
            registry.add_activity(self.durable_name, function)

    def refuse_what_is_not_served(self) -> None:
        """Raise `BindingRefusedError` naming a decorator that would have no effect."""
        what = self.durable_kind.partition("_")[0]
        for binding in self._function.get_bindings():
            if binding is not self._trigger:
                raise BindingRefusedError(
                    f"The {what} '{self.durable_name}' has a further binding "
                    f"'{binding.name}' of type '{binding.type}', which is not supported yet. "
                    f"Remove its decorator and use the service's own SDK inside an activity."
                )
        for setting in self._function._settings:  # noqa: SLF001
            if setting.setting_name != FUNCTION_NAME:
                raise BindingRefusedError(
                    f"The {what} '{self.durable_name}' has the setting '{setting.setting_name}', "
                    "which is the host's and has no effect here. Remove its decorator."
                )


def _with_handle(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the user's generator function, which stays at hand for unit tests."""
    if hasattr(function, "client_function"):
        raise BindingRefusedError(
            f"The orchestrator '{function.__name__}' has a durable client. An orchestrator talks "
            "to other instances through its context; use the client inside an activity."
        )

    @functools.wraps(function)
    def handle(context: Any) -> Any:
        return function(context)

    vars(handle)[ORCHESTRATOR_FUNCTION] = function
    return handle


def _refuse_other_parameters(name: str, function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise BindingRefusedError(
            f"The activity '{name}' takes {inspect.signature(function)}: {error}. "
            "An activity has exactly one parameter, its input."
        ) from None
