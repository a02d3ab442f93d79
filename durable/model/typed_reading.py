"""Typed reading: a JSON value made into what an annotation says.

Rule 1. The annotation decides, never the payload. Only an envelope (`custom_objects`) names a
        class, and where a class is expected it must be that class or a subclass.
Rule 2. What does not fit is a `Misfit` that names the place. Members that a class does not know are
        left out: another version of the app may have written them.
Rule 3. Of a union the first member that fits is taken; of several classes the one that knows most
        of the members.
"""

import contextlib
import dataclasses
import json
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any

from durable.model.annotations import (
    LISTS,
    MAPPINGS,
    SETS,
    is_model,
    is_named_tuple,
    is_union,
    members_of,
    spelt,
    stripped,
)
from durable.model.class_reading import (
    read_custom,
    read_dataclass,
    read_enum,
    read_envelope,
    read_model,
    read_named_tuple,
    read_typed_dict,
)
from durable.model.custom_objects import is_custom_class, is_envelope
from durable.model.errors import InvalidPayloadError
from durable.model.json_forms import FORMS
from durable.model.places import GivenUp, Misfit, Place, Reader, revive_all


def read_value(value: Any, expected: Any, place: Place) -> Any:
    """Make of a JSON value what is expected, or raise `InvalidPayloadError`."""
    expected = stripped(expected)
    if expected in (Any, object):
        return revive_all(value, place) if place.revives else value
    if is_union(expected):
        return _read_union(value, expected, place)
    if typing.get_origin(expected) is typing.Literal:
        for member in typing.get_args(expected):
            if type(member) is type(value) and member == value:
                return member
            if isinstance(member, Enum) and member.value == value:
                return member
        raise place.misfit(expected, value)
    bare = typing.get_origin(expected) or expected
    if is_envelope(value) and isinstance(bare, type) and not _is_mapping(bare):
        return read_envelope(value, bare, place)
    return _reader_of(bare)(value, expected, place)


def _is_mapping(bare: Any) -> bool:
    return bare in MAPPINGS or typing.is_typeddict(bare)


def _reader_of(bare: Any) -> Reader:
    if bare in SCALARS:
        return _read_scalar
    if bare in FORMS:
        return _read_form
    if bare in LISTS or bare in SETS:
        return _read_many
    if bare is tuple:
        return _read_tuple
    if bare in MAPPINGS:
        return _read_mapping
    return next((reader for suits, reader in CLASSES if suits(bare)), _read_unknown)


def _read_unknown(_: Any, expected: Any, place: Place) -> Any:
    raise Misfit(place.path, f"should be {spelt(expected)}, which has no JSON form")


def _read_scalar(value: Any, expected: Any, place: Place) -> Any:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise place.misfit(expected, value, str(error)) from None
    if type(value) is not expected:
        raise place.misfit(expected, value)
    return value


def _read_form(value: Any, expected: Any, place: Place) -> Any:
    try:
        return FORMS[expected].read(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise place.misfit(expected, value, str(error)) from error


def _read_many(value: Any, expected: Any, place: Place) -> Any:
    if not isinstance(value, list):
        raise place.misfit(expected, value)
    inner = (*typing.get_args(expected), Any)[0]
    items = [place.item(index).read(item, inner) for index, item in enumerate(value)]
    make = SETS.get(typing.get_origin(expected) or expected)
    try:
        return make(items) if make is not None else items
    except TypeError as error:
        raise place.misfit(expected, value, str(error)) from error


def _read_tuple(value: Any, expected: Any, place: Place) -> Any:
    inner = typing.get_args(expected)
    if not isinstance(value, list):
        raise place.misfit(expected, value)
    if not inner or inner[-1] is Ellipsis:
        inner = (inner[0] if inner else Any,) * len(value)
    elif len(inner) != len(value):
        raise place.misfit(expected, value, f"of {len(value)} items")
    pairs = enumerate(zip(value, inner, strict=True))
    return tuple(place.item(index).read(item, kind) for index, (item, kind) in pairs)


def _read_mapping(value: Any, expected: Any, place: Place) -> Any:
    if not isinstance(value, dict):
        raise place.misfit(expected, value)
    keys, members = typing.get_args(expected) or (str, Any)
    return {
        _read_key(name, keys, place.member(name)): place.member(name).read(member, members)
        for name, member in value.items()
    }


def _read_key(name: str, expected: Any, place: Place) -> Any:
    """Read a key: in JSON it is text, whatever it was."""
    expected = stripped(expected)
    if expected in (str, Any):
        return name
    candidates: list[Any] = [name]
    with contextlib.suppress(ValueError):
        candidates.append(json.loads(name))
    for candidate in candidates:
        try:
            return place.read(candidate, expected)
        except GivenUp:
            raise
        except InvalidPayloadError:
            continue
    raise place.misfit(expected, name, "as a key")


def _read_union(value: Any, expected: Any, place: Place) -> Any:
    members = [stripped(member) for member in typing.get_args(expected)]
    if value is None and types.NoneType in members:
        return None
    failures = []
    for member in sorted(members, key=lambda member: _strangers(value, member)):
        try:
            return place.read(value, member)
        except GivenUp:
            raise
        except InvalidPayloadError as error:
            failures.append(error)
    deepest = max(
        (error for error in failures if isinstance(error, Misfit)),
        key=lambda error: len(error.path),
        default=None,
    )
    if deepest is not None and len(deepest.path) > len(place.path):
        raise deepest
    raise place.misfit(expected, value)


def _strangers(value: Any, member: Any) -> int:
    """Count the members of an object that a class does not know."""
    bare = typing.get_origin(member) or member
    is_known = dataclasses.is_dataclass(bare) or typing.is_typeddict(bare) or is_model(bare)
    if not isinstance(value, dict) or not is_known:
        return 0
    try:
        return len(value.keys() - members_of(member).keys())
    except Exception:  # noqa: BLE001  (an annotation is any expression; reading will say so)
        return 0


SCALARS = (str, int, float, bool, types.NoneType)
CLASSES: tuple[tuple[Callable[[Any], bool], Reader], ...] = (
    (lambda kind: isinstance(kind, type) and issubclass(kind, Enum), read_enum),
    (typing.is_typeddict, read_typed_dict),
    (is_named_tuple, read_named_tuple),
    (is_model, read_model),
    (dataclasses.is_dataclass, read_dataclass),
    (lambda kind: isinstance(kind, type) and is_custom_class(kind), read_custom),
)
