"""Drills: experiments made for one purpose each, for what random programs can't say or rarely hit.

Each raises an AssertionError if the engine does not stand it. The mutants meet them first.
"""

from collections.abc import Callable, Generator
from typing import Any

from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.ids import InstanceId
from durable.replay.context import DurableOrchestrationContext
from durable.testing.oracles.models import ReplayModel
from durable.testing.programs.syntax import (
    Activity,
    Await,
    CallActivity,
    Constant,
    Orchestration,
    Program,
    Return,
    SetTimer,
    Start,
    Variable,
)
from durable.testing.simulation.experiment import Experiment, Setting, run
from durable.testing.simulation.observed import observe
from durable.testing.world.faults import Fault, FaultKind
from durable.testing.world.schedule import Schedule
from durable.testing.world.world import World

Context = DurableOrchestrationContext


def code(*, first: str, argument: int, second: str) -> Registry:
    """An orchestrator that calls, waits for an event, and calls again."""

    def orchestrator(context: Context) -> Generator[Any, Any, Any]:
        one = yield context.call_activity(first, argument)
        go = yield context.wait_for_external_event("go")
        two = yield context.call_activity(second, go)
        return [one, two]

    registry = Registry()
    registry.add_orchestrator("main", orchestrator)
    for name in {first, second, "reserve", "pay"}:
        registry.add_activity(name, _named(name))
    return registry


def _named(name: str) -> Callable[[Any], list[Any]]:
    return lambda value: [name, value]


RIGHT = code(first="reserve", argument=1, second="pay")


def _wrong_code_for_a_while(wrong: Registry) -> None:
    """Code that does not fit the history is deployed while the instance waits, then taken back."""

    async def drive(world: World) -> None:
        await world.as_client(lambda client: client.start("main", instance_id="i"))
        await world.run_for(60)
        world.deploy(wrong)
        await world.as_client(lambda client: client.raise_event("i", "go", 2))
        await world.run_for(60)
        world.deploy(RIGHT)
        await world.settle()

    settings = EngineSettings(strict_arguments=True)
    with World(RIGHT, schedule=Schedule(1), settings=settings) as world:
        observe(world, drive, ReplayModel(RIGHT))
        columns = world.store.sentinels[InstanceId("i")].columns
        assert columns["Output"] == '[["reserve",1],["pay",2]]', columns


def code_with_another_name() -> None:
    """The first call is of another activity."""
    _wrong_code_for_a_while(code(first="borrow", argument=1, second="lend"))


def code_with_another_argument() -> None:
    """The first call has another argument."""
    _wrong_code_for_a_while(code(first="reserve", argument=2, second="lend"))


TIMER_THEN_CALL = Program(
    "a timer, then a call",
    (
        Orchestration(
            "main",
            (
                Await("_", SetTimer(30)),
                Await("value", CallActivity("echo", Constant(1))),
                Return(Variable("value")),
            ),
        ),
    ),
    (Activity("echo", Variable("input")),),
    script=(Start("a", "main"),),
)


def a_timer_between_two_clocks() -> None:
    """A host whose clock is ahead takes a timer that is early for the other, and dies.

    Both have its message: the one that puts it back must keep the duty in the copy (rule A4).
    """
    for seed in range(1, 9):
        plain = Experiment(TIMER_THEN_CALL, Schedule(seed), Setting(skew_s=45, messages_at_once=1))
        for call in run(plain).calls:
            if call.kind != "receive":
                continue
            for dies in range(call.number + 1, call.number + 6):
                faults = (Fault(call.number, FaultKind.TWICE), Fault(dies, FaultKind.CRASH_BEFORE))
                run(Experiment(plain.program, plain.schedule, plain.setting, faults))


DRILLS: tuple[Callable[[], None], ...] = (
    code_with_another_name,
    code_with_another_argument,
    a_timer_between_two_clocks,
)
