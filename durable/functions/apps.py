"""DFApp and Blueprint: every decorator of azure.functions, and the durable ones.

Signatures are those of azure-functions-durable 1.7.
"""

from collections.abc import Callable
from typing import Any

import azure.functions as func
from azure.functions.decorators.function_app import (
    BindingApi,
    FunctionBuilder,
    FunctionRegister,
    SettingsApi,
    TriggerApi,
)

from durable.functions.app_hub import AppHub, hub_of
from durable.functions.client_input import with_client
from durable.functions.composition import Composition
from durable.functions.contribution import AppBuilders, BlueprintBuilders
from durable.functions.errors import BindingRefusedError, NotRegisteredError
from durable.functions.triggers import (
    ORCHESTRATOR_FUNCTION,
    ActivityTrigger,
    DurableFunctionBuilder,
    OrchestrationTrigger,
)

Decorator = Callable[[Callable[..., Any]], Any]


class Blueprint(TriggerApi, BindingApi, SettingsApi):
    """A container of functions for `register_functions` of any app.

    Any `func.FunctionApp` or `DFApp` that registers one gets the task hub's own functions too.
    """

    def __init__(self, http_auth_level: func.AuthLevel | str = func.AuthLevel.FUNCTION) -> None:
        """Begin empty. A blueprint's HTTP functions get the level of the app that takes them."""
        super().__init__(auth_level=http_auth_level)  # type: ignore[no-untyped-call]
        self._hub: AppHub | None = None
        self._function_builders = BlueprintBuilders(self._on_registered)

    def _on_registered(self, hub: AppHub) -> None:
        self._hub = hub

    def _compose(self) -> Composition:
        if self._hub is None:
            raise NotRegisteredError(
                "This function's blueprint is not registered with an app: "
                "app.register_functions(blueprint)."
            )
        return self._hub.compose()

    def orchestration_trigger(
        self, context_name: str, orchestration: str | None = None
    ) -> Decorator:
        """Make a generator function an orchestrator, named `orchestration` or as it is."""
        return self._durable(lambda: OrchestrationTrigger(context_name, orchestration))

    def activity_trigger(self, input_name: str, activity: str | None = None) -> Decorator:
        """Make a function of one input, sync or async, an activity."""
        return self._durable(lambda: ActivityTrigger(input_name, activity))

    def entity_trigger(self, context_name: str, entity_name: str | None = None) -> Decorator:
        """Refuse: entities come with a later version."""
        named = entity_name or context_name
        raise BindingRefusedError(
            f"@entity_trigger ('{named}'): entities are not there yet; they come with a later "
            "version. Remove the decorator's line."
        )

    def durable_client_input(
        self,
        client_name: str,
        task_hub: str | None = None,
        connection_name: str | None = None,
    ) -> Decorator:
        """Fill the parameter `client_name` with a `DurableOrchestrationClient`."""

        def wrap(builder: FunctionBuilder) -> FunctionBuilder:
            function = builder._function  # noqa: SLF001  (the library has no other way in)
            if hasattr(function._func, ORCHESTRATOR_FUNCTION):  # noqa: SLF001
                raise BindingRefusedError(
                    f"The orchestrator '{function.get_function_name()}' can't have a durable "
                    "client; use the client inside an activity."
                )
            function._func = with_client(  # noqa: SLF001
                function._func,  # noqa: SLF001
                client_name,
                self._compose,
                task_hub=task_hub,
                connection_name=connection_name,
            )
            return builder

        return self._configure_function_builder(wrap)

    def _durable(
        self, make_trigger: Callable[[], OrchestrationTrigger | ActivityTrigger]
    ) -> Decorator:
        def wrap(builder: FunctionBuilder) -> DurableFunctionBuilder:
            durable = DurableFunctionBuilder(builder, make_trigger())
            # The decorator's machinery has put the plain builder last, to be topped by the next.
            self._function_builders[-1] = durable
            return durable

        return self._configure_function_builder(wrap)


class DFApp(Blueprint, FunctionRegister):
    """A function app with orchestrators and activities."""

    def __init__(self, http_auth_level: func.AuthLevel | str = func.AuthLevel.FUNCTION) -> None:
        """Begin with nothing but the task hub's own functions."""
        super().__init__(http_auth_level)
        self._hub = hub_of(self)
        self._function_builders = AppBuilders(self._hub)
