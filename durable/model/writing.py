"""Writing: a user's value as JSON text.

Rule 1. What JSON has itself is written as `json` writes it. A custom object (`custom_objects`)
        goes into its envelope even where it has another form: apps that were written for
        azure-functions-durable 1.7 read it back without a type.
Rule 2. The same value gives the same text in every process: replay compares texts. So sets are
        written in the order of their members' texts.
"""

import dataclasses
import functools
import inspect
import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from durable.model.custom_objects import envelope_of, is_custom_class
from durable.model.json_forms import form_of
from durable.model.model_writing import form_of_model, is_model_value

DEPTH_MAX = 100
"""Of a value that is walked by us: reading by annotation, writing keys that are not text."""

Hook = Callable[[Any], Any]
write = functools.partial(json.dumps, separators=(",", ":"), allow_nan=False)


def write_value(value: Any, *, strict: bool = False) -> str:
    """Print a value, or raise what `json.dumps` raises. `strict`: only the top may be custom."""
    hook: Hook = form_of_strict if strict else form_of_loose
    if strict and is_custom_class(type(value)):
        value = envelope_of(value)
    try:
        text = write(value, ensure_ascii=False, default=hook)
    except TypeError as error:
        if not str(error).startswith("keys must be"):
            raise
        value = _with_keys_as_text(value, hook, DEPTH_MAX)
        text = write(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is legal in a Python string and in JSON's \u form, not in UTF-8.
        return write(value, default=hook)
    return text


def form_of_loose(value: Any) -> Any:
    """Give the next simpler form of what JSON does not have, or raise `TypeError`."""
    return envelope_of(value) if is_custom_class(type(value)) else form_of_strict(value)


def form_of_strict(value: Any) -> Any:
    """The same, without envelopes."""
    kind = type(value)
    if is_custom_class(kind):
        raise TypeError(
            f"strict typing allows an object of {kind.__name__} only as the whole value"
        )
    if isinstance(value, Enum):
        return value.value
    form = form_of(value)
    if form is not None:
        return form.write(value)
    if is_model_value(value):
        return form_of_model(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(value, key=functools.partial(write, default=form_of_loose))
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable{_advice(value)}")


def _advice(value: Any) -> str:
    """Say what was probably forgotten."""
    if inspect.isgenerator(value):
        return " (write 'yield from' before the call of a helper that is a generator)"
    if inspect.isawaitable(value):
        return " (its result is wanted: write 'yield' or 'await' before it)"
    if isinstance(value, BaseException):
        return " (write str(error), or raise it)"
    return " (it has to_json, but no from_json)" if hasattr(type(value), "to_json") else ""


def _with_keys_as_text(value: Any, hook: Hook, depth: int) -> Any:
    """Give a JSON value: for `json.dumps` calls the hook for values only, not for keys."""
    if depth == 0:
        raise ValueError(f"it is nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        return {
            _key(key, hook): _with_keys_as_text(member, hook, depth - 1)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_keys_as_text(item, hook, depth - 1) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return _with_keys_as_text(hook(value), hook, depth - 1)


def _key(key: Any, hook: Hook) -> str | int | float | None:
    if isinstance(key, Enum):
        key = key.value
    if form_of(key) is not None:
        key = hook(key)
    if key is None or isinstance(key, str | int | float):
        return key
    raise TypeError(f"keys must be text or have a form in one text, not {type(key).__name__}")
