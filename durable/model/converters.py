"""Converters: user values ↔ text. An app may bring its own; `JsonConverter` is the usual one.

Rule 1. `encode` gives JSON text, for the management API shows payloads as JSON; the same value must
        give the same text in every process, for replay compares them.
Rule 2. `decode` of what `encode` gave, with the type, gives an equal value.
Rule 3. Nothing that a payload says is ever imported, and there is no pickle.
"""

import json
from typing import Any, Protocol

from durable.model.custom_objects import MARK, is_envelope
from durable.model.errors import InvalidPayloadError
from durable.model.places import Effort, Place, revive_all
from durable.model.typed_reading import read_value
from durable.model.writing import write_value

# Far more than any value takes that was written from its type.
READS_MIN = 1000
READS_PER_CHARACTER = 10


class Converter(Protocol):
    """Turns user values into text and back. Any exception of it becomes `InvalidPayloadError`."""

    def encode(self, value: Any) -> str:
        """Print a value as JSON text."""
        ...

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read text. `expected_type` is a type or an annotation, or `None` where none is known."""
        ...


class JsonConverter:
    """Dataclasses, pydantic models, enums, times, UUIDs, Decimals, bytes, sets: as plain JSON.

    They are read back by annotation. Objects with `to_json` and `from_json` are written in the
    envelope of azure-functions-durable 1.7 and read with or without a type. `strict` is what
    AZURE_FUNCTIONS_DURABLE_STRICT_TYPING says there: only a whole value may be such an object, and
    the reader must know its class.
    """

    def __init__(self, *, strict: bool = False) -> None:
        """Be lenient, or strict."""
        self._strict = strict

    def encode(self, value: Any) -> str:
        """Print a value, or raise what `json` and the value's own methods raise."""
        return write_value(value, strict=self._strict)

    def decode(self, text: str, expected_type: Any = None) -> Any:
        """Read a value, or raise `InvalidPayloadError`. Text that is not JSON is a text."""
        value = _parse(text)
        has_envelopes = MARK in text
        if expected_type is not None:
            revives = has_envelopes and not self._strict
            place = Place(read_value, _effort(text), strict=self._strict, revives=revives)
            return place.read(value, expected_type)
        if not has_envelopes:
            return value
        if not self._strict:
            return revive_all(value, Place(read_value, _effort(text)))
        if is_envelope(value):
            raise InvalidPayloadError(
                "strict typing reads an object with to_json and from_json only where its type is "
                "known: annotate the parameter, or pass expected_type"
            )
        return value


def _effort(text: str) -> Effort:
    return Effort(READS_MIN + READS_PER_CHARACTER * len(text))


def _parse(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
