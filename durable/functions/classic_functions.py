"""Classic functions as functions of an app: what a function.json says, said by decorators.

Orchestrators, activities and entities go to the hub. Every other function gets the bindings of its
function.json word for word; a durable client binding is left out and filled by us.
"""

from collections.abc import Callable, Mapping
from typing import Any

from azure.functions.decorators.core import BindingDirection, DataType
from azure.functions.decorators.function_app import FunctionBuilder, FunctionRegister
from azure.functions.decorators.function_name import FunctionName
from azure.functions.decorators.generic import (
    GenericInputBinding,
    GenericOutputBinding,
    GenericTrigger,
)
from azure.functions.decorators.retry_policy import RetryPolicy

from durable.functions.bindings import ActivityTrigger, EntityTrigger, OrchestrationTrigger
from durable.functions.classic_app import ClassicFunction
from durable.functions.client_input import ClientParameter, with_client
from durable.functions.composition import Composition
from durable.functions.errors import BindingRefusedError
from durable.functions.triggers import DurableFunctionBuilder, DurableTrigger, Options

ORCHESTRATION, ACTIVITY, ENTITY = "orchestrationtrigger", "activitytrigger", "entitytrigger"
HUB_KINDS = {ORCHESTRATION: "orchestrations", ACTIVITY: "activities", ENTITY: "entities"}
CLIENTS = ("durableclient", "orchestrationclient")
HTTP_TRIGGER = "httpTrigger"
RETRIES = {"fixeddelay": "fixed_delay", "exponentialbackoff": "exponential_backoff"}


class _WordForWord:
    """A binding that is printed as function.json has it."""

    members: Mapping[str, Any]

    def get_dict_repr(self) -> dict[str, Any]:
        """Print it."""
        return dict(self.members)


class ClassicTrigger(_WordForWord, GenericTrigger):
    """A function.json's trigger."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        """Take the binding."""
        self.members = members
        # The library looks at these two of an HTTP trigger, and at no other's.
        self.route = members.get("route")
        self.auth_level = members.get("authLevel")
        GenericTrigger.__init__(self, members["name"], _type(members), _data_type(members))


class ClassicInput(_WordForWord, GenericInputBinding):
    """A function.json's input binding."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        """Take the binding."""
        self.members = members
        GenericInputBinding.__init__(self, members["name"], _type(members), _data_type(members))


class ClassicOutput(_WordForWord, GenericOutputBinding):
    """A function.json's output binding."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        """Take the binding."""
        self.members = members
        GenericOutputBinding.__init__(self, members["name"], _type(members), _data_type(members))
        if str(members.get("direction", "")).lower() == "inout":
            self._direction = BindingDirection.INOUT


def bring_classic_functions(
    app: FunctionRegister, functions: list[ClassicFunction], compose: Callable[[], Composition]
) -> None:
    """Put these functions into the app, or raise `BindingRefusedError` naming folder and line."""
    for function in functions:
        try:
            builder = _builder(function, compose)
        except BindingRefusedError:
            raise
        except ValueError as error:
            raise function.refusal(str(error)) from error
        app._function_builders.append(builder)  # noqa: SLF001  (the library has no other way in)


def _builder(function: ClassicFunction, compose: Callable[[], Composition]) -> FunctionBuilder:
    triggers = [one for one in function.bindings if one["type"].lower().endswith("trigger")]
    if len(triggers) != 1:
        raise function.refusal(f"it has {len(triggers)} triggers, not one", at="bindings")
    trigger = triggers[0]
    kind = trigger["type"].lower()
    user_function = _with_clients(function, compose)
    builder = FunctionBuilder(user_function, function.script_file)  # type: ignore[no-untyped-call]
    builder.add_setting(FunctionName(function.name))
    if kind not in HUB_KINDS:
        _bind(builder, function)
        return builder
    for binding in function.bindings:
        if binding is not trigger and binding["type"].lower() not in CLIENTS:
            raise function.refusal(
                f"{HUB_KINDS[kind]} can't have a further binding yet; take the "
                f"binding '{binding['name']}' of type '{binding['type']}' away and use the "
                "service's own SDK inside an activity",
                at=binding["type"],
            )
    if "retry" in function.members:
        raise function.refusal(
            "the host's retries have no effect here; use call_activity_with_retry", at="retry"
        )
    return DurableFunctionBuilder(builder, _durable_trigger(kind, trigger), Options())


def _durable_trigger(kind: str, trigger: Mapping[str, Any]) -> DurableTrigger:
    name = trigger["name"]
    if kind == ORCHESTRATION:
        return OrchestrationTrigger(name, trigger.get("orchestration"))
    if kind == ENTITY:
        return EntityTrigger(name, trigger.get("entityName"))
    return ActivityTrigger(name, trigger.get("activity"))


def _with_clients(
    function: ClassicFunction, compose: Callable[[], Composition]
) -> Callable[..., Any]:
    wrapped = function.function
    for binding in function.bindings:
        if binding["type"].lower() in CLIENTS:
            parameter = ClientParameter(
                name=binding["name"],
                task_hub=binding.get("taskHub"),
                connection_name=binding.get("connectionName"),
                is_text=True,
            )
            try:
                wrapped = with_client(wrapped, parameter, compose)
            except BindingRefusedError as error:
                raise function.refusal(str(error), at=binding["name"]) from error
    return wrapped


def _bind(builder: FunctionBuilder, function: ClassicFunction) -> None:
    for binding in function.bindings:
        kind = binding["type"].lower()
        direction = str(binding.get("direction", "in")).lower()
        if kind in CLIENTS:
            continue
        if kind.endswith("trigger"):
            builder.add_trigger(ClassicTrigger(binding))
        elif direction == "in":
            builder.add_binding(ClassicInput(binding))
        else:
            builder.add_binding(ClassicOutput(binding))
    retry = function.members.get("retry")
    if retry is not None:
        builder.add_setting(_retry_policy(function, retry))


def _retry_policy(function: ClassicFunction, retry: Any) -> RetryPolicy:
    strategy = (
        RETRIES.get(str(retry.get("strategy", "")).lower()) if isinstance(retry, dict) else ""
    )
    if not strategy or "maxRetryCount" not in retry:
        raise function.refusal(
            "'retry' needs a 'strategy' of 'fixedDelay' or 'exponentialBackoff' and a "
            "'maxRetryCount'",
            at="retry",
        )
    return RetryPolicy(
        strategy=strategy,
        max_retry_count=str(retry["maxRetryCount"]),
        delay_interval=retry.get("delayInterval"),
        minimum_interval=retry.get("minimumInterval"),
        maximum_interval=retry.get("maximumInterval"),
    )


def _type(members: Mapping[str, Any]) -> str:
    """Spell the one type that the library compares as the library does."""
    kind = str(members["type"])
    return HTTP_TRIGGER if kind.lower() == HTTP_TRIGGER.lower() else kind


def _data_type(members: Mapping[str, Any]) -> DataType | None:
    name = str(members.get("dataType") or "").upper()
    return DataType[name] if name in DataType.__members__ else None
