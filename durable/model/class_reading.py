"""Reading of classes: enums, dataclasses, typed dicts, named tuples, models, custom objects.

Each takes a JSON value, the annotation, and the place; it returns the object or raises
`InvalidPayloadError`. What a constructor of the user's raises is a misfit of its place.
"""

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from durable.model.annotations import members_of, required_of, spelt
from durable.model.custom_objects import (
    CLASS,
    DATA,
    MODULE,
    class_of,
    from_data,
    is_custom_class,
)
from durable.model.errors import InvalidPayloadError
from durable.model.places import Misfit, Place, revive_all
from durable.model.writing import write_value


def _members(expected: Any, place: Place) -> Mapping[str, Any]:
    try:
        return members_of(expected)
    except Exception as error:
        raise Misfit(
            place.path, f"should be {spelt(expected)}, whose annotations lead nowhere: {error}"
        ) from error


def read_enum(value: Any, expected: Any, place: Place) -> Any:
    """Read a member by its value."""
    for member in expected:
        # Not every value of an enum is its own JSON form: a tuple is a list there.
        if member.value == value or json.loads(write_value(member.value)) == value:
            return member
    try:
        return expected(value)  # a combination of flags, or what _missing_ knows
    except Exception as error:
        raise place.misfit(expected, value) from error


def read_typed_dict(value: Any, expected: Any, place: Place) -> Any:
    """Read a typed dict: all required members; others are kept as they are."""
    if not isinstance(value, dict):
        raise place.misfit(expected, value)
    hints = _members(expected, place)
    bare = typing.get_origin(expected) or expected
    for name in sorted(required_of(bare) - value.keys()):
        raise Misfit(place.member(name).path, f"is missing in {spelt(expected)}")
    return {
        name: place.member(name).read(member, hints.get(name, Any))
        for name, member in value.items()
    }


def read_named_tuple(value: Any, expected: Any, place: Place) -> Any:
    """Read a named tuple from a list, or from an object."""
    fields = expected._fields
    if isinstance(value, list) and len(value) <= len(fields):
        value = dict(zip(fields, value, strict=False))
    return _make(
        expected, value, {name: name not in expected._field_defaults for name in fields}, place
    )


def read_dataclass(value: Any, expected: Any, place: Place) -> Any:
    """Read a dataclass: by its `__init__`, and what that does not take is set as it was written.

    Left to `__init__` it would begin anew each time: a counter at 0, an id as another one.
    """
    bare = typing.get_origin(expected) or expected
    fields = {
        field.name: field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(bare)
        if field.init
    }
    made = _make(expected, value, fields, place)
    for name in {field.name for field in dataclasses.fields(bare)} - fields.keys():
        if name in value:
            member = place.member(name).read(value[name], _members(expected, place).get(name, Any))
            object.__setattr__(made, name, member)  # also of one that is frozen
    return made


def _make(expected: Any, value: Any, fields: Mapping[str, bool], place: Place) -> Any:
    """Call a class with its fields; `fields` says of each whether it must be there."""
    if not isinstance(value, dict):
        raise place.misfit(expected, value)
    for name, is_required in fields.items():
        if is_required and name not in value:
            raise Misfit(place.member(name).path, f"is missing in {spelt(expected)}")
    hints = _members(expected, place)
    arguments = {
        name: place.member(name).read(value[name], hints.get(name, Any))
        for name in fields
        if name in value
    }
    try:
        return expected(**arguments)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise _finding(error, expected, place) or Misfit(
            place.path, f"is no {spelt(expected)}: {reason}"
        ) from error


def read_model(value: Any, expected: Any, place: Place) -> Any:
    """Let a model of pydantic validate the value, and name the place of its first finding."""
    try:
        if hasattr(expected, "model_validate_json"):
            # As JSON: a model in strict mode takes a date as text from JSON only.
            return expected.model_validate_json(json.dumps(value))
        return expected.model_validate(value)
    except Exception as error:
        raise _finding(error, expected, place) or Misfit(
            place.path, f"is no {spelt(expected)}: {error}"
        ) from error


def _finding(error: Exception, expected: Any, place: Place) -> Misfit | None:
    """Say what pydantic found first, and where; `None` for another error."""
    listed = getattr(error, "errors", None)
    first = next(iter(listed()), None) if callable(listed) else None
    if not isinstance(first, dict):
        return None
    for step in first.get("loc", ()):
        place = place.item(step) if isinstance(step, int) else place.member(str(step))
    return Misfit(place.path, f"does not fit {spelt(expected)}: {first.get('msg')}")


def read_custom(value: Any, expected: Any, place: Place) -> Any:
    """Make a custom object of a payload without an envelope, as a caller over HTTP sends it."""
    try:
        return from_data(expected, value)
    except InvalidPayloadError as error:
        raise place.misfit(expected, value, str(error)) from error


def read_envelope(value: Any, expected: Any, place: Place) -> Any:
    """Open an envelope where a class is expected: only this class or a subclass."""
    name = f"{value[MODULE]}.{value[CLASS]}"[:200]
    if place.strict:
        if name != f"{expected.__module__}.{expected.__name__}" or not is_custom_class(expected):
            raise Misfit(place.path, f"should be {spelt(expected)}, but is an object of {name}")
        return from_data(expected, value[DATA])
    try:
        is_fitting = issubclass(class_of(value), expected)
    except TypeError:  # a Protocol, or what else can't be asked
        is_fitting = False
    if not is_fitting:
        raise Misfit(place.path, f"should be {spelt(expected)}, but is an object of {name}")
    return revive_all(value, place)
