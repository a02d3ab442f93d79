"""How an app gets its hub: by DFApp, by blueprints, once, and what indexing refuses."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.app_hub import AppHub
from durable.functions.composition import Composition
from durable.storage.memory import MemoryStore
from durable.storage.port import StorageFault

HUB = [
    "durable_control_00",
    "durable_workitems",
    "durable_timers",
    "durable_sweep",
    "durable_management",
]


def names(app: Any) -> list[str]:
    """Index an app."""
    return [function.get_function_name() for function in app.get_functions()]


def blueprint_with(name: str) -> df.Blueprint:
    """Make a blueprint with an activity, an orchestrator and an HTTP function."""
    blueprint = df.Blueprint()
    blueprint.activity_trigger(input_name="value", activity=f"{name}_activity")(lambda value: name)

    @blueprint.orchestration_trigger(context_name="context", orchestration=name)
    def orchestrator(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity(f"{name}_activity"))

    @blueprint.function_name(f"{name}_start")
    @blueprint.route(route=name)
    @blueprint.durable_client_input(client_name="client")
    async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> Any:
        await client.start_new(name, instance_id=name)
        return client

    return blueprint


@pytest.mark.parametrize("make_app", [func.FunctionApp, df.DFApp])
@pytest.mark.parametrize("register", ["register_functions", "register_blueprint"])
async def test_blueprints_bring_the_hub_once_and_their_functions_are_merged(
    host_of: Any, make_app: Callable[[], Any], register: str
) -> None:
    """Two durable blueprints and a plain one in any app are one hub that runs them all."""
    app, plain = make_app(), func.Blueprint()
    plain.route(route="plain")(lambda req: "")
    getattr(app, register)(blueprint_with("one"))
    getattr(app, register)(blueprint_with("two"))
    getattr(app, register)(plain)
    host = host_of(app)
    assert sorted(names(app)) == sorted([*HUB, "one_start", "two_start", "<lambda>"])
    client = await host.request("one_start")
    await host.request("two_start")
    await host.run()
    assert [(await client.get_status(name)).output for name in ("one", "two")] == ["one", "two"]


@pytest.mark.parametrize("make_app", [func.FunctionApp, df.DFApp])
def test_indexing_may_be_repeated(make_app: Callable[[], Any]) -> None:
    """The second list is the first."""
    app = make_app()
    app.register_functions(blueprint_with("one"))
    assert names(app) == names(app) == names(app)


def test_two_apps_of_one_process_have_a_hub_each() -> None:
    """What one app has registered does not show in another."""
    first, second = func.FunctionApp(), func.FunctionApp()
    first.register_functions(blueprint_with("one"))
    second.register_functions(blueprint_with("two"))
    assert names(first) == [*HUB, "one_start"]
    assert names(second) == [*HUB, "two_start"]


def test_an_app_without_durable_blueprints_has_no_hub() -> None:
    """Importing us changes nothing for others."""
    app = func.FunctionApp()
    app.route(route="plain")(lambda req: "")
    assert names(app) == ["<lambda>"]


def test_an_app_that_can_not_be_found_counts_as_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever copies the list by hand gets the hub's functions too, once."""
    monkeypatch.setattr("durable.functions.contribution.PROCESS_HUB", AppHub(None))
    taken = list(blueprint_with("one")._function_builders)
    taken += blueprint_with("two")._function_builders
    listed = [str(builder._function.get_function_name()) for builder in taken]
    assert sorted(listed) == sorted([*HUB, "one_start", "two_start"])


def test_the_hubs_functions_are_bound_to_its_queues(
    write_host_json: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queues are lower-case, one control queue a partition; the HTTP tree is anonymous."""
    provider = {"partitionCount": 2, "connectionName": "Elsewhere"}
    durable_task = {"hubName": "%HUB%", "storageProvider": provider}
    write_host_json({"version": "2.0", "extensions": {"durableTask": durable_task}})
    monkeypatch.setenv("HUB", "MyHub")
    functions = {each.get_function_name(): each for each in df.DFApp().get_functions()}
    assert list(functions) == ["durable_control_00", "durable_control_01", *HUB[1:]]
    [control] = [json.loads(raw) for raw in functions["durable_control_01"].get_raw_bindings()]
    assert control == {
        "direction": "IN",
        "type": "queueTrigger",
        "name": "msg",
        "queueName": "myhub-control-01",
        "connection": "Elsewhere",
    }
    trigger = json.loads(functions["durable_management"].get_raw_bindings()[0])
    assert trigger["authLevel"] == "ANONYMOUS"
    assert trigger["route"] == "durabletask/{*path}"
    assert trigger["methods"] == ["GET", "POST", "DELETE"]


@pytest.mark.parametrize(
    ("kind", "decorator"),
    [
        ("orchestrationTrigger", "@app.orchestration_trigger"),
        ("activityTrigger", "@app.activity_trigger"),
        ("entityTrigger", "@app.entity_trigger"),
    ],
)
@pytest.mark.parametrize("make_app", [func.FunctionApp, df.DFApp])
def test_a_trigger_of_the_durable_extension_fails_indexing_at_its_line(
    make_app: Callable[[], Any], kind: str, decorator: str
) -> None:
    """No binding that only .NET serves reaches the host."""
    app = make_app()

    @app.generic_trigger(arg_name="context", type=kind)
    def foreign(context: Any) -> None:
        """Stand for a function of azure-functions-durable."""

    app.register_functions(blueprint_with("one"))
    line = foreign._function._func.__code__.co_firstlineno
    with pytest.raises(df.BindingRefusedError) as refused:
        app.get_functions()
    assert f"{__file__}:{line}: function 'foreign'" in str(refused.value)
    assert decorator in str(refused.value)


def test_a_client_binding_of_the_durable_extension_fails_indexing() -> None:
    """A binding beside an ordinary trigger is found too."""
    app = func.FunctionApp()

    @app.route(route="x")
    @app.generic_input_binding(arg_name="starter", type="DurableClient")
    def foreign(req: func.HttpRequest, starter: str) -> str:
        return ""

    app.register_functions(df.Blueprint())
    with pytest.raises(df.BindingRefusedError, match=r"@app\.durable_client_input"):
        app.get_functions()


class AwayStore(MemoryStore):
    """A store that comes back at the third call."""

    attempts = 0

    async def create(self) -> None:
        """Fail twice."""
        self.attempts += 1
        if self.attempts < 3:
            raise StorageFault("connection refused")


async def test_indexing_neither_waits_for_storage_nor_fails_without_it(
    app: df.DFApp, host_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resources are created in the background, again and again until storage is there."""
    monkeypatch.setattr("durable.functions.startup.BACKOFF_S_FIRST", 0.001)
    store = AwayStore(now=lambda: pytest.fail("nothing is stored while indexing"))
    host = host_of(app, store=store)
    assert names(host.app) == HUB
    assert store.attempts == 0
    assert isinstance(app._compose(), Composition)
    await app._compose().client()
    assert store.attempts == 3


def test_indexing_outside_an_event_loop_opens_nothing(
    app: df.DFApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the settings of the connection are needed to list functions."""
    monkeypatch.delenv("AzureWebJobsStorage")
    assert names(app) == HUB
    assert app._hub is not None
    assert app._hub._composition is None


async def test_a_connection_that_is_not_set_does_not_fail_indexing(
    app: df.DFApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, with the setting's name, and told to whoever calls."""
    monkeypatch.delenv("AzureWebJobsStorage")
    assert names(app) == HUB
    assert "AzureWebJobsStorage" in caplog.text
    with pytest.raises(df.DurableError, match="AzureWebJobsStorage"):
        app._compose()


def test_the_start_up_line_recommends_a_queues_section_once(
    write_host_json: Callable[[object], None], caplog: pytest.LogCaptureFixture
) -> None:
    """An app with the section of its own is left in peace."""
    caplog.set_level(logging.INFO)
    app = df.DFApp()
    names(app)
    names(app)
    assert caplog.text.count('"maxPollingInterval"') == 1
    caplog.clear()
    write_host_json({"version": "2.0", "extensions": {"queues": {"batchSize": 8}}})
    names(df.DFApp())
    assert "maxPollingInterval" not in caplog.text


async def test_a_hub_with_another_number_of_queues_is_told_with_the_line_to_change(
    app: df.DFApp, host_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages in a queue without a listener would stand still."""

    class OlderHub(MemoryStore):
        async def create(self) -> None:
            self.partition_count = 4

    host = host_of(app, store=OlderHub(now=lambda: pytest.fail("no time is asked for")))
    names(host.app)
    await app._compose().client()
    assert '{"partitionCount": 4}' in caplog.text
    assert "stands still" in caplog.text


async def test_several_waiters_open_the_hub_once(app: df.DFApp, host_of: Any) -> None:
    """Invocations that arrive together share one preparation."""
    created = []

    class CountedStore(MemoryStore):
        async def create(self) -> None:
            created.append(self)

    host_of(app, store=CountedStore(now=lambda: pytest.fail("no time is asked for")))
    await asyncio.gather(*(app._compose().client() for _ in range(5)))
    assert len(created) == 1
