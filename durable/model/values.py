"""User values ↔ JSON text: inputs, results, event data, custom status."""

import json
from typing import Any

from durable.model.errors import InvalidPayloadError


def encode_value(value: Any, *, what: str) -> str:
    """Print a user's value as JSON, or raise `InvalidPayloadError` naming what can't be printed."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is legal in a Python string and in JSON's \u form, not in UTF-8.
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidPayloadError(f"The {what} can't be written as JSON: {error}") from error
    return text


def decode_value(text: str | None) -> Any:
    """Read JSON text; no text is `None`; text that is not JSON is returned as it is."""
    if text is None or not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
