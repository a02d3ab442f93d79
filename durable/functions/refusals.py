"""What must not reach the host: bindings that only the .NET Durable extension serves.

An app with such a binding and without that extension does not start, or starts and never runs;
either way the reason is hard to find. So indexing fails first, and names the line.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from azure.functions.decorators.function_app import FunctionBuilder

from durable.functions.errors import BindingRefusedError

REFUSED = {
    "orchestrationtrigger": "@app.orchestration_trigger",
    "activitytrigger": "@app.activity_trigger",
    "entitytrigger": "@app.entity_trigger",
    "durableclient": "@app.durable_client_input",
    "orchestrationclient": "@app.durable_client_input",
}
INNER = ("orchestrator_function", "entity_function", "client_function", "__wrapped__")


def refuse_durable_extension_bindings(builders: Iterable[FunctionBuilder]) -> None:
    """Raise `BindingRefusedError` if a function would reach the host with such a binding."""
    for builder in builders:
        function = builder._function  # noqa: SLF001  (the library has no other way in)
        for binding in function.get_bindings():
            decorator = REFUSED.get(str(binding.type).lower())
            if decorator is not None:
                raise BindingRefusedError(
                    f"{_place(function.get_user_function())}: function "
                    f"'{function.get_function_name()}' has a binding of type '{binding.type}', "
                    "which only the .NET Durable extension serves. Change the line "
                    f"'{decorator}(...)' so that its app is a 'df.DFApp()' or a 'df.Blueprint()' "
                    "of 'import durable.functions as df'; func.FunctionApp's own decorators of "
                    "that name belong to azure-functions-durable."
                )


def _place(function: Callable[..., Any]) -> str:
    for _ in range(len(INNER) * 2):
        inner = next((getattr(function, name) for name in INNER if hasattr(function, name)), None)
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    if code is None:
        return str(inspect.getmodule(function))
    return f"{code.co_filename}:{code.co_firstlineno}"
