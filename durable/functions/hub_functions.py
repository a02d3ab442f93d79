"""The functions that the host triggers for a task hub, whatever the app itself holds.

`durable_control_NN` (one for each partition), `durable_workitems`, `durable_timers`: queue
triggers; `durable_sweep`: a timer trigger that tends the hub every minute; `durable_management`:
one anonymous HTTP catch-all that checks the hub's own key.
No more than these: on Flex Consumption every queue function has instances of its own.

Rule 1. They never return a value, and raise only when storage stays away: a failed message counts
        towards the host's poison queue.
Rule 2. A connection, queue or route that they name is the host's business; creating the queues is
        ours (`startup.py`), for the host polls a missing queue for ever without a word.
"""

from collections.abc import Callable

import azure.functions as func
from azure.functions.decorators.function_app import FunctionBuilder

from durable.functions.activity_invocation import WITHOUT_HOST, invoked_as
from durable.functions.composition import Composition
from durable.functions.host_settings import HostSettings
from durable.functions.management_http import PATH, from_http_request, to_http_response
from durable.management.payloads import TREE
from durable.storage.port import TIMERS, WORK_ITEMS, control_queue

Compose = Callable[[], Composition]

# Every minute, at its beginning (six fields, seconds first).
SWEEP_SCHEDULE = "0 * * * * *"


def hub_function_builders(settings: HostSettings, compose: Compose) -> list[FunctionBuilder]:
    """Make the hub's functions. `compose` is called by invocations only."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

    def on_queue(name: str, queue: str, function: Callable[..., object]) -> None:
        bound = blueprint.queue_trigger(
            arg_name="msg",
            queue_name=f"{settings.task_hub.lower()}-{queue}",
            connection=settings.connection_name,
        )(function)
        blueprint.function_name(name)(bound)

    for partition in range(settings.partition_count):
        on_queue(f"durable_control_{partition:02}", control_queue(partition), _control(compose))
    on_queue("durable_workitems", WORK_ITEMS, _work_items(compose))
    on_queue("durable_timers", TIMERS, _timers(compose))
    swept = blueprint.timer_trigger(arg_name="timer", schedule=SWEEP_SCHEDULE)(_sweep(compose))
    blueprint.function_name("durable_sweep")(swept)
    route = blueprint.route(
        route=f"{TREE}/{{*{PATH}}}",
        methods=["GET", "POST", "DELETE"],
        auth_level=func.AuthLevel.ANONYMOUS,
    )
    blueprint.function_name("durable_management")(route(_management(compose)))
    return list(blueprint._function_builders)  # noqa: SLF001  (the library has no other way in)


def _control(compose: Compose) -> Callable[..., object]:
    async def durable_control(msg: func.QueueMessage) -> None:
        worker = await compose().worker()
        await worker.on_control_message(_body(msg), dequeue_count=msg.dequeue_count or 1)

    return durable_control


def _work_items(compose: Compose) -> Callable[..., object]:
    async def durable_workitems(
        msg: func.QueueMessage, context: func.Context = WITHOUT_HOST
    ) -> None:
        worker = await compose().worker()
        with invoked_as(context):
            await worker.on_work_item(_body(msg), dequeue_count=msg.dequeue_count or 1)

    return durable_workitems


def _timers(compose: Compose) -> Callable[..., object]:
    async def durable_timers(msg: func.QueueMessage) -> None:
        worker = await compose().worker()
        await worker.on_timer(_body(msg), dequeue_count=msg.dequeue_count or 1)

    return durable_timers


def _sweep(compose: Compose) -> Callable[..., object]:
    async def durable_sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001  (the host's)
        worker = await compose().worker()
        await worker.sweep()

    return durable_sweep


def _management(compose: Compose) -> Callable[..., object]:
    async def durable_management(req: func.HttpRequest) -> func.HttpResponse:
        return to_http_response(await compose().answer(from_http_request(req)))

    return durable_management


def _body(msg: func.QueueMessage) -> str:
    # What is not UTF-8 is nothing of ours: the worker buries it, where raising would loop.
    return msg.get_body().decode(errors="replace")
