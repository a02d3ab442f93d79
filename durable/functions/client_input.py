"""Give a user's function its durable client, and show the worker the function without it.

The Functions worker compares parameters and annotations with the bindings it knows. The client is
no binding of its; so the function that it sees has a signature without the client, and annotations
that are types, not strings: a name that exists for type checkers only must not stop the app.
"""

import asyncio
import functools
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable.functions.client import DurableOrchestrationClient
from durable.functions.client_binding import Starter
from durable.functions.composition import Composition
from durable.functions.errors import BindingRefusedError
from durable.functions.sync_client import SyncDurableOrchestrationClient

CLIENT_FUNCTION = "client_function"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientParameter:
    """A parameter that gets a durable client: of the app's own hub where nothing else is said.

    `is_text`: it gets the binding's text, from which a classic app makes its client itself.
    """

    name: str
    task_hub: str | None = None
    connection_name: str | None = None
    is_text: bool = False


def with_client(
    user_function: Callable[..., Any],
    parameter: ClientParameter,
    compose: Callable[[], Composition],
) -> Callable[..., Any]:
    """Wrap a function so that this parameter is filled.

    `async def` is awaited; `def` runs in a thread, so that it can't stop the event loop, and gets a
    client whose methods block. Raises `BindingRefusedError` if there is no such parameter.
    """
    client_name = parameter.name
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
        starter = await composition.starter(parameter.task_hub, parameter.connection_name)
        invocation_id = getattr(arguments.get("context"), "invocation_id", None)
        arguments[client_name] = (
            starter if parameter.is_text else _client(starter, invocation_id, is_async=is_async)
        )
        call = functools.partial(user_function, **arguments)
        result = call() if is_async else await composition.environment.run_activity(call)
        return await result if inspect.isawaitable(result) else result

    visible = {name: hint for name, hint in hints.items() if name != client_name}
    client_function.__annotations__ = visible
    vars(client_function)["__signature__"] = public
    vars(client_function)[CLIENT_FUNCTION] = user_function
    return client_function


def _client(
    starter: Starter, invocation_id: str | None, *, is_async: bool
) -> DurableOrchestrationClient | SyncDurableOrchestrationClient:
    client = DurableOrchestrationClient(starter, invocation_id)
    if is_async:
        return client
    return SyncDurableOrchestrationClient(client, asyncio.get_running_loop())


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
