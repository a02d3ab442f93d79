"""An activity's parameter `context`: in 1.7 the Functions worker fills it, as in any function."""

from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.activity_invocation import Invocation
from durable.testing import run_orchestrator


async def output_of(host: Any, name: str) -> Any:
    """Run an orchestration to its end."""
    client = await host.app._compose().client()
    instance_id = await client.start_new(name)
    await host.run()
    return (await client.get_status(instance_id)).output


def calling(activity: Any) -> Any:
    """Make an orchestrator that calls this activity with "in"."""

    def orchestrator(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity(activity, "in"))

    return orchestrator


@pytest.mark.parametrize("is_annotated", [True, False])
async def test_an_activity_is_told_of_its_invocation(host_of: Any, is_annotated: bool) -> None:
    """Annotated or not, before the input or behind it, `def` or `async def`."""
    app = df.DFApp()

    def before(context, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        assert isinstance(context, func.Context)
        return [value, context.function_name, context.function_directory]

    async def behind(value: str, context: func.Context) -> list[str]:
        return [value, context.function_name, context.function_directory]

    named = app.activity_trigger(input_name="value", activity="Told")(
        behind if is_annotated else before
    )
    app.orchestration_trigger(context_name="context")(calling(named))
    here = str(Path(__file__).parent)
    assert await output_of(host_of(app), "orchestrator") == ["in", "Told", here]


async def test_the_invocation_is_the_hosts(host_of: Any) -> None:
    """Its id is the one under which the host logs; beside it there may be an ActivityContext."""
    app = df.DFApp()

    @app.activity_trigger(input_name="value")
    def told(value: str, context: func.Context, call: df.ActivityContext) -> list[Any]:
        local: Any = context.thread_local_storage
        local.invocation_id = context.invocation_id  # 1.7's idiom
        return [value, context.invocation_id, context.trace_context, call.name]

    app.orchestration_trigger(context_name="context")(calling(told))
    host = host_of(app)
    client = await app._compose().client()
    instance_id = await client.start_new("orchestrator")
    message, receipt = host.store.receive(count=1, visibility_s=600)[0]
    await host.functions["durable_control_00"](msg=func.QueueMessage(body=message.body))
    host.store.delete(message, receipt)
    [(message, _)] = host.store.receive(count=1, visibility_s=600)
    await host.functions["durable_workitems"](
        msg=func.QueueMessage(body=message.body),
        context=Invocation("", "", None, own_id="the host's"),
    )
    await host.run()
    output = (await client.get_status(instance_id)).output
    assert output == ["in", "the host's", None, "told"]


def test_the_input_is_read_by_its_annotation_all_the_same() -> None:
    """And in a unit test the activity runs without any host."""
    app = df.DFApp()

    @app.activity_trigger(input_name="name")
    def told(context: func.Context, name: set[str]) -> bool:
        return name == {"in"} and bool(context.invocation_id)

    def orchestrator(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity(told, ["in"]))

    assert run_orchestrator(orchestrator, app=app, activities=[told]).value() is True


def test_the_users_function_stays_what_it_is() -> None:
    """A unit test calls it with a context of its own."""
    app = df.DFApp()

    def told(value: str, context: func.Context) -> str:
        return f"{value} {context.invocation_id}"

    builder = app.activity_trigger(input_name="value")(told)
    assert builder.build().get_user_function() is told
