"""Names of azure-functions-durable 1.7 that make no sense without the .NET extension.

They exist, so that an import of them works, and explain themselves when they are used.
"""

from typing import Any, NoReturn

from durable.functions.errors import NotServedError

PROTOCOL = (
    "it is part of azure-functions-durable's protocol with the .NET Durable extension, which is "
    "not used here"
)
PREVIEW = (
    "it is a preview of azure-functions-durable 1.7 that its version 2 has not; call the model in "
    "an activity"
)
INTERNAL = "it is internal to azure-functions-durable"


def unserved(name: str, why: str) -> type:
    """Make a class of this name that can be imported, annotated with and compared, not called."""

    def refuse(_self: object, *_args: Any, **_named: Any) -> NoReturn:
        raise NotServedError(f"'{name}' is not served: {why}.")

    return type(name, (), {"__init__": refuse, "__doc__": f"Not served: {why}."})
