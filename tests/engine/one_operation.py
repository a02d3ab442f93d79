"""One operation of an entity function, run by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from durable.engine.entity_context import DurableEntityContext
from durable.engine.environment import SystemEnvironment
from durable.engine.operations import OperationOutcome, OperationRequest, run_operation
from durable.engine.registry import Registry
from durable.model.entity_ids import EntityId

T = TypeVar("T")

COUNTER = EntityId("counter", "a")
SYSTEM = SystemEnvironment()


class InPlace(SystemEnvironment):
    """Runs what may block where it is asked for, as the simulation does."""

    async def _run(self, function: Callable[[], T]) -> T:
        return function()

    def run_activity(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run it when it is awaited."""
        return self._run(function)


async def run(
    entity: Any,
    operation: str = "act",
    input_: str | None = None,
    *,
    state: str | None = None,
    is_signal: bool = False,
    environment: Any = None,
) -> OperationOutcome:
    """Run an operation of the entity @counter@a on this state."""
    registry = Registry()
    registry.add_entity("Counter", entity)
    request = OperationRequest(
        entity_id=COUNTER, operation=operation, input=input_, is_signal=is_signal
    )
    running = run_operation(registry, environment or InPlace(), request, state)
    return await asyncio.wait_for(running, 10)


async def failure(entity: Any, *, state: str | None = "7", **options: Any) -> OperationOutcome:
    """Run an operation that must fail, and check that it left nothing behind."""
    outcome = await run(entity, state=state, **options)
    assert outcome.failure is not None, outcome
    assert (outcome.state, outcome.result, outcome.sent) == (state, None, ())
    return outcome


def counter(context: DurableEntityContext) -> None:
    """Count, as the sample of azure-functions-durable 1.7 does."""
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
    elif context.operation_name == "reset":
        value = 0
    context.set_result(value)
    context.set_state(value)
