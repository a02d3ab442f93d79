"""Models of pydantic 2 as JSON: what they dump, in an order that every process gives.

Rule 1. A model dumps itself, by alias, for it is read back by alias.
Rule 2. A set is dumped in the order of its hashes, and a text has another hash in each process. So
        the members stand in the order of their texts, as in every other payload.
Rule 3. A secret is dumped as stars; whoever reads it would get the stars. It is refused.

pydantic itself is never imported: an app that has models brings it along.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

DUMP = {"mode": "json", "by_alias": True, "round_trip": True}


def is_model_value(value: Any) -> bool:
    """Say whether a value is an object in the manner of pydantic 2."""
    return callable(getattr(type(value), "model_dump", None))


def form_of_model(value: Any) -> Any:
    """Dump a model, or raise what the model raises, and `TypeError` for a secret."""
    return _ordered(value, value.model_dump(**DUMP))


def _ordered(value: Any, dumped: Any) -> Any:
    """Walk a value beside its dump, as far as the two have one shape, and put sets in order.

    Where a serializer of the app gave another shape, what it gave stands.
    """
    if getattr(type(value), "__pydantic_root_model__", False):
        value = value.root
    if callable(getattr(value, "get_secret_value", None)) and dumped == str(value) != "":
        raise TypeError(
            f"a {type(value).__name__} is written as stars; give its field a field_serializer "
            "that tells it, or leave it out"
        )
    if isinstance(dumped, dict):
        members = dict(_members(value, dumped))
        return {
            name: _ordered(members[name], form) if name in members else form
            for name, form in dumped.items()
        }
    is_set = isinstance(value, set | frozenset)
    is_list = is_set or isinstance(value, list | tuple)
    if not is_list or not isinstance(dumped, list) or len(value) != len(dumped):
        return dumped
    items = [_ordered(one, form) for one, form in zip(value, dumped, strict=True)]
    return sorted(items, key=_text) if is_set else items


def _members(value: Any, dumped: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """List the members of a value by the names that they have in its dump."""
    if isinstance(value, Mapping):
        return zip(dumped, value.values(), strict=True) if len(value) == len(dumped) else ()
    if is_model_value(value):
        return _fields_of_model(value)
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return ()


def _fields_of_model(value: Any) -> Iterable[tuple[str, Any]]:
    for name, field in getattr(type(value), "model_fields", {}).items():
        alias = getattr(field, "serialization_alias", None) or getattr(field, "alias", None)
        yield alias or name, getattr(value, name, None)
    yield from (getattr(value, "model_extra", None) or {}).items()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
