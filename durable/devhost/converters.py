"""azure.functions' own converters between the wire's `Datum`s and what functions see."""

from typing import Any

import azure.functions as func


def converter_for(binding_type: str) -> Any:
    """Look up the library's converter for a binding type; it must be one the library knows."""
    registry: Any = func.get_binding_registry
    return registry().get(binding_type)
