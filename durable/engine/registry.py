"""Names → user functions, and what their annotations say (`model.types_of_app`)."""

import inspect
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from durable.engine.class_entities import ClassEntity
from durable.engine.entity_context import DurableEntityContext
from durable.engine.function_names import FunctionNames
from durable.engine.signatures import (
    check_activity,
    check_entity,
    context_parameter_of,
    input_type_of,
    or_null,
    result_type_of,
)
from durable.model.converters import Converter, JsonConverter
from durable.model.error_classes import DECORATED, ErrorClasses
from durable.replay.code import Orchestrator

Activity = Callable[..., Any]
Entity = Callable[[DurableEntityContext], Any] | type[Any]
"""A function of a context, sync or async, or a class whose methods are the operations."""

NAMES_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOptions:
    """What an app says about an activity, for every call of it.

    `timeout` holds for calls that name none. `raises` are classes that an orchestrator may catch.
    """

    timeout: timedelta | None = None
    raises: tuple[type[BaseException], ...] = ()


class Registry:
    """The functions and classes of one function app. A name, in any case, is one of a kind."""

    def __init__(self, converter: Converter | None = None) -> None:
        """Start empty, with the app's own converter or the usual one."""
        self.converter: Converter = converter or JsonConverter()
        self._orchestrators: FunctionNames[Orchestrator] = FunctionNames()
        self._activities: FunctionNames[Activity] = FunctionNames()
        self._entities: dict[str, Entity] = {}
        self._classes: dict[str, ClassEntity] = {}
        self._options: FunctionNames[ActivityOptions] = FunctionNames()
        self._given_inputs: FunctionNames[Any] = FunctionNames()
        self._errors = ErrorClasses()
        self._types: dict[tuple[str, str], Any] = {}

    @property
    def orchestrators(self) -> Mapping[str, Orchestrator]:
        """The orchestrators by name."""
        return self._orchestrators

    @property
    def activities(self) -> Mapping[str, Activity]:
        """The activities by name."""
        return self._activities

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities, functions and classes, by name in lower case."""
        return self._entities

    def options(self, activity: str) -> ActivityOptions:
        """Return what the app says about an activity."""
        return self._options.get(activity, ActivityOptions())

    def add_orchestrator(
        self, name: str, function: Orchestrator, *, input_type: Any = None
    ) -> None:
        """Register an orchestrator, or raise `ValueError` saying why it can't be one.

        `input_type` is what its input is read as, where no annotation says it.
        """
        if inspect.isasyncgenfunction(function):
            raise ValueError(
                f"Orchestrator '{name}' is an 'async def' with a 'yield'. Write it as a generator, "
                "'def' with 'yield context.call_activity(...)', or 'async def' with 'await'."
            )
        _add(self._orchestrators, name, function, "orchestrators")
        if input_type is not None:
            self._given_inputs[name] = or_null(input_type)

    def add_activity(
        self,
        name: str,
        function: Activity,
        *,
        timeout: timedelta | None = None,
        raises: Iterable[type[BaseException]] = (),
    ) -> None:
        """Register an activity, sync or async, or raise `ValueError`.

        `raises` are classes of errors that orchestrators catch by `except`.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ValueError(f"Activity '{name}' is a generator; an activity returns its result.")
        check_activity(name, function)
        given: object = timeout
        if given is not None and not isinstance(given, timedelta):
            raise TypeError(f"The timeout of activity '{name}' is {given!r}, and no timedelta.")
        options = ActivityOptions(timeout=timeout, raises=tuple(raises))
        if timeout is not None and timeout <= timedelta():
            raise ValueError(
                f"Activity '{name}' has a timeout of {timeout}; it takes a longer one."
            )
        for error_class in options.raises:
            self._errors.add(error_class)
        _add(self._activities, name, function, "activities")
        self._options[name] = options

    def add_entity(self, name: str, entity: Entity) -> None:
        """Register an entity, a function or a class, or raise `ValueError` or `TypeError`.

        Names that differ in case only are one name: an instance id has it in lower case.
        """
        check_entity(name, entity)
        served = ClassEntity(entity) if isinstance(entity, type) else None
        _add(self._entities, name.lower(), entity, "entities")
        if served is not None:
            self._classes[name.lower()] = served

    def entity_function(self, name: str) -> Callable[[DurableEntityContext], Any]:
        """Return what serves an operation of this entity, given its context."""
        return self._classes.get(name.lower()) or self._entities[name.lower()]

    def include(self, other: "Registry") -> None:
        """Take over what another registry holds; its converter stays its own."""
        for name, orchestrator in other.orchestrators.items():
            if self._orchestrators.get(name) is not orchestrator:
                given = other._given_inputs.get(name)  # noqa: SLF001  (of our own class)
                self.add_orchestrator(name, orchestrator, input_type=given)
        for name, activity in other.activities.items():
            if self._activities.get(name) is not activity:
                options = other.options(name)
                self.add_activity(name, activity, timeout=options.timeout, raises=options.raises)
        for name, entity in other.entities.items():
            if self._entities.get(name) is not entity:
                self.add_entity(name, entity)

    def input_type(self, name: str) -> Any:
        """Return what the activity or orchestrator of this name takes; `None` is not known."""
        if name in self._given_inputs:
            return self._given_inputs[name]
        # An orchestrator's first parameter is its context.
        position = 0 if name in self._activities else 1
        return self._type(name, "input", lambda function: input_type_of(function, position))

    def result_type(self, name: str) -> Any:
        """Return what the activity or orchestrator of this name returns; `None` is not known."""
        return self._type(name, "result", result_type_of)

    def operation_type(self, entity: str, operation: str) -> Any:
        """Return what an operation of this class entity returns; `None` is not known."""
        found = self._classes.get(entity.lower())
        return None if found is None else found.result_type(operation)

    def context_parameter(self, activity: str) -> str | None:
        """Name the parameter that takes the `ActivityContext` of a call, if there is one."""
        key = (activity.lower(), "context")
        if key not in self._types:
            self._types[key] = context_parameter_of(self._activities[activity])
        found: str | None = self._types[key]
        return found

    def error_class(
        self, error_type: str, base_types: Sequence[str] = ()
    ) -> type[BaseException] | None:
        """Return the class registered under this name, or under the nearest of its bases."""
        for name in (error_type, *base_types):
            found = self._errors.get(name) or DECORATED.get(name)
            if found is not None:
                return found
        return None

    def _type(self, name: str, what: str, find: Callable[[Any], Any]) -> Any:
        key = (name.lower(), what)
        if key not in self._types:
            named = [
                functions[name]
                for functions in (self._activities, self._orchestrators)
                if name in functions
            ]
            # Where an activity and an orchestrator have one name, nobody knows which is meant.
            self._types[key] = find(named[0]) if len(named) == 1 else None
        return self._types[key]


def _add(functions: MutableMapping[str, Any], name: str, function: Any, what: str) -> None:
    if name in functions:
        raise ValueError(f"Two {what} are named '{name}'; give one of them another name.")
    functions[name] = function


def unknown(name: str, kind: str, known: Iterable[str]) -> str:
    """Say that a function is not here, and what is."""
    names = sorted(known)
    shown = ", ".join(f"'{one}'" for one in names[:NAMES_SHOWN_MAX])
    more = f" and {len(names) - NAMES_SHOWN_MAX} more" if len(names) > NAMES_SHOWN_MAX else ""
    here = f"it has {shown}{more}" if names else "it has none"
    return f"No {kind} function named '{name}' is registered in this app; {here}."
