"""`df_dumps` and `df_loads`: payloads to text and back, as the standard converter has them."""

from typing import Any

from durable.model.converters import JsonConverter


def df_dumps(value: Any) -> str:
    """Print a value, or raise what `json` raises."""
    return JsonConverter().encode(value)


def df_loads(s: str, expected_type: Any = None) -> Any:
    """Read a value, or raise `InvalidPayloadError`."""
    return JsonConverter().decode(s, expected_type)
