"""One class entity, served by hand; and classes that the tests share."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from durable.engine.environment import SystemEnvironment
from durable.engine.operations import OperationOutcome, OperationRequest, run_operation
from durable.engine.registry import Registry
from durable.model.converters import Converter
from durable.model.entity_ids import EntityId
from durable.model.values import encode_value

THING = EntityId("thing", "a")
ENVIRONMENT = SystemEnvironment()


class Hand:
    """One entity of a class, served by hand: holds its state between the operations."""

    def __init__(
        self, kind: type, state: str | None = None, converter: Converter | None = None
    ) -> None:
        self.registry = Registry(converter)
        self.registry.add_entity("thing", kind)
        self.state = state
        self.sent: list[Any] = []

    async def outcome(self, operation: str, *values: Any) -> OperationOutcome:
        """Run an operation, with a value or without."""
        text = encode_value(values[0], what="input") if values else None
        request = OperationRequest(entity_id=THING, operation=operation, input=text)
        running = run_operation(self.registry, ENVIRONMENT, request, self.state)
        outcome = await asyncio.wait_for(running, 10)
        self.state = outcome.state
        self.sent += outcome.sent
        return outcome

    async def __call__(self, operation: str, *values: Any) -> Any:
        """Run an operation that must end well, and return its result."""
        outcome = await self.outcome(operation, *values)
        assert outcome.failure is None, outcome.reason + outcome.details
        assert outcome.result is not None
        return json.loads(outcome.result)

    async def fails(self, operation: str, *values: Any) -> str:
        """Run an operation that must fail and leave the state, and return what it says."""
        before, sent = self.state, len(self.sent)
        outcome = await self.outcome(operation, *values)
        assert outcome.failure is not None, outcome
        assert (outcome.state, len(self.sent)) == (before, sent)
        return f"{outcome.failure.error_type}: {outcome.failure.error_message}"

    @property
    def attributes(self) -> Any:
        """The state as JSON."""
        return None if self.state is None else json.loads(self.state)


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> int:
        """Count on."""
        self.value += amount
        return self.value

    def get(self) -> int:
        """Tell."""
        return self.value

    async def double(self) -> None:
        """Take its time."""
        await asyncio.sleep(0)
        self.value *= 2

    def fail(self) -> None:
        """Change and raise."""
        self.value = -1
        raise ValueError("no")

    async def fail_late(self) -> None:
        """Change and raise, on the loop."""
        self.value = -1
        await asyncio.sleep(0)
        raise ValueError("no")


@dataclass
class Item:
    """Something in a typed state."""

    name: str
    price: Decimal
