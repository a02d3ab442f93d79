"""Entities in a function app: the decorators, the handles, and the client's side."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.errors import EntityFunctionNotFoundError

COUNTER = df.EntityId("Counter", "a")


def counter(context: df.DurableEntityContext) -> None:
    """Count, as 1.7's sample does."""
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
    elif context.operation_name == "reset":
        value = 0
    context.set_state(value)
    context.set_result(value)


class Account:
    """An account: its methods are the operations, its attributes the state."""

    def __init__(self) -> None:
        self.balance = 0

    def deposit(self, amount: int) -> int:
        """Take money, and tell how much there is."""
        self.balance += amount
        return self.balance


@pytest.fixture
def app() -> df.DFApp:
    """An app with a counter, an account, and an orchestrator that calls what it is told to."""
    app = df.DFApp()
    app.entity_trigger(context_name="context", entity_name="Counter")(counter)
    app.entity(Account)

    @app.orchestration_trigger(context_name="context")
    def calling(context: df.DurableOrchestrationContext) -> Any:
        results = []
        for name, operation, value in context.get_input():
            results.append((yield context.call_entity(df.EntityId(name, "a"), operation, value)))
        return results

    return app


@pytest.fixture
def host(app: df.DFApp, host_of: Any) -> Any:
    """Play the host for the app."""
    return host_of(app)


async def client_of(host: Any) -> Any:
    """Get the app's client: the app must be whole by then."""
    return await host.app._compose().client()


async def output_of(host: Any, name: str, input_: Any = None) -> Any:
    """Run an orchestration to its end."""
    client = await client_of(host)
    instance_id = await client.start_new(name, client_input=input_)
    await host.run()
    status = await client.get_status(instance_id)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed, status.output
    return status.output


async def test_an_orchestrator_calls_entities_of_both_kinds(host: Any) -> None:
    """A function and a class, by names in any case."""
    calls = [("Counter", "add", 3), ("counter", "add", 4), ("Account", "deposit", 5)]
    assert await output_of(host, "calling", calls) == [3, 7, 5]


async def test_a_client_signals_and_reads(host: Any) -> None:
    """What was signaled is there once it was served; before, there is no such entity."""
    client = await client_of(host)
    before = await client.read_entity_state(COUNTER)
    assert (before.entity_exists, before.entity_state) == (False, None)
    await client.signal_entity(COUNTER, "add", 2)
    await client.signal_entity(df.EntityId("COUNTER", "a"), "add", 40)
    await host.run()
    state = await client.read_entity_state(COUNTER)
    assert (state.entity_exists, state.entity_state) == (True, 42)


async def test_a_signal_may_carry_any_value(app: df.DFApp, host_of: Any) -> None:
    """1.7 loses those that are false: zero, the empty text, the empty list."""

    @app.entity_trigger(context_name="context")
    def notes(context: df.DurableEntityContext) -> None:
        context.set_state([*context.get_state(list), context.get_input()])

    host = host_of(app)
    client = await app._compose().client()
    values = [0, "", [], {}, False, None, "text", {"a": [1]}]
    for value in values:
        await client.signal_entity(df.EntityId("notes", "a"), "add", value)
    await host.run()
    state = (await client.read_entity_state(df.EntityId("notes", "a"))).entity_state
    assert sorted(map(repr, state)) == sorted(map(repr, values))


async def test_an_entity_that_the_app_does_not_have_is_not_signaled(host: Any) -> None:
    """It is refused with the known ones, in the extension's words, and nothing is sent."""
    client = await client_of(host)
    with pytest.raises(EntityFunctionNotFoundError) as refused:
        await client.signal_entity(df.EntityId("Conter", "a"), "add", 1)
    assert str(refused.value) == (
        "The function 'Conter' doesn't exist, is disabled, or is not an entity function. "
        "Additional info: The following are the known entity functions: 'account', 'counter'."
    )
    assert not host.store.receive(count=1, visibility_s=1)


async def test_a_signal_for_later_waits_for_its_time(host: Any) -> None:
    """It is kept, and what comes after it is served before."""
    later = datetime.now(UTC) + timedelta(days=9)
    client = await client_of(host)
    await client.signal_entity(COUNTER, "add", 40, scheduled_time=later)
    await client.signal_entity(COUNTER, "add", 2)
    await host.run()
    entity = await client.read_entity(COUNTER)
    assert (entity.value, entity.backlog) == (2, 1)


async def test_an_orchestrator_signals_without_waiting(app: df.DFApp, host: Any) -> None:
    """Signals and calls of one orchestration are served in the order of its code."""

    @app.orchestration_trigger(context_name="context")
    def signaling(context: df.DurableOrchestrationContext) -> Any:
        for number in range(5):
            context.signal_entity(COUNTER, "add", number)
        return (yield context.call_entity(COUNTER, "add", 100))

    assert await output_of(host, "signaling") == 110


async def test_an_error_of_an_operation_reaches_its_caller_and_changes_nothing(
    app: df.DFApp, host: Any
) -> None:
    """As that of an activity does; what the operation had set is gone."""

    @app.entity_trigger(context_name="context")
    def failing(context: df.DurableEntityContext) -> None:
        context.set_state("half done")
        raise LookupError("no such thing")

    @app.orchestration_trigger(context_name="context")
    def catching(context: df.DurableOrchestrationContext) -> Any:
        try:
            yield context.call_entity(df.EntityId("failing", "a"), "try")
        except df.TaskFailedError as error:
            return [
                error.error_type,
                error.is_caused_by(LookupError),
                "no such thing" in str(error),
            ]

    client = await client_of(host)
    assert await output_of(host, "catching") == ["LookupError", True, True]
    assert not (await client.read_entity_state(df.EntityId("failing", "a"))).entity_exists


async def test_an_orchestrator_locks_entities(app: df.DFApp, host: Any) -> None:
    """And nobody holds them afterwards."""
    account = df.EntityId("Account", "a")

    @app.orchestration_trigger(context_name="context")
    def locking(context: df.DurableOrchestrationContext) -> Any:
        with (yield context.lock([account, COUNTER])):
            assert context.is_locked
            total = yield context.call_entity(account, "deposit", 5)
            yield context.call_entity(COUNTER, "add", total)
        return context.is_locked

    client = await client_of(host)
    assert await output_of(host, "locking") is False
    for entity_id in (account, COUNTER):
        entity = await client.read_entity(entity_id)
        assert entity.locked_by is None
    assert (await client.read_entity_state(COUNTER)).entity_state == 5


async def test_an_entity_signals_another_and_starts_an_orchestration(
    app: df.DFApp, host: Any
) -> None:
    """1.7's can do neither."""

    @app.entity_trigger(context_name="context")
    async def busy(context: df.DurableEntityContext) -> None:
        context.signal_entity(COUNTER, "add", 1)
        calls = [["Account", "deposit", 7]]
        context.start_new_orchestration("calling", calls, instance_id="started")

    client = await client_of(host)
    await client.signal_entity(df.EntityId("busy", "a"), "go")
    await host.run()
    assert (await client.get_status("started")).output == [7]
    assert (await client.read_entity_state(COUNTER)).entity_state == 1


async def test_a_client_tends_entities(app: df.DFApp, host: Any) -> None:
    """It lists them, sees a lock and breaks it, and cleans up what is empty."""

    @app.orchestration_trigger(context_name="context")
    def holding(context: df.DurableOrchestrationContext) -> Any:
        with (yield context.lock([COUNTER])):
            yield context.wait_for_external_event("Go")

    client = await client_of(host)
    holder = await client.start_new("holding")
    await client.signal_entity(df.EntityId("Account", "b"), "deposit", 9)
    await host.run()
    listed = [entity async for entity in client.list_entities(df.EntityQuery(name="Account"))]
    assert [(str(entity.entity_id), entity.value) for entity in listed] == [
        ("@account@b", {"balance": 9})
    ]
    held = await client.read_entity(COUNTER, include_transient=True)
    assert held.locked_by.instance_id == holder
    with pytest.raises(df.LockNotHeldError, match=holder):
        await client.break_lock(COUNTER, epoch=held.locked_by.epoch + 1)
    await client.break_lock(COUNTER, epoch=held.locked_by.epoch, reason="it hangs")
    await host.run()
    assert (await client.read_entity(COUNTER, include_transient=True)).locked_by is None
    cleaned = await client.clean_entity_storage()
    assert cleaned.number_of_empty_entities_removed == 1
    assert await client.read_entity(COUNTER, include_transient=True) is None


async def test_every_lock_of_a_section_can_be_broken(app: df.DFApp, host: Any) -> None:
    """Its set says where, and each entity has an epoch of its own."""

    @app.orchestration_trigger(context_name="context")
    def locking(context: df.DurableOrchestrationContext) -> Any:
        with (yield context.lock(context.get_input())):
            yield context.wait_for_external_event("Go")

    client = await client_of(host)
    await client.raise_event(await client.start_new("locking", client_input=["@counter@a"]), "Go")
    await host.run()
    await client.start_new("locking", client_input=["@counter@a", "@account@b"])
    await host.run()
    lock_set = (await client.read_entity("@counter@a", include_transient=True)).locked_by.lock_set
    assert lock_set == ("@account@b", "@counter@a")
    epochs = []
    for each in lock_set:
        epochs.append((await client.read_entity(each, include_transient=True)).locked_by.epoch)
        await client.break_lock(each, epoch=epochs[-1])
    await host.run()
    assert epochs == [1, 2]
    for each in lock_set:
        assert (await client.read_entity(each, include_transient=True)).locked_by is None


async def test_a_client_takes_the_instance_id_of_an_entity_too(host: Any) -> None:
    """Another text is no entity that isn't there, but a mistake."""
    client = await client_of(host)
    await client.signal_entity("@Counter@a", "add", 2)
    await host.run()
    assert (await client.read_entity_state("@counter@a")).entity_state == 2
    assert (await client.read_entity("@counter@a")).entity_id == COUNTER
    for call in (
        client.signal_entity("Counter", "add"),
        client.read_entity_state("Counter"),
        client.read_entity("Counter"),
        client.break_lock("Counter", epoch=1),
    ):
        with pytest.raises(ValueError, match="'@name@key'; 'Counter' is neither"):
            await call


async def test_a_plain_function_speaks_to_entities_too(app: df.DFApp, host: Any) -> None:
    """With the client that blocks."""

    @app.route(route="signal")
    @app.durable_client_input(client_name="client")
    def signal(
        req: func.HttpRequest, client: df.SyncDurableOrchestrationClient
    ) -> func.HttpResponse:
        client.signal_entity(COUNTER, "add", 3)
        state = client.read_entity_state(COUNTER)
        listed = list(client.list_entities())
        return func.HttpResponse(json.dumps([state.entity_state, len(listed)]))

    assert json.loads((await host.request("signal")).get_body()) == [None, 0]
    await host.run()
    assert json.loads((await host.request("signal")).get_body()) == [3, 1]


async def test_a_client_of_another_hub_may_signal_what_this_app_does_not_have(host: Any) -> None:
    """`task_hub_name` names it; its functions are not known here."""
    client = await client_of(host)
    await client.signal_entity(df.EntityId("Elsewhere", "a"), "add", 1, "Other")
    assert not (
        await client.read_entity_state(df.EntityId("Elsewhere", "a"), "Other")
    ).entity_exists


@pytest.mark.parametrize(
    "decorate",
    [lambda app: app.entity(name="")(Account), lambda app: app.entity_trigger("c", "")(counter)],
    ids=["class", "function"],
)
def test_an_empty_name_is_refused_at_its_line(decorate: Any) -> None:
    """It would be the name of the class or function, which nobody means who writes one."""
    with pytest.raises(df.BindingRefusedError, match="can't have an empty name"):
        decorate(df.DFApp())


async def test_a_class_stays_what_it_is() -> None:
    """A unit test makes one and calls it; with and without parentheses, with and without a name."""
    app = df.DFApp()
    assert app.entity(Account) is Account
    assert app.entity("Savings")(Account) is Account

    @app.entity()
    class Bare:
        """An entity."""

        def ping(self) -> str:
            """Answer."""
            return "pong"

    assert Bare().ping() == "pong"
    assert set(app._compose()._registry.entities) == {"account", "savings", "bare"}


def test_a_function_keeps_the_idioms_of_unit_tests() -> None:
    """The user's function is found where tests written for 1.7 look for it."""
    app = df.DFApp()
    built: Any = app.entity_trigger(context_name="context", entity_name="Counter")(counter)
    assert built._function._func.entity_function is counter
    assert built.build().get_user_function().entity_function is counter
    assert (built.durable_kind, built.durable_name) == ("entity_trigger", "Counter")
    plain: Any = app.entity_trigger(context_name="context")(counter)
    assert plain.durable_name == "counter"


def test_a_class_under_the_trigger_is_found_there_too() -> None:
    """And what the decorator returned makes one."""
    built: Any = df.DFApp().entity_trigger(context_name="context")(Account)
    assert built.build().get_user_function().entity_function is Account
    assert built.durable_name == "Account"
    assert isinstance(built(), Account)


def test_no_entity_reaches_the_host(app: df.DFApp) -> None:
    """The host sees the hub's own functions only."""
    names = [str(function.get_function_name()) for function in app.get_functions()]
    assert names
    assert all(name.startswith("durable_") for name in names)


def test_two_entities_of_one_name_are_refused() -> None:
    """Names are the same in any case, over all blueprints of the app."""
    app, blueprint = df.DFApp(), df.Blueprint()
    app.entity_trigger(context_name="context")(counter)
    blueprint.entity("COUNTER")(Account)
    app.register_functions(blueprint)
    with pytest.raises(ValueError, match="counter"):
        app.get_functions()


def test_what_is_no_class_is_refused_with_the_decorator_that_serves() -> None:
    """At its line."""
    with pytest.raises(df.BindingRefusedError, match="entity_trigger"):
        df.DFApp().entity()(counter)  # type: ignore[arg-type]


def test_an_entity_can_not_have_a_client() -> None:
    """It signals through its context; neither order of the decorators does it."""

    def greedy(context: Any, client: Any) -> None:
        """Stand for a mistake."""

    app = df.DFApp()
    give = app.durable_client_input(client_name="client")
    entity = app.entity_trigger(context_name="context")(counter)
    with pytest.raises(df.BindingRefusedError, match="entity 'counter' can't have a durable"):
        give(entity)
    with_client = give(greedy)
    with pytest.raises(df.BindingRefusedError, match="through its context"):
        app.entity_trigger(context_name="context")(with_client)
