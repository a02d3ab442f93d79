"""What a function app can say that azure-functions-durable 1.7 has no words for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df


@dataclass
class Order:
    """A typed payload."""

    item: str
    count: int


class OutOfStock(Exception):  # noqa: N818
    """An error with a property."""

    def __init__(self, item: str) -> None:
        super().__init__(f"no {item} left")
        self.item = item


async def output_of(host: Any, name: str, input_: Any = None) -> Any:
    """Run an orchestration to its end."""
    client = await host.app._compose().client()
    instance_id = await client.start_new(name, client_input=input_)
    await host.run()
    status = await client.get_status(instance_id)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed, status.output
    return status.output


async def test_an_async_orchestrator_awaits_its_tasks(app: df.DFApp, host_of: Any) -> None:
    """`async def` and `await`, beside generators."""

    @app.orchestration_trigger(context_name="context")
    async def awaiting(context: df.DurableOrchestrationContext) -> Any:
        first = await context.call_activity("echo", 1)
        return [first, *await context.task_all([context.call_activity("echo", 2)])]

    assert await output_of(host_of(app), "awaiting") == [1, 2]


async def test_an_orchestrator_may_take_its_input_as_a_second_parameter(
    app: df.DFApp, host_of: Any
) -> None:
    """Decoded to its annotation."""

    @app.orchestration_trigger(context_name="context")
    def ordering(context: df.DurableOrchestrationContext, order: Order) -> Any:
        return (yield context.call_activity("echo", f"{order.count} {order.item}"))

    assert await output_of(host_of(app), "ordering", Order("tea", 2)) == "2 tea"


async def test_payloads_are_what_annotations_say(app: df.DFApp, host_of: Any) -> None:
    """Inputs, results and `input_type`, which is 1.7's, without a class in any payload."""

    @app.activity_trigger(input_name="order")
    def double(order: Order) -> Order:
        return Order(order.item, order.count * 2)

    @app.orchestration_trigger(context_name="context", input_type=Order)
    def doubling(context: df.DurableOrchestrationContext) -> Any:
        doubled = yield context.call_activity(double, context.get_input())
        assert isinstance(doubled, Order)
        return doubled

    assert await output_of(host_of(app), "doubling", {"item": "tea", "count": 2}) == {
        "item": "tea",
        "count": 4,
    }


async def test_an_app_may_bring_its_own_converter(host_of: Any) -> None:
    """All payloads of its hub pass through it, those of its clients too."""

    class Shouting(df.JsonConverter):
        def encode(self, value: Any) -> str:
            return super().encode(value.upper() if isinstance(value, str) else value)

    app = df.DFApp(converter=Shouting())

    @app.orchestration_trigger(context_name="context")
    def saying(context: df.DurableOrchestrationContext) -> Iterator[Any]:
        yield context.create_timer(context.current_utc_datetime)
        return context.get_input()

    assert await output_of(host_of(app), "saying", "quiet") == "QUIET"


async def test_an_error_that_an_activity_declares_is_caught_by_its_class(
    app: df.DFApp, host_of: Any
) -> None:
    """`raises=` of the decorator; the class's attributes come along."""

    @app.activity_trigger(input_name="item", raises=[OutOfStock])
    def buy(item: str) -> None:
        raise OutOfStock(item)

    @app.orchestration_trigger(context_name="context")
    def buying(context: df.DurableOrchestrationContext) -> Any:
        try:
            yield context.call_activity(buy, "tea")
        except OutOfStock as error:
            return [error.item, isinstance(error, df.TaskFailedError)]

    assert await output_of(host_of(app), "buying") == ["tea", True]


async def test_an_activity_may_look_at_its_call(app: df.DFApp, host_of: Any) -> None:
    """A second parameter annotated ActivityContext, and `timeout=` of the decorator."""

    @app.activity_trigger(input_name="value", timeout=timedelta(minutes=5))
    def look(value: Any, call: df.ActivityContext) -> list[Any]:
        assert call == df.current_activity()
        return [call.name, call.attempt, call.timeout == timedelta(minutes=5)]

    @app.orchestration_trigger(context_name="context")
    def looking(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity(look))

    assert await output_of(host_of(app), "looking") == ["look", 1, True]


async def test_a_plain_function_gets_a_client_that_blocks(app: df.DFApp, host_of: Any) -> None:
    """Starts, statuses and lists without `await`; 1.7 could not run such a function."""

    @app.route(route="start")
    @app.durable_client_input(client_name="client")
    def start(
        req: func.HttpRequest, client: df.SyncDurableOrchestrationClient
    ) -> func.HttpResponse:
        instance_id = client.start_new("echoing", client_input=1)
        [listed] = client.iterate_status_by()
        assert listed.instance_id == client.get_status(instance_id).instance_id == instance_id
        response: func.HttpResponse = client.create_check_status_response(req, instance_id)
        return response

    response = await host_of(app).request("start")
    assert response.status_code == 202


async def test_an_error_of_a_blocking_call_is_raised_where_it_was_made(
    app: df.DFApp, host_of: Any
) -> None:
    """As if there were no loop in between."""

    @app.route(route="start")
    @app.durable_client_input(client_name="client")
    def start(req: func.HttpRequest, client: Any) -> func.HttpResponse:
        with pytest.raises(df.OrchestratorNotFoundError):
            client.start_new("nothing")
        return func.HttpResponse()

    assert (await host_of(app).request("start")).status_code == 200


async def test_the_invocations_id_reaches_the_client(app: df.DFApp, host_of: Any) -> None:
    """Where the function asks for the host's context, as in 1.7."""
    seen: list[Any] = []

    @app.route(route="start")
    @app.durable_client_input(client_name="client")
    async def start(req: func.HttpRequest, client: Any, context: func.Context) -> None:
        seen.append(client._function_invocation_id)

    class Invocation:
        invocation_id = "the-id"

    await host_of(app).functions["start"](
        req=func.HttpRequest("GET", "/", body=b""), context=Invocation()
    )
    assert seen == ["the-id"]


async def test_an_orchestrator_can_name_others_by_what_their_decorators_returned(
    app: df.DFApp, host_of: Any
) -> None:
    """A wrong kind, or a plain function, is a ValueError, as in 1.7."""

    @app.orchestration_trigger(context_name="context", orchestration="Inner")
    def inner(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity("echo", context.get_input()))

    @app.orchestration_trigger(context_name="context")
    def outer(context: df.DurableOrchestrationContext) -> Any:
        for wrong in (inner, output_of):
            with pytest.raises(ValueError, match="activity_trigger"):
                context.call_activity(wrong, 1)
        return (yield context.call_sub_orchestrator(inner, 7))

    assert await output_of(host_of(app), "outer") == 7


async def test_a_call_over_http_is_an_activity_of_every_app(app: df.DFApp, host_of: Any) -> None:
    """Nothing has to be registered; an address that can't be called fails the task."""

    @app.orchestration_trigger(context_name="context")
    def calling(context: df.DurableOrchestrationContext) -> Any:
        try:
            yield context.call_http("GET", "ftp://host/")
        except df.TaskFailedError as error:
            return str(error)

    assert "BuiltIn::HttpActivity" in await output_of(host_of(app), "calling")


def test_an_agents_orchestrator_is_refused_with_a_sentence() -> None:
    """With and without arguments."""
    app = df.DFApp()
    for options in ({}, {"model_provider": None}):
        with pytest.raises(df.NotServedError, match="Call the model in an activity"):
            app.durable_openai_agent_orchestrator(**options)


def test_a_classic_handle_keeps_the_users_function() -> None:
    """`main = df.Orchestrator.create(fn)`; a message of the extension is refused with a way out."""

    def orchestrate(context: object) -> Iterator[object]:
        yield context

    main = df.Orchestrator.create(orchestrate)
    assert main.orchestrator_function is orchestrate  # type: ignore[attr-defined]
    assert next(main(it := object())) is it
    with pytest.raises(df.NotServedError, match=r"'\.orchestrator_function'"):
        main('{"history": []}')


def test_a_decorator_without_its_parentheses_is_refused() -> None:
    """It took the function for a name, and nobody found the activity."""

    def hello(name: str) -> str:
        return name

    app = df.DFApp()
    decorators: tuple[Any, ...] = (app.activity_trigger, app.orchestration_trigger)
    for decorator in (*decorators, app.entity_trigger):
        with pytest.raises(df.BindingRefusedError, match=r"Write '@app\.\w+\(\w+=\.\.\.\)'"):
            decorator(hello)


def test_what_a_decorator_says_of_an_activity_is_checked_there() -> None:
    """One class alone may be said, too."""

    def hello(name: str) -> str:
        return name

    app = df.DFApp()
    app.activity_trigger(input_name="name", raises=ValueError)(hello)
    assert len(app.get_functions()) > 1
    timed = df.DFApp().activity_trigger(input_name="name", timeout=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timeout of activity 'hello' is 5"):
        timed(hello)
