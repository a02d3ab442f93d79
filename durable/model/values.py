"""User values ↔ JSON text: inputs, results, event data, custom status."""

import json
from typing import Any

from durable.model.annotations import spelt
from durable.model.converters import Converter, JsonConverter
from durable.model.errors import InvalidPayloadError
from durable.model.places import Misfit

USUAL: Converter = JsonConverter()


def encode_value(value: Any, *, what: str, converter: Converter | None = None) -> str:
    """Print a user's value as JSON, or raise `InvalidPayloadError` naming what can't be printed."""
    try:
        return _text((converter or USUAL).encode(value))
    except Exception as error:
        raise InvalidPayloadError(f"The {what} can't be written as JSON: {error}") from error


def _text(written: Any) -> str:
    """Take what a converter gave. What is no text (orjson gives bytes) no message can carry."""
    if not isinstance(written, str):
        raise TypeError(f"the converter gives {spelt(type(written))}, not str")
    if not written.isascii():
        written.encode()
    return written


def decode_value(
    text: str | None,
    expected_type: Any = None,
    *,
    converter: Converter | None = None,
    what: str = "value",
) -> Any:
    """Read JSON text; no text is `None`; text that is not JSON is returned as it is.

    With neither a type nor a converter this is plain JSON and no class is ever touched: whoever
    only shows a payload reads it so. Otherwise what does not fit raises `InvalidPayloadError`
    naming the place: `input.items[3].price`.
    """
    if expected_type is None and converter is None:
        return _plain(text)
    try:
        return (converter or USUAL).decode(text or "null", expected_type)
    except Misfit as misfit:
        root = what.partition(" ")[0]
        raise InvalidPayloadError(
            f"The {what} can't be read: {root}{misfit.path} {misfit.reason}."
        ) from misfit
    except Exception as error:
        wanted = f" as {spelt(expected_type)}" if expected_type is not None else ""
        raise InvalidPayloadError(f"The {what} can't be read{wanted}: {error}") from error


def _plain(text: str | None) -> Any:
    if text is None or not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
