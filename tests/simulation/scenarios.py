"""Hand-written scenarios: an orchestration, what is done to it, and what must come of it."""

import contextlib
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.model.envelopes import encode_message
from durable.model.errors import InstanceExistsError
from durable.model.history import EventRaised
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.replay.context import DurableOrchestrationContext
from durable.testing.world import World

INSTANCE = InstanceId("instance")
Orchestration = Generator[Any, Any, Any]
Context = DurableOrchestrationContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What to run. `drive` runs it in a world to the end; `output` is JSON text."""

    name: str
    drive: Callable[[World], Awaitable[None]]
    output: str
    rows_per_transaction_max: int = 100
    rows_per_page_max: int = 1000
    hosts: int = 2
    messages_at_once: int = 4
    generation: int = 1


def sequence(context: Context) -> Orchestration:
    """Five activities, one after another."""
    value = context.get_input()
    for _ in range(5):
        value = yield context.call_activity("increment", value)
    return value


def fan(context: Context) -> Orchestration:
    """As many activities as the input says, at once."""
    squares = yield context.task_all(
        [context.call_activity("square", number) for number in range(context.get_input())]
    )
    return sum(squares)


def race(context: Context) -> Orchestration:
    """A short timer, then a race between a long timer and an event, then an activity."""
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=15))
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([timer, event])
    if winner is event:
        timer.cancel()
    context.set_custom_status("decided")
    done = yield context.call_activity("increment", 0 if winner is timer else event.result)
    return done


def events(context: Context) -> Orchestration:
    """Three events of one name and an activity after each."""
    total = 0
    for _ in range(3):
        number = yield context.wait_for_external_event("number")
        total = total + (yield context.call_activity("square", number))
    return total


def bursts(context: Context) -> Orchestration:
    """Different decisions that race for the same ordinals: each event schedules its own fan."""
    total = 0
    for _ in range(3):
        number = yield context.wait_for_external_event("number")
        squares = yield context.task_all(
            [context.call_activity("square", number * 10 + index) for index in range(5)]
        )
        total += sum(squares)
    return total


def registry() -> Registry:
    """Every orchestrator and activity of the scenarios."""
    made = Registry()
    for orchestrator in (sequence, fan, race, events, bursts):
        made.add_orchestrator(orchestrator.__name__, orchestrator)
    made.add_activity("increment", lambda value: value + 1)
    made.add_activity("square", lambda value: value * value)
    return made


async def start(world: World, name: str, input_: Any = None) -> None:
    """Start the instance; after a crash one that exists already is our own."""

    async def act(client: DurableClient) -> None:
        with contextlib.suppress(InstanceExistsError):
            await client.start(name, instance_id=INSTANCE, input_=input_)

    await world.as_client(act)


def run_only(name: str, input_: Any = None) -> Callable[[World], Awaitable[None]]:
    """Start and let it run."""

    async def drive(world: World) -> None:
        await start(world, name, input_)
        await world.settle()

    return drive


def run_with_events(name: str, numbers: list[int]) -> Callable[[World], Awaitable[None]]:
    """Start, raise events beside the first episode, and let it run."""

    async def drive(world: World) -> None:
        await start(world, name)
        for index, number in enumerate(numbers):
            await put_event(world, "number", number, message_id=f"event-{index}")
        await world.settle()

    return drive


async def put_event(
    world: World, name: str, data: Any, *, message_id: str, generation: int = 1
) -> None:
    """Put an event's message as a client does, without asking whether the instance lives."""
    message = TaskMessage(
        instance_id=INSTANCE,
        event=EventRaised(timestamp=world.environment.now(), name=name, input=str(data)),
        generation=generation,
        message_id=message_id,
    )
    await world.store.put("control-00", encode_message(message))


async def _race_won_by_the_event(world: World) -> None:
    await start(world, "race")
    await put_event(world, "go", 41, message_id="go")
    await world.settle()


async def _message_to_a_finished_instance(world: World) -> None:
    await start(world, "sequence", 0)
    await world.settle()
    await put_event(world, "late", 1, message_id="late")
    await world.settle()


async def _restarted(world: World) -> None:
    await start(world, "sequence", 100)
    await world.settle()
    await start(world, "sequence", 0)
    await world.settle()


SCENARIOS = [
    Scenario(name="sequence of 5", drive=run_only("sequence", 0), output="5"),
    Scenario(
        name="fan-out of 25, transactions of 10 rows",
        drive=run_only("fan", 25),
        output=str(sum(number * number for number in range(25))),
        rows_per_transaction_max=10,
        rows_per_page_max=16,
    ),
    Scenario(name="timer race, won by the timer", drive=run_only("race"), output="1"),
    Scenario(name="timer race, won by the event", drive=_race_won_by_the_event, output="42"),
    Scenario(name="external events", drive=run_with_events("events", [1, 2, 3]), output="14"),
    Scenario(
        name="bursts, transactions of 3 rows",
        drive=run_with_events("bursts", [1, 2, 3]),
        output=str(sum((n * 10 + i) ** 2 for n in (1, 2, 3) for i in range(5))),
        rows_per_transaction_max=3,
        rows_per_page_max=4,
    ),
    Scenario(
        name="one message to a finished instance",
        drive=_message_to_a_finished_instance,
        output="5",
    ),
    Scenario(name="restarted under its id", drive=_restarted, output="5", generation=2),
]

FAN_OF_250 = Scenario(
    name="fan-out of 250",
    drive=run_only("fan", 250),
    output=str(sum(number * number for number in range(250))),
    # One host: races of hosts are the other scenarios' affair, and here they cost many commits.
    hosts=1,
    messages_at_once=32,
)


def scenario(name: str) -> Scenario:
    """Find a scenario by its name."""
    return replace(next(one for one in SCENARIOS if one.name == name))
