"""Experiment: a program, a schedule, faults and a setting, as one value; and what it comes to.

The same experiment gives the same run, storage call by storage call.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.model.errors import (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)
from durable.storage.port import StorageOutcome
from durable.testing.oracles.outcomes import check_outcome
from durable.testing.oracles.parcels import message_of
from durable.testing.oracles.specified import SpecificationModel
from durable.testing.programs.code import Style, registry_of
from durable.testing.programs.entity_code import entity_id_of
from durable.testing.programs.syntax import (
    CallerAction,
    Program,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    Suspend,
    Terminate,
)
from durable.testing.simulation.observed import Sighting, observe
from durable.testing.world.actors import ActorDied
from durable.testing.world.faults import Fault
from durable.testing.world.journal import Put
from durable.testing.world.schedule import Schedule
from durable.testing.world.world import WorkerFactory, World

DEPLOYED_AT_S = 1500.0  # beyond the time for which a dead host's messages are hidden
CALLER_ATTEMPTS_MAX = 6
REFUSALS = (
    InstanceExistsError,
    InstanceNotFoundError,
    InstanceEndedError,
    InstanceNotEndedError,
)
CALLS_MAX = 5_000  # ten times what the largest of these programs need


@dataclass(frozen=True, slots=True)
class Setting:
    """How the hub is set up.

    `skew_s`: the clock of every second host is wrong by this. `other_code`: every second host knows
    none of the functions, as before a deployment, for the first 25 minutes. `patience_s`: how long
    an invocation waits for storage to come back. `deliveries_max`: how often a message is delivered
    before the host gives it up. `style`: in which of two ways the program's functions are written.
    `operations_at_once`: how many operations of an entity one commit serves.
    """

    hosts: int = 2
    messages_at_once: int = 4
    rows_per_transaction_max: int = 100
    rows_per_page_max: int = 1000
    skew_s: int = 0
    other_code: bool = False
    patience_s: int = 120
    deliveries_max: int = 5
    style: Style = "generator"
    operations_at_once: int = 200


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is run."""

    program: Program
    schedule: Schedule = field(default_factory=Schedule)
    setting: Setting = field(default_factory=Setting)
    faults: tuple[Fault, ...] = ()


def run(experiment: Experiment, *, worker: WorkerFactory = TaskHubWorker) -> Sighting:
    """Run it to rest under all oracles; raises the first `Violation`."""
    with _world(experiment, worker) as world:
        return _observed(world, experiment)


def transcript_of(experiment: Experiment) -> str:
    """Run it, and give a digest of everything that happened: each call and each entry in order."""
    with _world(experiment, TaskHubWorker) as world:
        _observed(world, experiment)
        lines = [*map(repr, world.gate.calls), *map(repr, world.journal.entries)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _world(experiment: Experiment, worker: WorkerFactory) -> World:
    setting = experiment.setting
    return World(
        registry_of(experiment.program, style=setting.style),
        schedule=experiment.schedule,
        faults=experiment.faults,
        hosts=setting.hosts,
        messages_at_once=setting.messages_at_once,
        skews_s=(0.0, float(setting.skew_s)),
        rows_per_transaction_max=setting.rows_per_transaction_max,
        rows_per_page_max=setting.rows_per_page_max,
        # Nobody's code is wrong for good: a parked instance is a finding.
        settings=EngineSettings(
            entity_batch_max=experiment.setting.operations_at_once,
            hold_s_max=10**9,
            strict_arguments=True,
            storage_patience_s=setting.patience_s,
        ),
        deliveries_max=setting.deliveries_max,
        other_code=Registry() if setting.other_code else None,
        calls_max=CALLS_MAX,
        worker=worker,
    )


def _observed(world: World, experiment: Experiment) -> Sighting:
    program = experiment.program
    seen = observe(
        world,
        lambda world: _drive(world, experiment),
        SpecificationModel(program),
    )
    return replace(seen, is_compared=check_outcome(program, seen.view))


async def _drive(world: World, experiment: Experiment) -> None:
    """Let the callers play their script while the hosts serve."""
    if experiment.setting.other_code:
        world.begin(_deploy(world))
    world.begin(_play(world, experiment.program.script))
    await world.settle()


async def _deploy(world: World) -> None:
    await asyncio.sleep(DEPLOYED_AT_S)
    world.deploy()


async def _play(world: World, script: tuple[CallerAction, ...]) -> None:
    """One action after another, in the order of the script, none before its time."""
    for action in script:
        await asyncio.sleep(max(0.0, action.at_s - world.clock.seconds))
        with contextlib.suppress(*REFUSALS):
            await _act(world, action)


async def _act(world: World, action: CallerAction) -> None:
    """Act; a caller that dies, or learns no outcome, calls again unless its message was put.

    A start is called again in any case: that is what its instance id is for. Only if the instance
    that it wanted has ended meanwhile it must not begin another life. A purge is called again too:
    it may have been cut off anywhere.
    """
    begun_at = world.clock.now()
    for _ in range(CALLER_ATTEMPTS_MAX):
        before = _requests(world, action)
        try:
            await world.as_caller(_call_of(action, begun_at))
        except (ActorDied, StorageOutcome):
            # The script acts one by one: who acted last is who died.
            is_late = world.last_caller is not None and world.gate.has_late_writes_of(
                world.last_caller
            )
            is_put = is_late or _requests(world, action) != before
            if is_put and not isinstance(action, Start | Purge):
                return
        else:
            return


def _requests(world: World, action: CallerAction) -> set[str | None]:
    """Collect the ids of what callers have put for this instance."""
    messages = [
        message_of(entry.message.body) for entry in world.journal.entries if isinstance(entry, Put)
    ]
    return {
        message.message_id
        for message in messages
        if message is not None and message.instance_id == action.instance_id
    }


def _call_of(
    action: CallerAction, begun_at: datetime
) -> Callable[[DurableClient], Awaitable[None]]:
    later = timedelta(seconds=getattr(action, "after_s", 0))

    async def call(client: DurableClient) -> None:
        match action:
            case Start():
                standing = await client.read_status(action.instance_id)
                if standing is not None and standing.created_at >= begun_at - timedelta(seconds=1):
                    return
                start_at = begun_at + timedelta(seconds=action.delay_s)
                await client.start(
                    action.orchestration,
                    instance_id=action.instance_id,
                    input_=action.argument,
                    start_at=start_at if action.delay_s else None,
                )
            case RaiseEvent():
                await client.raise_event(action.instance_id, action.name, action.data)
            case Terminate():
                recursive = action.is_recursive
                await client.terminate(action.instance_id, action.reason, recursive=recursive)
            case Suspend():
                await client.suspend(action.instance_id)
            case Resume():
                await client.resume(action.instance_id)
            case Purge():
                await client.purge(action.instance_id)
            case Signal():
                await client.signal_entity(
                    entity_id_of(action.entity),
                    action.operation,
                    action.argument,
                    scheduled_time=begun_at + later if action.after_s else None,
                )

    return call
