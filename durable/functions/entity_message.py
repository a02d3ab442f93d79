"""What the Durable extension sends to a Python entity, and the answer: JSON, run on the spot.

Nobody sends it here; unit tests written for azure-functions-durable 1.7 make it. Operations mean
what they mean in a hub: one that fails changes nothing and sends nothing, and its result is its
own, which in 1.7 is not so (quirks Q7, Q8).
"""

import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from durable.engine.entity_context import DurableEntityContext, state_of
from durable.engine.environment import SystemEnvironment
from durable.engine.operations import OperationOutcome, OperationRequest, run_operation
from durable.engine.registry import Registry
from durable.functions.errors import NotServedError
from durable.model.actions import SignalEntity
from durable.model.entity_ids import EntityId

T = TypeVar("T")
Operation = Mapping[str, Any]


class _OnTheSpot(SystemEnvironment):
    """The world as it is, without threads."""

    def run_activity(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run it here."""

        async def run() -> T:
            return function()

        return run()


def answer(
    entity: Callable[..., Any],
    context: DurableEntityContext,
    operations: Sequence[Operation],
) -> str:
    """Run operations one after the other, and answer as 1.7 answers the extension.

    Raises `NotServedError` for an `async def` that waits for something.
    """
    environment = _OnTheSpot()
    entity_id = context.entity_id
    registry = Registry()
    registry.add_entity(entity_id.name, entity)
    state = state_of(context)
    results: list[dict[str, Any]] = []
    signals: list[dict[str, Any]] = []
    for operation in operations:
        began = environment.now()
        request = _request(entity_id, operation)
        outcome = _now(run_operation(registry, environment, request, state))
        state = outcome.state
        results.append(
            {
                "isError": outcome.failure is not None,
                "duration": int((environment.now() - began).total_seconds() * 1000),
                "startTime": int(began.timestamp() * 1000),
                "result": _result(outcome),
            }
        )
        signals += [
            {"target": one.instance_id, "name": one.operation, "input": one.input}
            for one in outcome.sent
            if isinstance(one, SignalEntity)
        ]
    members = {
        "entityExists": state is not None,
        "entityState": "null" if state is None else state,
        "results": results,
        "signals": signals,
    }
    return json.dumps(members)


def _request(entity_id: EntityId, operation: Operation) -> OperationRequest:
    written = operation.get("input")
    # The extension has the input's text in a JSON string.
    inner = None if written is None else json.loads(written)
    return OperationRequest(
        entity_id=entity_id,
        operation=operation["name"],
        input=inner if isinstance(inner, str | None) else written,
        is_signal=operation.get("signal") is True,
    )


def _result(outcome: OperationOutcome) -> str:
    if outcome.failure is not None:
        return json.dumps(outcome.failure.error_message)
    return "null" if outcome.result is None else outcome.result


def _now(call: Coroutine[Any, Any, T]) -> T:
    """Drive a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    call.close()
    raise NotServedError(
        "An 'async def' entity that waits for something is not run by a message of the Durable "
        "extension. In a unit test await '.entity_function' with a context."
    )
