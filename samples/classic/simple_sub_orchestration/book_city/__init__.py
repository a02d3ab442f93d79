"""The child: an orchestrator like any other, with an instance and a history of its own."""

from collections.abc import Generator
from typing import Any

import durable.functions as df


def book_city(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[str]]:
    """Book what one needs in a city."""
    city = context.get_input()
    hotel = yield context.call_activity("book_hotel", city)
    guide = yield context.call_activity("book_guide", city)
    return [hotel, guide]


main = df.Orchestrator.create(book_city)
