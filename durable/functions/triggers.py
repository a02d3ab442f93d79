"""Orchestrators, activities and entities in the shape that azure.functions gives its functions.

A `DurableFunctionBuilder` looks like any other function of the app, so that decorators stack and
1.7's idioms for unit tests hold, but it never reaches the host: the hub's own queue functions call
what is inside. Its trigger's type is that of the Durable extension, for whoever prints it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.functions.decorators.function_app import FunctionBuilder

from durable.engine.registry import Registry
from durable.functions.activity_invocation import with_invocation
from durable.functions.bindings import ActivityTrigger, EntityTrigger, OrchestrationTrigger
from durable.functions.entity import ENTITY_FUNCTION, entity_handle_of
from durable.functions.errors import BindingRefusedError
from durable.functions.orchestrator import ORCHESTRATOR_FUNCTION, handle_of

FUNCTION_NAME = "function_name"
DurableTrigger = OrchestrationTrigger | ActivityTrigger | EntityTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a decorator says beyond names.

    `input_type` is an orchestrator's. `raises` and `timeout` are an activity's: the errors that
    orchestrators can catch by their classes, and how long a call may take that names no time.
    """

    input_type: Any = None
    raises: tuple[type[Exception], ...] = ()
    timeout: timedelta | None = None


class DurableFunctionBuilder(FunctionBuilder):
    """An orchestrator, an activity or an entity of the app."""

    def __init__(
        self,
        builder: FunctionBuilder,
        trigger: DurableTrigger,
        options: Options,
    ) -> None:
        """Take over what lower decorators have said about the function."""
        self._function = builder._function  # noqa: SLF001  (the library has no other way in)
        self._trigger = trigger
        self._options = options
        self._filled: tuple[Any, Any] = (None, None)
        self.add_trigger(trigger)
        if isinstance(trigger, OrchestrationTrigger):
            self._function._func = handle_of(  # noqa: SLF001
                self._function._func,  # noqa: SLF001
                input_type=options.input_type,
            )
        elif isinstance(trigger, EntityTrigger):
            self._function._func = entity_handle_of(self._function._func)  # noqa: SLF001
        # What can't be is told so at its own line, not at the end of indexing; a decorator below
        # first, for the parameter that it fills is one too many.
        self.refuse_what_is_not_served()
        self.enter(Registry())

    @property
    def durable_kind(self) -> str:
        """Tell the decorator that made it."""
        return self._trigger.kind

    @property
    def durable_name(self) -> str:
        """The name that orchestrators and clients call it by."""
        return str(self._trigger.chosen_name or self._function.get_function_name())

    @property
    def durable_function(self) -> Any:
        """What a hub runs: the user's function or class; an activity with its `context` filled."""
        function = self._function.get_user_function()
        if isinstance(self._trigger, OrchestrationTrigger):
            return getattr(function, ORCHESTRATOR_FUNCTION)
        if isinstance(self._trigger, EntityTrigger):
            return getattr(function, ENTITY_FUNCTION)
        if self._filled[0] is not function:
            # Once: a registry tells by its identity that it has this activity already.
            self._filled = function, with_invocation(function, self._trigger.name)
        return self._filled[1]

    def enter(self, registry: Registry) -> None:
        """Put the user's function into a registry, or raise `ValueError` saying why it can't be."""
        function, name, options = self.durable_function, self.durable_name, self._options
        if isinstance(self._trigger, OrchestrationTrigger):
            registry.add_orchestrator(name, function, input_type=options.input_type)
        elif isinstance(self._trigger, EntityTrigger):
            registry.add_entity(name, function)
        else:
            registry.add_activity(name, function, raises=options.raises, timeout=options.timeout)

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
