"""The parent: it calls another orchestrator as it would call an activity."""

from collections.abc import Generator
from typing import Any

import durable.functions as df


def plan_trip(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Let a child book the city. What the child returns is the result; if it fails, this raises."""
    city = context.get_input()
    booked = yield context.call_sub_orchestrator("book_city", city)
    return {"trip": city, "booked": booked}


main = df.Orchestrator.create(plan_trip)
