"""DFApp and Blueprint: every decorator of azure.functions, and the durable ones.

Signatures are those of azure-functions-durable 1.7.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar, overload

import azure.functions as func
from azure.functions.decorators.function_app import (
    BindingApi,
    FunctionBuilder,
    FunctionRegister,
    SettingsApi,
    TriggerApi,
)

from durable.functions.app_hub import AppHub, hub_of
from durable.functions.bindings import ActivityTrigger, EntityTrigger, OrchestrationTrigger
from durable.functions.classic_app import folder_of_caller, read_classic_app
from durable.functions.classic_functions import bring_classic_functions
from durable.functions.client_input import ClientParameter, with_client
from durable.functions.composition import Composition
from durable.functions.contribution import AppBuilders, BlueprintBuilders
from durable.functions.entity import ENTITY_FUNCTION
from durable.functions.errors import BindingRefusedError, NotRegisteredError, NotServedError
from durable.functions.orchestrator import ORCHESTRATOR_FUNCTION
from durable.functions.triggers import DurableFunctionBuilder, DurableTrigger, Options
from durable.model.converters import Converter

Decorator = Callable[[Callable[..., Any]], Any]
T = TypeVar("T")
WITHOUT_CLIENT = {"orchestrator": ORCHESTRATOR_FUNCTION, "entity": ENTITY_FUNCTION}


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
        self,
        context_name: str,
        orchestration: str | None = None,
        input_type: Any = None,
    ) -> Decorator:
        """Make a function an orchestrator, named `orchestration` or as it is.

        A generator or an `async def`, of the context alone or of the context and the input.
        `input_type` is what `get_input()` decodes to where the call names no type.
        """
        _refuse_bare("orchestration_trigger(context_name=...)", context_name)
        return self._durable(
            lambda: OrchestrationTrigger(context_name, orchestration),
            Options(input_type=input_type),
        )

    def activity_trigger(
        self,
        input_name: str,
        activity: str | None = None,
        *,
        raises: Sequence[type[Exception]] | type[Exception] = (),
        timeout: timedelta | None = None,
    ) -> Decorator:
        """Make a function of one input, sync or async, an activity.

        A second parameter, annotated `ActivityContext`, gets the call's context. An orchestrator
        can catch the classes of `raises` by themselves; other failures reach it as
        `TaskFailedError`. A call that names no `timeout` fails after this one.
        """
        _refuse_bare("activity_trigger(input_name=...)", input_name)
        listed = (raises,) if isinstance(raises, type) else tuple(raises)
        return self._durable(
            lambda: ActivityTrigger(input_name, activity),
            Options(raises=listed, timeout=timeout),
        )

    def entity_trigger(self, context_name: str, entity_name: str | None = None) -> Decorator:
        """Make a function of a `DurableEntityContext`, sync or async, an entity.

        It is named `entity_name` or as the function is; case does not matter. Its code may run more
        than once for one operation; what it sets, answers and sends counts once. A class can be an
        entity too: see `entity`.
        """
        _refuse_bare("entity_trigger(context_name=...)", context_name)
        return self._durable(lambda: EntityTrigger(context_name, entity_name), Options())

    @overload
    def entity(self, name: type[T]) -> type[T]: ...
    @overload
    def entity(self, name: str | None = None) -> Callable[[type[T]], type[T]]: ...
    def entity(self, name: str | type[T] | None = None) -> type[T] | Callable[[type[T]], type[T]]:
        """Make a class an entity: its methods are the operations, its attributes the state.

        `@app.entity`, `@app.entity()` or `@app.entity("Name")`; without a name it is named as the
        class is. The class itself comes back, so that a unit test can make one and call it.
        """

        def bring(entity_class: type[T]) -> type[T]:
            if not isinstance(entity_class, type):
                raise BindingRefusedError(
                    f"@entity is for classes, and {entity_class!r} is none. A function is made an "
                    "entity by @entity_trigger(context_name=...)."
                )
            self._durable(lambda: EntityTrigger("context", chosen), Options())(entity_class)
            return entity_class

        if isinstance(name, str | None):
            chosen = name
            return bring
        chosen = None
        return bring(name)

    def durable_openai_agent_orchestrator(
        self, _func: Callable[..., Any] | None = None, **_named: Any
    ) -> NoReturn:
        """Refuse: 1.7 had it as a preview, its successor has not."""
        raise NotServedError(
            "@durable_openai_agent_orchestrator is not served: it is a preview of "
            "azure-functions-durable 1.7 that its version 2 has not. Call the model in an "
            "activity, and the activity with call_activity_with_retry."
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
            for kind, mark in WITHOUT_CLIENT.items():
                if hasattr(function._func, mark):  # noqa: SLF001
                    raise BindingRefusedError(
                        f"The {kind} '{function.get_function_name()}' can't have a durable "
                        "client; use the client inside an activity."
                    )
            parameter = ClientParameter(
                name=client_name, task_hub=task_hub, connection_name=connection_name
            )
            function._func = with_client(  # noqa: SLF001
                function._func,  # noqa: SLF001
                parameter,
                self._compose,
            )
            return builder

        return self._configure_function_builder(wrap)

    def _durable(
        self,
        make_trigger: Callable[[], DurableTrigger],
        options: Options,
    ) -> Decorator:
        def wrap(builder: FunctionBuilder) -> DurableFunctionBuilder:
            durable = DurableFunctionBuilder(builder, make_trigger(), options)
            # The decorator's machinery has put the plain builder last, to be topped by the next.
            self._function_builders[-1] = durable
            return durable

        return self._configure_function_builder(wrap)


def _refuse_bare(decorator: str, given: object) -> None:
    """Refuse a decorator without its parentheses: it would take the function's place unseen."""
    if not isinstance(given, str):
        raise BindingRefusedError(
            f"Write '@app.{decorator}' above the function; {given!r} is no name of a parameter."
        )


class DFApp(Blueprint, FunctionRegister):
    """A function app with orchestrators, activities and entities."""

    def __init__(
        self,
        http_auth_level: func.AuthLevel | str = func.AuthLevel.FUNCTION,
        *,
        converter: Converter | None = None,
    ) -> None:
        """Begin with nothing but the task hub's own functions.

        `converter` turns the app's payloads into text and back; JSON where none is given.
        """
        super().__init__(http_auth_level)
        self._hub = hub_of(self, converter=converter)
        self._function_builders = AppBuilders(self._hub)

    @classmethod
    def from_function_json(
        cls, root: str | Path | None = None, *, converter: Converter | None = None
    ) -> Self:
        """Make the app of a project in folders with a function.json each (the classic model).

        The whole of its function_app.py is `app = df.DFApp.from_function_json()`. `root` is the
        folder of host.json; where it is left out, that of the file that calls. Raises
        `BindingRefusedError` naming the folder and the line to change.
        """
        where = Path(root) if root is not None else folder_of_caller()
        app = cls(converter=converter)
        bring_classic_functions(app, read_classic_app(where), app._compose)
        return app
