"""What the decorators return: the shape of 1.7, and names that the context understands."""

from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df


def generator(context: Any) -> Any:
    """Stand for a user's orchestrator."""
    yield context


def activity(value: str) -> str:
    """Stand for a user's activity."""
    return value.upper()


def test_an_orchestrator_keeps_the_idioms_of_unit_tests() -> None:
    """The user's generator is found where tests written for 1.7 look for it."""
    app = df.DFApp()
    built: Any = app.orchestration_trigger(context_name="context")(generator)
    assert built._function._func.orchestrator_function is generator
    assert built.build().get_user_function().orchestrator_function is generator
    assert next(built(it := object())) is it
    assert built.build().get_function_name() == "generator"


def test_an_activity_is_the_users_function_unchanged() -> None:
    """It can be called directly, through the builder and through the built function."""
    app = df.DFApp()
    built: Any = app.activity_trigger(input_name="value")(activity)
    assert built._function._func is activity
    assert built.build().get_user_function() is activity
    assert built("a") == built.build()("a") == "A"


def test_a_name_is_the_decorators_else_function_names_else_the_functions_own() -> None:
    """The order is the extension's; `function_name` counts above and below."""
    app = df.DFApp()
    plain: Any = app.activity_trigger(input_name="value")(activity)
    assert (plain.durable_name, plain.durable_kind) == ("activity", "activity_trigger")
    named: Any = app.activity_trigger(input_name="value", activity="Shout")(activity)
    assert named.durable_name == "Shout"
    above: Any = app.function_name("Above")(app.activity_trigger(input_name="value")(activity))
    assert above.durable_name == "Above"
    below: Any = app.orchestration_trigger(context_name="c")(app.function_name("Below")(generator))
    assert (below.durable_name, below.durable_kind) == ("Below", "orchestration_trigger")
    both: Any = app.function_name("Not")(
        app.orchestration_trigger(context_name="c", orchestration="This")(generator)
    )
    assert both.durable_name == "This"


def test_no_durable_function_reaches_the_host() -> None:
    """The host sees the app's own HTTP function and the hub's, and no durable binding."""
    app = df.DFApp()
    app.orchestration_trigger(context_name="context")(generator)
    app.activity_trigger(input_name="value")(activity)

    @app.route(route="x")
    def door(req: func.HttpRequest) -> str:
        return ""

    functions = app.get_functions()
    assert [function.get_function_name() for function in functions] == [
        "durable_control_00",
        "durable_workitems",
        "durable_timers",
        "durable_sweep",
        "durable_management",
        "door",
    ]
    types = {b["type"] for f in functions for b in f.get_bindings_dict()["bindings"]}
    assert types == {"queueTrigger", "timerTrigger", "httpTrigger", "http"}


async def async_generator(context: Any) -> Any:
    """Stand for a mistake."""
    yield context


def two_inputs(value: str, other: str) -> None:
    """Stand for a mistake."""


def yielding_activity(value: str) -> Any:
    """Stand for a mistake."""
    yield value


@pytest.mark.parametrize(
    ("decorate", "function", "said"),
    [
        (lambda app: app.orchestration_trigger("c"), async_generator, "async def"),
        (lambda app: app.activity_trigger("value"), two_inputs, "exactly one parameter"),
        (lambda app: app.activity_trigger("value"), yielding_activity, "generator"),
        (lambda app: app.entity_trigger("c", "Counter"), generator, "'Counter' is a generator"),
        (lambda app: app.durable_client_input("starter"), activity, "no parameter 'starter'"),
    ],
)
def test_what_can_not_be_is_refused_at_its_own_line(
    decorate: Callable[[Any], Any], function: Callable[..., Any], said: str
) -> None:
    """The traceback leads to the decorator, and the text says what to change."""
    with pytest.raises(ValueError, match=said):
        decorate(df.DFApp())(function)


def test_an_activity_with_a_further_binding_is_refused_by_its_name() -> None:
    """Nothing is silently ignored."""
    app = df.DFApp()
    built = app.activity_trigger(input_name="value")(activity)
    app.blob_input(arg_name="picture", path="a/b", connection="C")(built)
    with pytest.raises(df.BindingRefusedError, match=r"'activity'.*'picture'.*'blob'"):
        app.get_functions()


def test_a_further_binding_below_the_trigger_is_refused_at_that_line() -> None:
    """As apps have it: the function takes what the binding fills."""
    app = df.DFApp()

    def copies(value: Any, picture: Any) -> Any:
        return value, picture

    bound = app.blob_input(arg_name="picture", path="a/b", connection="C")(copies)
    with pytest.raises(df.BindingRefusedError, match=r"'copies'.*'picture'.*'blob'"):
        app.activity_trigger(input_name="value")(bound)


def test_a_host_setting_on_an_activity_is_refused_by_its_name() -> None:
    """The host's retries would never happen."""
    app = df.DFApp()
    built = app.activity_trigger(input_name="value")(activity)
    app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")(built)
    with pytest.raises(df.BindingRefusedError, match=r"'activity'.*retry"):
        app.get_functions()


def test_an_orchestrator_can_not_be_triggered_by_something_else_too() -> None:
    """A function has one trigger, in either order."""
    app = df.DFApp()
    with pytest.raises(ValueError, match="trigger"):
        app.route(route="x")(app.orchestration_trigger(context_name="context")(generator))


def two_parameters(context: Any, client: Any) -> Any:
    """Stand for a mistake."""
    yield context


def test_an_orchestrator_can_not_have_a_client() -> None:
    """It would talk to storage while it is replayed; neither order of the decorators does it."""
    app = df.DFApp()
    orchestrate = app.orchestration_trigger(context_name="context")
    give = app.durable_client_input(client_name="client")
    orchestrator, with_client = orchestrate(generator), give(two_parameters)
    with pytest.raises(df.BindingRefusedError, match="client"):
        give(orchestrator)
    with pytest.raises(df.BindingRefusedError, match="client"):
        orchestrate(with_client)


def test_two_activities_of_one_name_are_refused() -> None:
    """A name stands for one function, over all blueprints of the app."""
    app, blueprint = df.DFApp(), df.Blueprint()
    app.activity_trigger(input_name="value")(activity)
    blueprint.activity_trigger(input_name="value", activity="activity")(lambda value: value)
    app.register_functions(blueprint)
    with pytest.raises(ValueError, match="Two activities are named 'activity'"):
        app.get_functions()
