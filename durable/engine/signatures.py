"""Signatures: what the parameters and annotations of a user's function say.

Rule 1. Annotations are resolved when they are first needed, not when the function is registered:
        they may name what stands further down in its module.
Rule 2. An annotation that JSON satisfies by itself (`str`, `dict`, `list[int]`), that leads nowhere
        or that nobody can read by is as good as none: the value is handed on as it came, as in
        azure-functions-durable 1.7. So is a null where something richer is annotated.
"""

import collections.abc
import functools
import inspect
import typing
from typing import Any

from durable.engine.activity_context import ActivityContext
from durable.model.annotations import Kind, annotation_of, kind_of
from durable.model.entity_ids import EntityId
from durable.model.ids import parse_instance_id

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def input_type_of(function: Any, position: int = 0) -> Any:
    """Return what the parameter at this position is to be read as; `None`: as it comes."""
    parameters = _parameters(function)
    if position >= len(parameters):
        return None
    return useful(annotation_of(_annotated(function), parameters[position].name))


def result_type_of(function: Any) -> Any:
    """Return what the result is to be read as; of a generator its third type argument."""
    annotation = annotation_of(_annotated(function), "return")
    if inspect.isgeneratorfunction(_annotated(function)):
        if typing.get_origin(annotation) is not collections.abc.Generator:
            return None
        annotation = (*typing.get_args(annotation), None, None, None)[2]
    return useful(annotation)


def useful(annotation: Any) -> Any:
    """Return an annotation that something is to be made of, null allowed; or `None` (rule 2)."""
    try:
        is_rich = annotation is not None and kind_of(annotation) is Kind.RICH
    except Exception:  # noqa: BLE001  (an annotation is any expression at all)
        return None
    return or_null(annotation) if is_rich else None


def or_null(annotation: Any) -> Any:
    """Allow null beside what an annotation allows."""
    return typing.Optional[annotation]  # noqa: UP045  (an annotation need not know `|`)


def context_parameter_of(function: Any) -> str | None:
    """Name the parameter, not the first, that is annotated `ActivityContext`."""
    for parameter in _parameters(function)[1:]:
        annotation = annotation_of(_annotated(function), parameter.name)
        if annotation is ActivityContext or annotation == ActivityContext | None:
            return parameter.name if parameter.kind in BY_NAME else None
    return None


def annotation_in(function: Any, name: str) -> Any:
    """Resolve the annotation of a parameter, below decorators; `None` where there is none."""
    return annotation_of(_annotated(function), name)


def check_entity(name: str, entity: Any) -> None:
    """Raise unless the name can be an entity's, and the function can be called with a context."""
    EntityId(name, "key")
    # The name begins an instance id, and must be in all keys what an instance id can be.
    parse_instance_id(name)
    if isinstance(entity, type):
        return
    if not callable(entity):
        raise TypeError(f"The entity '{name}' is a function or a class, not {entity!r}.")
    if inspect.isgeneratorfunction(entity) or inspect.isasyncgenfunction(entity):
        raise ValueError(
            f"Entity '{name}' is a generator; an entity does not wait for tasks, so there is "
            "nothing to yield. What it tells its caller is set by context.set_result."
        )
    try:
        inspect.signature(entity).bind(None)
    except TypeError as error:
        raise ValueError(
            f"The entity '{name}' takes {inspect.signature(entity)}: {error}. "
            "An entity function has exactly one parameter, its context."
        ) from None
    except ValueError:
        return  # a builtin that does not tell


def check_activity(name: str, function: Any) -> None:
    """Raise `ValueError` unless the function can be called with an input (and a context)."""
    context = context_parameter_of(function)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a builtin that does not tell
    try:
        signature.bind(None, **({context: None} if context else {}))
    except TypeError as error:
        raise ValueError(
            f"The activity '{name}' takes {signature}: {error}. "
            "An activity has exactly one parameter, its input, and may have a second one, "
            "annotated ActivityContext."
        ) from None


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []  # a builtin that does not tell


def _annotated(function: Any) -> Any:
    """Find the function whose annotations count, below decorators, partials and objects."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    if inspect.isfunction(function) or inspect.ismethod(function):
        return getattr(function, "__func__", function)
    return getattr(type(function), "__call__", function)  # noqa: B004  (its function, to look at)
