"""Annotations: a type as its author wrote it, made ready to be read by.

Forward references are looked up in the namespace of the module that holds them; nothing is
imported for them. A reference that leads nowhere is no fault: where a function has one, the value
is handed on as JSON gave it.
"""

import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import Any

from durable.model.custom_objects import is_custom_class
from durable.model.json_forms import FORMS

LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
SETS: Mapping[Any, Callable[[Any], Any]] = {
    set: set,
    frozenset: frozenset,
    abc.Set: frozenset,
    abc.MutableSet: set,
}
MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
PLAIN = (str, int, float, bool, types.NoneType, Any, object)
WRAPPERS = (typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired)


class Kind(IntEnum):
    """What an annotation means for reading; of a compound one the largest of its parts counts."""

    PLAIN = 0
    """As JSON gives it."""
    RICH = 1
    """Something else has to be made of it."""
    UNKNOWN = 2
    """Nobody here can make such a thing."""


def stripped(annotation: Any) -> Any:
    """Take off what says nothing about the value: Annotated, NewType, aliases, type variables."""
    while True:
        if typing.get_origin(annotation) in WRAPPERS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__ or Any
        else:
            return types.NoneType if annotation is None else annotation


def is_union(annotation: Any) -> bool:
    """Say whether an annotation is `A | B` or `Optional[A]`."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def is_named_tuple(annotation: Any) -> bool:
    """Say whether an annotation is a NamedTuple."""
    return (
        isinstance(annotation, type)
        and issubclass(annotation, tuple)
        and hasattr(annotation, "_fields")
    )


def is_model(annotation: Any) -> bool:
    """Say whether an annotation is a class in the manner of pydantic 2."""
    return isinstance(annotation, type) and callable(getattr(annotation, "model_validate", None))


def kind_of(annotation: Any, seen: frozenset[Any] = frozenset()) -> Kind:
    """Say what an annotation means for reading."""
    annotation = stripped(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    bare = origin or annotation
    if bare in PLAIN or origin is typing.Literal:
        return Kind.RICH if any(isinstance(one, Enum) for one in arguments) else Kind.PLAIN
    if is_union(annotation) or bare in LISTS:
        return max((kind_of(one, seen) for one in arguments), default=Kind.PLAIN)
    if bare in MAPPINGS:
        key = stripped(arguments[0]) if arguments else str
        keys = Kind.PLAIN if key in (str, Any) else max(Kind.RICH, kind_of(key, seen))
        return max(keys, *(kind_of(one, seen) for one in arguments[1:]), Kind.PLAIN)
    if bare in SETS or bare is tuple:
        inner = (kind_of(one, seen) for one in arguments if one is not Ellipsis)
        return max(Kind.RICH, *inner, Kind.RICH)
    if typing.is_typeddict(bare) and bare not in seen:
        hints = members_of(annotation).values()
        return max((kind_of(one, seen | {bare}) for one in hints), default=Kind.PLAIN)
    return _kind_of_class(bare)


def _kind_of_class(annotation: Any) -> Kind:
    if typing.is_typeddict(annotation):
        return Kind.PLAIN  # it holds itself: the rest of it decides
    if not isinstance(annotation, type):
        return Kind.UNKNOWN
    is_rich = (
        annotation in FORMS
        or issubclass(annotation, Enum)
        or is_named_tuple(annotation)
        or is_model(annotation)
        or dataclasses.is_dataclass(annotation)
        or is_custom_class(annotation)
    )
    return Kind.RICH if is_rich else Kind.UNKNOWN


@functools.lru_cache(maxsize=1024)
def members_of(annotation: Any) -> Mapping[str, Any]:
    """List the members of a class, or of a generic one with its arguments, with their types.

    Raises `NameError` (or what else an annotation's text may raise) for one that leads nowhere.
    """
    bare = typing.get_origin(annotation) or annotation
    given = _arguments_of(annotation)
    # What no class of its own says: a typed dict has the members of its bases as its own.
    others = {one: found for each in given.values() for one, found in each.items()}
    return {
        name: _with_arguments(hint, {**others, **given.get(_owner(bare, name), {})})
        for name, hint in typing.get_type_hints(bare).items()
    }


def _owner(kind: Any, name: str) -> Any:
    """Find the class that says what this member is."""
    return next((one for one in kind.__mro__ if name in vars(one).get("__annotations__", ())), None)


def _arguments_of(annotation: Any) -> dict[Any, dict[Any, Any]]:
    """Say what the type variables stand for, of a class and of each that it inherits from.

    `class Orders(Page[Order])` has no arguments itself, and its items are orders all the same.
    """
    found: dict[Any, dict[Any, Any]] = {}
    pending = [annotation]
    while pending:
        one = pending.pop()
        kind = typing.get_origin(one) or one
        given = dict(zip(getattr(kind, "__parameters__", ()), typing.get_args(one), strict=False))
        found.setdefault(kind, given)
        module = vars(sys.modules.get(getattr(kind, "__module__", ""), types))
        for base in vars(kind).get("__orig_bases__", getattr(kind, "__bases__", ())):
            if typing.get_origin(base) not in (None, typing.Generic, typing.Protocol):
                alone = types.SimpleNamespace(__annotations__={"base": base})
                named = typing.get_type_hints(alone, globalns=module, localns=module)["base"]
                pending.append(_with_arguments(named, given))
            elif isinstance(base, type):
                pending.append(base)
    return found


@functools.lru_cache(maxsize=1024)
def required_of(annotation: Any) -> frozenset[str]:
    """Name the members that a typed dict must have.

    Where annotations are text (`from __future__ import annotations`) Python takes each for
    required that is not marked in the class line: it did not look into the text.
    """
    hints = typing.get_type_hints(annotation, include_extras=True)
    marks = {name: typing.get_origin(hint) for name, hint in hints.items()}
    return frozenset(
        name
        for name, mark in marks.items()
        if mark is typing.Required
        or (mark is not typing.NotRequired and name in annotation.__required_keys__)
    )


def _with_arguments(hint: Any, given: Mapping[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return given.get(hint, Any)
    parameters = getattr(hint, "__parameters__", ())
    if not parameters or isinstance(hint, type):
        return hint
    return hint[tuple(given.get(one, Any) for one in parameters)]


def annotation_of(function: Any, name: str) -> Any:
    """Resolve one annotation of a function; `None` where it has none, or one that leads nowhere.

    `name` is that of a parameter, or "return".
    """
    names = getattr(function, "__globals__", {})
    try:
        annotation = inspect.get_annotations(function).get(name)
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        return (
            None
            if annotation is None
            else (typing.get_type_hints(alone, globalns=names, localns=names)[name])
        )
    except Exception:  # noqa: BLE001  (an annotation is any expression at all)
        return None


def spelt(annotation: Any) -> str:
    """Print an annotation as its author would."""
    annotation = stripped(annotation)
    if annotation is types.NoneType:
        return "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")
