"""Custom objects: the envelope in which azure-functions-durable 1.7 wrote a user's own objects.

`{"__class__", "__module__", "__data__"}` stands for an object whose class has `to_json` and
`from_json`. The envelope may come from anywhere (an HTTP start, say), so what it names is only
looked up, never imported and never called unless it is such a class.

Rule 1. The module must be loaded already, and the class must stand in its namespace under the name
        and module that it has itself. A module's `__getattr__` is not asked: it could import.
Rule 2. Nothing but `from_json` of that class is called.
"""

import sys
from collections.abc import Mapping
from typing import Any

from durable.model.errors import InvalidPayloadError

CLASS, MODULE, DATA = "__class__", "__module__", "__data__"
MARK = f'"{CLASS}"'
"""Text without this holds no envelope."""


def is_custom_class(kind: type) -> bool:
    """Say whether its objects are written in an envelope."""
    return callable(getattr(kind, "to_json", None)) and callable(getattr(kind, "from_json", None))


def is_envelope(value: Any) -> bool:
    """Say whether a JSON value is an envelope."""
    return isinstance(value, dict) and CLASS in value and MODULE in value and DATA in value


def envelope_of(value: Any) -> dict[str, Any]:
    """Put an object of a custom class into its envelope."""
    kind: Any = type(value)
    return {CLASS: kind.__name__, MODULE: kind.__module__, DATA: kind.to_json(value)}


def revive(value: Any) -> Any:
    """Make the object that an envelope stands for, or raise `InvalidPayloadError`.

    What is no envelope is returned as it is; whatever lies inside must have been revived before.
    """
    return from_data(class_of(value), value[DATA]) if is_envelope(value) else value


def class_of(envelope: Mapping[str, Any]) -> type:
    """Look up the class that an envelope names, or raise `InvalidPayloadError`."""
    name, module_name = envelope[CLASS], envelope[MODULE]
    spelt = f"{module_name}.{name}"[:200]
    if not isinstance(name, str) or not isinstance(module_name, str):
        raise InvalidPayloadError(f"The payload names a class, but not by text: {spelt}.")
    module = sys.modules.get(module_name)
    if module is None:
        raise InvalidPayloadError(
            f"The payload is an object of {spelt}, but no such module is loaded. "
            "Import it where the app starts: nothing is imported for a payload's sake."
        )
    kind = vars(module).get(name)
    if not isinstance(kind, type) or (kind.__name__, kind.__module__) != (name, module_name):
        raise InvalidPayloadError(
            f"The payload is an object of {spelt}, but that is no class of this module."
        )
    if not is_custom_class(kind):
        raise InvalidPayloadError(
            f"The payload is an object of {spelt}, but that class has no to_json and from_json."
        )
    return kind


def from_data(kind: Any, data: Any) -> Any:
    """Call a class's `from_json`; what it raises becomes an `InvalidPayloadError`."""
    try:
        return kind.from_json(data)
    except Exception as error:
        raise InvalidPayloadError(
            f"{kind.__name__}.from_json failed: {type(error).__name__}: {error}"
        ) from error
