"""What a test may hand over as an orchestrator or an activity, and the function inside it.

A plain function is named as it is. What a decorator of `durable.functions` returned knows its name
and its user's function; so does the handle that `Orchestrator.create` returns. They are known by
their attributes: azure.functions is not needed here.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

ORCHESTRATOR = "orchestration_trigger"
ACTIVITY = "activity_trigger"
ENTITY = "entity_trigger"
Given = Mapping[Any, Any] | Iterable[Any]


def user_function(given: Any) -> Callable[..., Any]:
    """Return the function that the user wrote, or raise `TypeError`.

    Of a decorated one it is what a hub would run.
    """
    inner = getattr(given, "durable_function", None)
    if inner is None:
        inner = getattr(getattr(given, "_function", None), "_func", None)
    function = inner if inner is not None else given
    function = getattr(function, "orchestrator_function", function)
    function = getattr(function, "entity_function", function)
    if not callable(function):
        raise TypeError(f"A function is wanted, or what its decorator returned; not {given!r}.")
    return function  # type: ignore[no-any-return]


def name_of(given: Any) -> str:
    """Return the name that the app knows it by; a string is a name."""
    if isinstance(given, str):
        return given
    name = getattr(given, "durable_name", None)
    if isinstance(name, str):
        return name
    name = getattr(user_function(given), "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"{given!r} has no name; give it one: {{'name': function}}.")
    return name


def by_name(given: Given) -> dict[str, Any]:
    """Key by name what was given as a mapping, or as a list of functions that know their names."""
    if isinstance(given, Mapping):
        return {name_of(key): value for key, value in given.items()}
    return {name_of(each): each for each in given}


def is_decorated(given: Any, kind: str) -> bool:
    """Say whether a decorator of this kind made it."""
    return getattr(given, "durable_kind", None) == kind


def is_orchestrator(given: Any) -> bool:
    """Say whether to run this as an orchestrator: a generator function, an `async def`, decorated.

    Any other callable is a fake: it takes the input and returns the result.
    """
    if is_decorated(given, ORCHESTRATOR) or hasattr(given, "orchestrator_function"):
        return True
    return inspect.isgeneratorfunction(given) or inspect.iscoroutinefunction(given)
