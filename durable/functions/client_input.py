"""Give a user's function its durable client, and show the worker the function without it.

The Functions worker compares parameters and annotations with the bindings it knows. The client is
no binding of its; so the function that it sees has a signature without the client, and annotations
that are types, not strings: a name that exists for type checkers only must not stop the app.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from durable.functions.composition import Composition
from durable.functions.errors import BindingRefusedError


def with_client(
    user_function: Callable[..., Any],
    client_name: str,
    compose: Callable[[], Composition],
    *,
    task_hub: str | None,
    connection_name: str | None,
) -> Callable[..., Any]:
    """Wrap a function so that its parameter `client_name` is filled with a client.

    `async def` is awaited; `def` runs in a thread, so that it can't stop the event loop.
    Raises `BindingRefusedError` if there is no such parameter.
    """
    hints = resolved_annotations(user_function)
    signature = inspect.signature(user_function)
    if client_name not in signature.parameters:
        raise BindingRefusedError(
            f"Function '{user_function.__name__}' has no parameter '{client_name}', which "
            f"@durable_client_input(client_name='{client_name}') is to fill."
        )
    public = signature.replace(
        parameters=[
            parameter.replace(annotation=hints.get(name, inspect.Parameter.empty))
            for name, parameter in signature.parameters.items()
            if name != client_name
        ],
        return_annotation=hints.get("return", inspect.Signature.empty),
    )
    is_async = inspect.iscoroutinefunction(user_function)

    @functools.wraps(user_function)
    async def client_function(*args: Any, **kwargs: Any) -> Any:
        composition = compose()
        arguments = public.bind(*args, **kwargs).arguments
        arguments[client_name] = await composition.client(task_hub, connection_name)
        call = functools.partial(user_function, **arguments)
        result = call() if is_async else await composition.environment.run_activity(call)
        return await result if inspect.isawaitable(result) else result

    visible = {name: hint for name, hint in hints.items() if name != client_name}
    client_function.__annotations__ = visible
    vars(client_function)["__signature__"] = public
    vars(client_function)["client_function"] = user_function
    return client_function


def resolved_annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Resolve each annotation by itself; one that can't be resolved is left out."""
    known: dict[str, Any] = {}
    written: dict[str, Any] = getattr(function, "__annotations__", {})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    for name, annotation in written.items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            known |= typing.get_type_hints(alone, globalns=scope)
        except Exception:  # noqa: BLE001, S112  (whatever it raises, it is only a hint)
            continue
    return known
