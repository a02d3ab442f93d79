"""durable.testing: what users import, and the idiom of azure-functions-durable 1.7."""

import subprocess
import sys
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

import durable.functions as df
from durable import testing
from durable.testing import Replayer, orchestrator_generator_wrapper, run_orchestrator

Orchestration = Generator[Any, Any, Any]

app = df.DFApp()


@app.orchestration_trigger(context_name="context", orchestration="Greeting")
def greet(context: df.DurableOrchestrationContext) -> Orchestration:
    """Greet."""
    try:
        return (yield context.call_activity("Hello", context.get_input()))
    except ValueError as error:
        return f"no: {error}"


@app.activity_trigger(input_name="name", activity="Hello")
def hello(name: str) -> str:
    """Say hello."""
    return f"Hello {name}!"


class FailedTask:
    """A task as a unit test of 1.7 fakes it."""

    @property
    def result(self) -> Any:
        """Raise, as a failed task of 1.7 does."""
        raise ValueError("down")


def stand_in(task: Any) -> Any:
    """A context that hands out this task, as a mock would."""
    return SimpleNamespace(get_input=lambda: "Ada", call_activity=lambda name, input_: task)


def user_function() -> Any:
    """Find the orchestrator as unit tests for 1.7 do."""
    return greet.build().get_user_function().orchestrator_function


def test_the_generator_wrapper_feeds_back_results_and_ends_with_the_output() -> None:
    """Any context will do; the tasks come out as they were yielded."""
    task = SimpleNamespace(result="Hello Ada!")
    values = list(orchestrator_generator_wrapper(user_function()(stand_in(task))))
    assert values == [task, "Hello Ada!"]


def test_a_result_that_raises_is_raised_at_the_yield() -> None:
    """The orchestrator may catch it; what it raises itself comes out."""
    values = list(orchestrator_generator_wrapper(user_function()(stand_in(FailedTask()))))
    assert values[1:] == ["no: down"]

    def careless(context: Any) -> Orchestration:
        yield context.call_activity("Hello", 1)

    with pytest.raises(ValueError, match="down"):
        list(orchestrator_generator_wrapper(careless(stand_in(FailedTask()))))


def test_the_wrapper_takes_an_orchestrator_that_yields_nothing() -> None:
    """And one that is a coroutine."""

    def nothing(context: Any) -> Orchestration:
        return context.get_input()
        yield

    async def coroutine(context: Any) -> Any:
        return context.get_input()

    assert list(orchestrator_generator_wrapper(nothing(stand_in(None)))) == ["Ada"]
    assert list(orchestrator_generator_wrapper(coroutine(stand_in(None)))) == ["Ada"]


def test_decorated_functions_know_their_names() -> None:
    """The orchestrator, the activity, and the whole app can be handed over as they are."""
    result = run_orchestrator(greet, "Ada", activities=[hello])
    assert result.value() == "Hello Ada!"
    assert result.name == "Greeting"
    assert result.called == [("Hello", "Ada")]
    by_name = run_orchestrator("Greeting", "Ada", app=app, activities={hello: "Hi"})
    assert by_name.value() == "Hi"
    for known in ([greet], app, {"Greeting": greet}, {"Greeting": user_function()}):
        report = Replayer(known).replay(result.history)
        assert report.is_ok, report
    report = Replayer({"Greeting": lambda context: None}).replay(result.history)
    assert not report.is_ok


def test_what_is_no_app_is_refused() -> None:
    """With a sentence."""
    with pytest.raises(TypeError, match="a DFApp or a Blueprint"):
        run_orchestrator(greet, app=object())


def test_the_door_loads_nothing_of_azure() -> None:
    """Orchestrators can be tested where no Azure package is installed."""
    code = "import sys, durable.testing; print([m for m in sys.modules if m.startswith('azure')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_door_is_there() -> None:
    """None is misspelt."""
    assert all(hasattr(testing, name) for name in testing.__all__)
