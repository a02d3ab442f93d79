"""The state of a class entity: the attributes of an object, as a JSON object.

Rule 1. `__init__` without arguments gives the default state, and what an older state lacks.
Rule 2. Attributes are read as the class annotates them, else as the class of their default value;
        what neither the class nor `__init__` knows is left out.
Rule 3. A dataclass, a model of pydantic and an object with `to_json` and `from_json` are what the
        converter makes of them.
Rule 4. What would be saved and not come back, or as something else because nobody annotates it,
        is refused when it is saved.
"""

import copy
import dataclasses
import functools
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypedDict

from durable.engine.signatures import useful
from durable.model.annotations import SETS, is_model, is_named_tuple, spelt
from durable.model.converters import Converter
from durable.model.custom_objects import is_custom_class
from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value

make_typed_dict: Any = TypedDict
"""Called with members that are known at run time only."""


class ClassState:
    """How objects of one class become text, and come back."""

    def __init__(self, kind: type) -> None:
        """Look at the class; its annotations are read when they are first needed."""
        self._kind: Any = kind
        self._is_the_converters = has_own_form(kind)

    def read(self, text: str | None, *, converter: Converter | None, what: str) -> Any:
        """Make an object of a state, or raise `InvalidPayloadError`; no text is the default."""
        if text in (None, "null"):
            return self._new()
        if self._is_the_converters:
            made = decode_value(text, self._kind, converter=converter, what=what)
            return self._expected(made, self._kind, what)
        members = self._members(text, converter, what)
        instance = self._new()
        for name in members.keys() & self._types.keys():
            default = vars(instance).get(name)
            if isinstance(default, dict) and isinstance(members[name], dict):
                # A Counter or a defaultdict stays one.
                default.clear()
                default.update(members[name])
            else:
                vars(instance)[name] = members[name]
        return instance

    def write(self, instance: Any, *, converter: Converter | None, what: str) -> str:
        """Print an object, or raise `InvalidPayloadError`."""
        if is_model(self._kind) or is_custom_class(self._kind):
            return encode_value(instance, what=what, converter=converter)
        members = {
            name: value
            for name, value in getattr(instance, "__dict__", {}).items()
            if not self._is_cached(name)
        }
        lost = sorted(members.keys() - self._types.keys())
        if lost:
            raise InvalidPayloadError(
                f"The {what} has the attribute '{lost[0]}', which would not come back: neither "
                f"'__init__' nor an annotation in {self._kind.__name__} names it."
            )
        value = instance if self._is_the_converters else members
        return encode_value(value, what=what, converter=converter)

    def check(self, instance: Any, text: str, *, converter: Converter | None, what: str) -> None:
        """Raise `InvalidPayloadError` unless the text of this object gives it back (rule 4)."""
        try:
            back = self.read(text, converter=converter, what=what)
        except InvalidPayloadError as error:
            raise InvalidPayloadError(
                f"What the operation leaves could not be read again. {error}"
            ) from error
        if self._is_the_converters:
            return
        for name in sorted(self._unannotated & vars(instance).keys() & vars(back).keys()):
            lost = _lost(vars(instance)[name], vars(back)[name])
            if lost is not None:
                raise InvalidPayloadError(
                    f"The {what} is not saved: annotate '{name}' in the body of "
                    f"{self._kind.__name__}, with names that its module has. As it is it would "
                    f"come back with {lost}."
                )

    def _members(self, text: str | None, converter: Converter | None, what: str) -> dict[str, Any]:
        """Read the attributes, those too that this version does not know."""
        try:
            members = decode_value(text, self._form, converter=converter, what=what)
        except InvalidPayloadError:
            # What is dropped anyway may hold an object of a class that is gone.
            stored = decode_value(text)
            if not isinstance(stored, dict) or stored.keys() <= self._types.keys():
                raise
            known = json.dumps({name: stored[name] for name in stored.keys() & self._types.keys()})
            members = decode_value(known, self._form, converter=converter, what=what)
        return dict(self._expected(members, dict, what))

    @functools.cached_property
    def _types(self) -> dict[str, Any]:
        """What each attribute is read as (rule 2)."""
        found, hints = self._found, annotations_of(self._kind)
        return {name: useful(hints.get(name) or found.get(name)) or Any for name in found | hints}

    @functools.cached_property
    def _unannotated(self) -> set[str]:
        """The attributes of which nobody says what they, or what is in them, are read as."""
        hints = annotations_of(self._kind)
        return {
            name
            for name, read_as in self._types.items()
            if hints.get(name) is None
            and (read_as is Any or self._found.get(name) is tuple or self._found.get(name) in SETS)
        }

    @functools.cached_property
    def _found(self) -> dict[str, Any]:
        """The types of the default values; `None` has none."""
        defaults = getattr(self._new(), "__dict__", {})
        return {name: None if value is None else type(value) for name, value in defaults.items()}

    @functools.cached_property
    def _form(self) -> Any:
        return make_typed_dict(self._kind.__name__, self._types, total=False)

    def _new(self) -> Any:
        """Make the default. What the class annotates and gives a value is the object's own.

        A list in the body of a class is one for all objects: two entities would share it.
        """
        instance = self._kind()
        if self._is_the_converters:
            return instance
        for name in annotations_of(self._kind):
            if name not in vars(instance) and hasattr(self._kind, name):
                vars(instance)[name] = copy.deepcopy(getattr(self._kind, name))
        return instance

    def _is_cached(self, name: str) -> bool:
        found = inspect.getattr_static(self._kind, name, None)
        return isinstance(found, functools.cached_property)

    @staticmethod
    def _expected(value: Any, kind: type, what: str) -> Any:
        if not isinstance(value, kind):
            raise InvalidPayloadError(
                f"The {what} can't be read: the converter makes a {type(value).__name__} of it, "
                f"not {spelt(kind)}."
            )
        return value


def _lost(value: Any, back: Any) -> str | None:
    """Say what of a value comes back as something else: 'str for its datetime'; `None`: nothing.

    Lists and tuples, and the kinds of dict, are as good as each other: JSON has one of each.
    """
    pending = [(value, back)]
    while pending:
        value, back = pending.pop()
        parts = _parts(value, back)
        is_same = isinstance(value, type(back)) and not isinstance(value, Enum)
        if parts is not None:
            pending.extend(parts)
        elif not is_same and not isinstance(back, type(value)):
            return f"{spelt(type(back))} for its {spelt(type(value))}"
    return None


def _parts(value: Any, back: Any) -> Iterable[tuple[Any, Any]] | None:
    """Pair what two containers of one kind hold; all else is one thing."""
    if isinstance(value, dict) and isinstance(back, dict):
        keys = [(key, str(key)) for key in value if key not in back]
        return [*keys, *((value[key], back[key]) for key in value.keys() & back.keys())]
    if isinstance(value, set | frozenset) and isinstance(back, set | frozenset):
        return zip(sorted(value, key=_kind_name), sorted(back, key=_kind_name), strict=False)
    is_plain = isinstance(value, list | tuple) and not is_named_tuple(type(value))
    return zip(value, back, strict=False) if is_plain and isinstance(back, list | tuple) else None


def _kind_name(value: Any) -> str:
    return type(value).__name__


def has_own_form(kind: type) -> bool:
    """Say whether the converter knows how to write and read objects of a class."""
    return dataclasses.is_dataclass(kind) or is_model(kind) or is_custom_class(kind)


@functools.lru_cache(maxsize=1024)
def annotations_of(kind: type) -> dict[str, Any]:
    """List the attributes that a class and its bases annotate; `None` where that leads nowhere.

    Those of the class itself (`ClassVar`) are left out.
    """
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        names = {**vars(sys.modules.get(base.__module__, types)), **vars(base)}
        for name, annotation in inspect.get_annotations(base).items():
            found[name] = _resolved(annotation, names)
    return {name: hint for name, hint in found.items() if not _is_of_the_class(hint)}


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    alone = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(alone, globalns=names, localns=names, include_extras=True)[
            "it"
        ]
    except Exception:  # noqa: BLE001  (an annotation is any expression at all)
        return annotation if _is_of_the_class(annotation) else None


def _is_of_the_class(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return "ClassVar" in annotation
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar
