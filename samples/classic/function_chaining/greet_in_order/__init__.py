"""The orchestrator: it calls one activity after another."""

from collections.abc import Generator
from typing import Any

import durable.functions as df


def greet_in_order(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[str]]:
    """Greet each name of the input; each greeting waits for the one before it."""
    greetings = []
    for name in context.get_input():
        greeting = yield context.call_activity("say_hello", name)
        greetings.append(greeting)
    return greetings


main = df.Orchestrator.create(greet_in_order)
