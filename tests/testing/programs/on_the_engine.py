"""Run a program on the engine, with nothing going wrong: one worker, the memory store, one clock.

No world and no oracle: this is the plainest host that there can be, so that what differs from the
direct run is the engine's doing or the interpreter's.
"""

import contextlib
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from durable.client.durable_client import DurableClient
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.model.errors import (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.model.values import decode_value
from durable.storage.memory import MemoryStore
from durable.storage.port import TIMERS, WORK_ITEMS
from durable.testing.programs.code import Style, registry_of
from durable.testing.programs.direct import BEGINNING, DirectResult
from durable.testing.programs.entity_code import entity_id_of, state_of
from durable.testing.programs.expressions import value_of_json
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import (
    CallerAction,
    CallOrchestration,
    Program,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    StartDetached,
    Suspend,
    Terminate,
    Value,
)

T = TypeVar("T")

DELIVERIES_MAX = 5000
VISIBILITY_S = 600
SWEEP_PERIOD_S = 300
REFUSALS = (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)


class PlainEnvironment:
    """A clock that moves when it is told to."""

    def __init__(self, seed: int) -> None:
        self.time = BEGINNING
        self._chance = random.Random(seed)
        self._ids = 0

    def now(self) -> datetime:
        return self.time

    def new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    def jitter(self) -> float:
        return self._chance.random()

    async def wait(self, delay_s: float) -> None:
        self.time += timedelta(seconds=delay_s)

    async def run_activity(self, function: Callable[[], T]) -> T:
        return function()

    async def run_orchestrator(self, function: Callable[[], T]) -> T:
        return function()


class PlainHub:
    """A task hub and its only host."""

    def __init__(self, program: Program, *, seed: int = 0, style: Style = "generator") -> None:
        self.environment = PlainEnvironment(seed)
        self.store = MemoryStore(now=self.environment.now, chance=random.Random(seed))
        self.client = DurableClient(self.store, self.environment)
        self._worker = TaskHubWorker(
            self.store, registry_of(program, style=style), self.environment, EngineSettings()
        )
        self._program = program

    async def run(self) -> tuple[DirectResult, ...]:
        """Carry out the script, come to rest, and read where everybody stands."""
        for action in self._program.script:
            await self._run_until(BEGINNING + timedelta(seconds=action.at_s))
            with contextlib.suppress(*REFUSALS):
                await self._perform(action)
        await self._run_until(None)
        statuses = [await self.client.read_status(one) for one in sorted(ids_in(self._program))]
        return tuple(result_of(status) for status in statuses if status is not None)

    async def entities(self) -> tuple[tuple[str, Value], ...]:
        """Read the states of all entities; nobody holds one at rest, and nothing waits there."""
        states = []
        for entity in sorted(self._program.entities, key=lambda each: each.name):
            found = await self.client.read_entity(entity_id_of(entity.name), include_transient=True)
            if found is not None:
                assert (found.locked_by, found.backlog) == (None, 0)
            states.append((entity.name, state_of(entity, found and found.value)))
        return tuple(states)

    async def _perform(self, action: CallerAction) -> None:
        match action:
            case Start(instance_id, orchestration, argument):
                begins_at = self.environment.time + timedelta(seconds=action.delay_s)
                await self.client.start(
                    orchestration,
                    instance_id=instance_id,
                    input_=argument,
                    start_at=begins_at if action.delay_s else None,
                )
            case RaiseEvent(instance_id, name, data):
                await self.client.raise_event(instance_id, name, data)
            case Terminate(instance_id, reason):
                await self.client.terminate(instance_id, reason, recursive=action.is_recursive)
            case Suspend(instance_id):
                await self.client.suspend(instance_id)
            case Resume(instance_id):
                await self.client.resume(instance_id)
            case Purge(instance_id):
                await self.client.purge(instance_id)
            case Signal(entity, operation, argument):
                due_at = self.environment.time + timedelta(seconds=action.after_s)
                await self.client.signal_entity(
                    entity_id_of(entity),
                    operation,
                    argument,
                    scheduled_time=due_at if action.after_s else None,
                )

    async def _run_until(self, moment: datetime | None) -> None:
        """Deliver all that shows before this moment; without one, until nothing is left.

        What callers do in the same second goes first, as in the direct run.
        """
        for _ in range(DELIVERIES_MAX):
            due = min((message.visible_at for message in self.store.messages), default=None)
            if due is None and self.store.timers:
                due = self.environment.time + timedelta(seconds=SWEEP_PERIOD_S)
            if moment is not None and (due is None or due >= moment):
                self.environment.time = max(self.environment.time, moment)
                return
            if due is None:
                return
            self.environment.time = max(self.environment.time, due)
            if self.store.timers:
                await self._worker.sweep()
            await self._deliver()
        raise AssertionError("the hub does not come to rest")

    async def _deliver(self) -> None:
        for message, receipt in self.store.receive(count=1, visibility_s=VISIBILITY_S):
            on_message = {
                WORK_ITEMS: self._worker.on_work_item,
                TIMERS: self._worker.on_timer,
            }.get(message.queue, self._worker.on_control_message)
            await on_message(message.body, dequeue_count=message.dequeue_count)
            self.store.delete(message, receipt)


def ids_in(program: Program) -> set[str]:
    """Collect the ids that the program itself gives; other children get theirs by the engine."""
    return {
        node.instance_id
        for node in nodes_of(program)
        if isinstance(node, Start | CallOrchestration | StartDetached)
        and node.instance_id is not None
    }


def named_in(program: Program, results: tuple[DirectResult, ...]) -> tuple[DirectResult, ...]:
    """Leave out the instances whose ids are not the program's."""
    return tuple(result for result in results if result.instance_id in ids_in(program))


def result_of(status: OrchestrationStatus) -> DirectResult:
    """Put the engine's answer into the words of the direct run."""
    value: Any = decode_value(status.output)
    if status.runtime_status is RuntimeStatus.FAILED:
        value = value.removeprefix(f"Orchestrator function '{status.name}' failed: ")
    return DirectResult(
        instance_id=status.instance_id,
        status=status.runtime_status.value,  # type: ignore[arg-type]
        value=value_of_json(value),
        custom_status=value_of_json(decode_value(status.custom_status)),
    )
