"""Orchestrator: the handle that stands for a user's orchestrator in a function app.

A handle is what `Orchestrator.create` returns and what the decorator puts into the builder. The
user's function is found at `.orchestrator_function`, as in azure-functions-durable 1.7.
"""

import functools
from collections.abc import Callable
from typing import Any

import azure.functions as func

from durable.functions.errors import BindingRefusedError, NotServedError

# Where unit tests written for azure-functions-durable look for the user's generator.
ORCHESTRATOR_FUNCTION = "orchestrator_function"
INPUT_TYPE = "_df_input_type"


class Orchestrator:
    """The user's orchestrator function; `create` makes what a classic app calls `main`."""

    def __init__(self, activity_func: Callable[..., Any]) -> None:
        """Take the user's function (1.7's name of the parameter)."""
        self.fn = activity_func

    def handle(self, context: Any) -> Any:
        """Call the user's function with a context: for unit tests, which drive what comes back."""
        if isinstance(context, str | bytes | func.OrchestrationContext):
            raise NotServedError(
                "An orchestrator is not run by a message of the Durable extension here. In a unit "
                "test pass a context to '.orchestrator_function', or use durable.testing."
            )
        return self.fn(context)

    @classmethod
    def create(cls, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Make the handle of an orchestrator: `main = df.Orchestrator.create(orchestrate)`."""
        return handle_of(fn)


def handle_of(function: Callable[..., Any], *, input_type: Any = None) -> Callable[..., Any]:
    """Wrap the user's function, or take the handle that it is already."""
    if hasattr(function, "client_function"):
        raise BindingRefusedError(
            f"The orchestrator '{function.__name__}' has a durable client. An orchestrator talks "
            "to other instances through its context; use the client inside an activity."
        )
    fn = getattr(function, ORCHESTRATOR_FUNCTION, function)
    orchestrator = Orchestrator(fn)

    @functools.wraps(fn)
    def handle(context: Any, *further: Any) -> Any:
        return fn(context, *further) if further else orchestrator.handle(context)

    vars(handle)[ORCHESTRATOR_FUNCTION] = fn
    vars(handle)[INPUT_TYPE] = input_type
    return handle
