"""Run one operation of an entity: whatever it does comes back as an outcome.

Rule 1. An operation that fails leaves the state as it was and sends nothing (decision 6).
Rule 2. Nothing counts before the commit. Where another host was faster the operation runs again,
        on the state that it left; so code of an entity may run more than once, and what it does
        outside of its state should bear that.
"""

import asyncio
import functools
import inspect
import logging
from dataclasses import dataclass

from durable.engine.activities import call_caught, details_of
from durable.engine.entity_context import DurableEntityContext, RunningOperation, Sent
from durable.engine.entity_state import LiveState
from durable.engine.holding import Held
from durable.engine.registry import Registry, unknown
from durable.model.entity_ids import EntityId
from durable.model.environment import Environment
from durable.model.failures import FailureDetails, text_of
from durable.model.values import encode_value

logger = logging.getLogger("durable")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequest:
    """What is asked of an entity. `input` is JSON text; nobody waits for a signal."""

    entity_id: EntityId
    operation: str
    input: str | None = None
    is_signal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationOutcome:
    """What an operation came to.

    `state` is JSON text, or `None` for no state. With a `failure` it is the state from before;
    `reason` and `details` are then the two texts of a failed task. `sent` has no numbers yet.
    """

    state: str | None
    result: str | None = None
    failure: FailureDetails | None = None
    reason: str = ""
    details: str = ""
    sent: tuple[Sent, ...] = ()


async def run_operation(
    registry: Registry, environment: Environment, request: OperationRequest, state: str | None
) -> OperationOutcome:
    """Run the code of an operation on this state. Raises `Held` if the entity is not here.

    It changes nothing outside but what the code does: the caller commits the outcome, or drops it
    and asks again.
    """
    name = request.entity_id.name.lower()
    if name not in registry.entities:
        raise Held(unknown(name, "entity", registry.entities))
    running = RunningOperation(
        entity_id=request.entity_id,
        name=request.operation,
        input=request.input,
        is_signal=request.is_signal,
        state=LiveState(
            state,
            what=f"state of entity '{request.entity_id}'",
            converter=registry.converter,
        ),
        converter=registry.converter,
        new_id=environment.new_id,
    )
    try:
        raised = await _run(registry, environment, name, running)
        return _ended(running) if raised is None else failed_operation(raised, request, state)
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise  # this call is being cancelled, not something inside the operation
        return failed_operation(error, request, state)
    except KeyboardInterrupt:
        raise  # the process is asked to end
    except BaseException as error:  # noqa: BLE001  (user code: any error is an outcome)
        return failed_operation(error, request, state)
    finally:
        running.is_over = True


async def _run(
    registry: Registry, environment: Environment, name: str, running: RunningOperation
) -> BaseException | None:
    """Call the code and let it end. What it raised in a thread is returned, no future carries it.

    What it raised on the loop is raised.
    """
    entity_id = running.entity_id
    context = DurableEntityContext(entity_id.name, entity_id.key, running=running)
    call = functools.partial(registry.entity_function(name), context)
    if inspect.iscoroutinefunction(registry.entities[name]):
        await call()
        return None
    returned, raised = await environment.run_activity(functools.partial(call_caught, call))
    if inspect.isawaitable(returned):
        await returned
    return raised


def _ended(running: RunningOperation) -> OperationOutcome:
    """Print what an operation left, or raise `InvalidPayloadError`."""
    what = f"result of operation '{running.name}'"
    return OperationOutcome(
        state=running.state.text(),
        result=encode_value(running.result, what=what, converter=running.converter),
        sent=tuple(running.sent),
    )


def failed_operation(
    error: BaseException, request: OperationRequest, state: str | None
) -> OperationOutcome:
    """Describe an operation that raised, and log it: of a signal nobody else hears."""
    reason = (
        f"Operation '{request.operation}' of entity '{request.entity_id}' failed: {text_of(error)}"
    )
    details = details_of(error)
    logger.error("instance=%s %s\n%s", request.entity_id, reason, details)
    return OperationOutcome(
        state=state, failure=FailureDetails.of(error), reason=reason, details=details
    )
