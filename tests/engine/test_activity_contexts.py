"""What an activity is given beside its input, and how long it may take."""

import asyncio
import contextlib
import dataclasses
import threading
from datetime import timedelta
from typing import Any, Optional

import pytest

from durable.engine.activities import GRACE_S, run_activity
from durable.engine.activity_context import ActivityContext, current_activity
from durable.engine.environment import SystemEnvironment
from durable.engine.registry import Registry
from durable.model.converters import JsonConverter
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.testing.world.virtual_time import START
from tests.engine.hub import HandMovedEnvironment, Hub, registry_of

TASK = TaskScheduled(timestamp=START, event_id=7, name="act", attempt=3, timeout_ms=None, run=2)


async def call(
    activity: Any,
    task: TaskScheduled = TASK,
    environment: Any = None,
    **options: Any,
) -> TaskCompleted | TaskFailed:
    """Run an activity once."""
    registry = Registry()
    registry.add_activity("act", activity, **options)
    environment = environment or HandMovedEnvironment()
    running = run_activity(registry, environment, task, instance_id="order-1", execution_id="e1.2")
    return await asyncio.wait_for(running, 10)


def described(context: ActivityContext) -> list[Any]:
    """List what a context says."""
    return [
        context.instance_id,
        context.execution_id,
        context.task_id,
        context.name,
        context.attempt,
        context.run,
        context.timeout,
        context.deadline,
    ]


SAID = ["order-1", "e1.2", 7, "act", 3, 2, None, None]


def by_parameter(_: Any, context: ActivityContext) -> list[Any]:
    """Ask the second parameter."""
    return described(context)


async def by_keyword(_: Any, *, about: ActivityContext | None = None) -> list[Any]:
    """It may have any name, and be by keyword."""
    assert about is not None
    return described(about)


def in_thread(_: Any) -> list[Any]:
    """Ask for it."""
    return described(current_activity())


async def on_loop(_: Any) -> list[Any]:
    """Ask for it, in a task of its own."""

    async def inner() -> list[Any]:
        return described(current_activity())

    return await asyncio.ensure_future(inner())


@pytest.mark.parametrize("activity", [by_parameter, by_keyword, in_thread, on_loop])
async def test_an_activity_knows_its_call(activity: Any) -> None:
    """By a parameter or by asking, in threads and on the loop."""
    fact = await call(activity, environment=SystemEnvironment())
    assert isinstance(fact, TaskCompleted), fact
    assert JsonConverter().decode(fact.result or "") == SAID


async def test_after_the_call_nothing_runs_here() -> None:
    """The context is that of the call alone."""
    await call(in_thread)
    with pytest.raises(LookupError, match="No activity runs here"):
        current_activity()


def test_the_idempotency_key_is_the_calls_own() -> None:
    """The same for a second delivery; another for another task, run, execution or instance."""
    context = ActivityContext(instance_id="i", execution_id="e", task_id=1, name="a")
    redelivered = dataclasses.replace(context, timeout=timedelta(seconds=1))
    assert redelivered.idempotency_key == context.idempotency_key
    others: list[dict[str, Any]] = [
        {"task_id": 2},
        {"run": 1},
        {"execution_id": "e.1"},
        {"instance_id": "j"},
    ]
    keys = {dataclasses.replace(context, **other).idempotency_key for other in others}
    assert len(keys | {context.idempotency_key}) == 5
    assert len(context.idempotency_key) == 36


async def test_an_answer_names_the_run_that_it_answers() -> None:
    """Only the last run of a task that was rewound counts."""

    def fails(_: Any) -> None:
        raise ValueError

    assert (await call(in_thread)).run == 2
    assert (await call(fails)).run == 2


@dataclasses.dataclass
class Order:
    """A typed input."""

    id: int
    items: list[timedelta]


def typed(order: Order) -> list[Order]:
    """Take and give what JSON lacks."""
    assert isinstance(order, Order)
    return [order]


async def test_input_and_result_are_converted_by_the_annotation() -> None:
    """And plain JSON stands in between."""
    text = '{"id":1,"items":["P0DT5S"]}'
    fact = await call(typed, dataclasses.replace(TASK, input=text))
    assert isinstance(fact, TaskCompleted), fact
    assert fact.result == f"[{text}]"


async def test_an_input_that_does_not_fit_fails_the_task_and_names_the_place() -> None:
    """It is a fault of the call, so the orchestrator learns of it."""
    fact = await call(typed, dataclasses.replace(TASK, input='{"id":1,"items":[5,"x"]}'))
    assert isinstance(fact, TaskFailed)
    assert "input of activity 'act'" in fact.reason
    assert "input.items[1] should be timedelta" in fact.reason
    assert fact.failure_details is not None
    assert fact.failure_details.error_type == "InvalidPayloadError"


class Tagged:
    """A converter of an app's own."""

    def encode(self, value: Any) -> str:
        """Tag it."""
        return f'"tagged {value}"'

    def decode(self, text: str, expected_type: Any) -> Any:
        """Say what was to be read as what."""
        return text, expected_type


async def test_the_apps_own_converter_reads_the_input_and_writes_the_result() -> None:
    """It is given the type of the annotation."""

    def same(value: timedelta) -> Any:
        return value

    registry = Registry(Tagged())
    registry.add_activity("act", same)
    fact = await run_activity(registry, HandMovedEnvironment(), TASK)
    assert isinstance(fact, TaskCompleted), fact
    assert fact.result == f'"tagged {("null", Optional[timedelta])}"'  # noqa: UP045


async def never(_: Any) -> None:
    """Wait for what does not come."""
    await asyncio.Event().wait()


async def late(_: Any) -> str:
    """Return after all, when it is cancelled."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "too late"


@pytest.mark.parametrize("activity", [never, late])
async def test_a_call_that_takes_too_long_is_a_failed_task(activity: Any) -> None:
    """Whatever it does when it is cancelled."""
    environment = HandMovedEnvironment()
    begun = environment.now()
    fact = await call(activity, dataclasses.replace(TASK, timeout_ms=1500), environment)
    assert isinstance(fact, TaskFailed)
    assert fact.reason == "Activity function 'act' failed: it did not finish within 1.5 s"
    assert fact.failure_details is not None
    assert fact.failure_details.error_type == "TimeoutError"
    assert fact.run == 2
    assert timedelta(seconds=1.5) <= fact.timestamp - begun <= timedelta(seconds=1.5 + GRACE_S)


async def test_a_call_that_refuses_to_be_cancelled_is_given_up() -> None:
    """After a time of grace."""
    environment, released, ended = HandMovedEnvironment(), asyncio.Event(), asyncio.Event()

    async def stubborn(_: Any) -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()
        ended.set()

    fact = await call(stubborn, dataclasses.replace(TASK, timeout_ms=1000), environment)
    assert isinstance(fact, TaskFailed)
    assert environment.now() - START >= timedelta(seconds=1 + GRACE_S)
    assert not ended.is_set()
    released.set()
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_call_that_is_quick_enough_has_its_result_and_its_deadline() -> None:
    """The deadline is told, by the environment's clock."""
    environment = HandMovedEnvironment()
    due = environment.now() + timedelta(seconds=60)
    fact = await call(in_thread, dataclasses.replace(TASK, timeout_ms=60_000), environment)
    assert isinstance(fact, TaskCompleted)
    assert JsonConverter().decode(fact.result or "")[-2:] == ["P0DT60S", due.isoformat()]


async def test_the_activitys_own_timeout_holds_where_the_call_names_none() -> None:
    """And the call's where it names one."""
    own = timedelta(seconds=5)
    fact = await call(never, timeout=own)
    assert isinstance(fact, TaskFailed)
    assert "within 5 s" in fact.reason
    fact = await call(never, dataclasses.replace(TASK, timeout_ms=1000), timeout=own)
    assert isinstance(fact, TaskFailed)
    assert "within 1 s" in fact.reason


class WhenBegun(SystemEnvironment):
    """Real threads; time is over when the activity has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def wait(self, delay_s: float) -> None:
        await self.begun.wait()


async def test_a_blocking_call_that_takes_too_long_is_left_alone() -> None:
    """Nothing stops a thread; the task has failed all the same."""
    environment, released, ended = WhenBegun(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def blocks(_: Any) -> str:
        loop.call_soon_threadsafe(environment.begun.set)
        released.wait(10)
        ended.set()
        return "nobody asks"

    fact = await call(blocks, dataclasses.replace(TASK, timeout_ms=1000), environment)
    assert isinstance(fact, TaskFailed)
    assert not ended.is_set()
    released.set()
    assert await asyncio.to_thread(ended.wait, 10)


async def test_an_invocation_that_is_cancelled_cancels_a_call_with_a_timeout() -> None:
    """The host is shutting down: there is no fact, and the message comes again."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def activity(_: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = dataclasses.replace(TASK, timeout_ms=1000)
    invocation = asyncio.ensure_future(call(activity, task, WhenBegun()))
    await begun.wait()
    invocation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await invocation
    await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), asyncio.CancelledError()])
async def test_whatever_a_call_with_a_timeout_raises_is_its_failure(error: BaseException) -> None:
    """The task around it does not let it through to the loop."""

    async def raises(_: Any) -> None:
        raise error

    fact = await call(raises, dataclasses.replace(TASK, timeout_ms=1000), WhenBegun())
    assert isinstance(fact, TaskFailed)
    assert fact.failure_details is not None
    assert fact.failure_details.error_type == type(error).__name__


async def test_an_activity_on_a_hub_knows_its_instance() -> None:
    """The worker tells it whose call it is."""
    seen: list[ActivityContext] = []

    def orchestrator(context: Any) -> Any:
        yield context.call_activity("looks")

    def looks(_: Any) -> None:
        seen.append(current_activity())

    registry = registry_of(o=orchestrator)
    registry.add_activity("looks", looks)
    hub = Hub(registry)
    instance_id = await hub.client.start("o", instance_id="order-1")
    await hub.settle()
    (context,) = seen
    rows = await hub.rows(instance_id)
    assert (context.instance_id, context.task_id) == ("order-1", 0)
    assert context.execution_id == rows[0].execution_id
