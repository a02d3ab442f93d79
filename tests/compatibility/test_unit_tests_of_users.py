"""Users' unit tests, written as 1.7's samples write them, hold with the import changed.

Those samples make their contexts and clients by `unittest.mock`; what they need of it is made by
hand here.
"""

import json
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import durable.functions as df
from durable.functions.testing import orchestrator_generator_wrapper

app = df.Blueprint()


@app.orchestration_trigger(context_name="context")
def greet_all(context: df.DurableOrchestrationContext) -> Any:
    """Chain two activities and survive a third."""
    first = yield context.call_activity("greet", "Tokyo")
    second = yield context.call_activity(greet, "London")
    try:
        third = yield context.call_activity("greet", "nowhere")
    except LookupError as error:
        third = str(error)
    return [first, second, third]


@app.activity_trigger(input_name="city")
def greet(city: str) -> str:
    """Greet."""
    return f"Hello {city}"


@app.route(route="start/{name}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Start."""
    instance_id = await client.start_new(req.route_params["name"])
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    """Count, as 1.7's sample does, and fail where it is told to."""
    value = context.get_state(lambda: 0)
    if context.operation_name == "get":
        context.set_result(value)
        return
    context.set_state(value + context.get_input())
    if context.operation_name == "fail":
        raise ValueError("told to fail")


class Task:
    """What a mocked `call_activity` returns: a result, or an error in its place."""

    def __init__(self, city: str) -> None:
        self.city = city

    @property
    def result(self) -> str:
        """Give it."""
        if self.city == "nowhere":
            raise LookupError("no such city")
        return f"Hello {self.city}"


def test_an_orchestrator_is_driven_with_a_context_made_by_hand() -> None:
    """`build().get_user_function().orchestrator_function` and the wrapper, as in the samples."""
    user_function = greet_all.build().get_user_function().orchestrator_function
    context = SimpleNamespace(call_activity=lambda _name, city: Task(city))
    values = list(orchestrator_generator_wrapper(user_function(context)))
    assert [task.city for task in values[:-1]] == ["Tokyo", "London", "nowhere"]
    assert values[-1] == ["Hello Tokyo", "Hello London", "no such city"]


def test_an_error_that_the_orchestrator_does_not_catch_leaves_the_wrapper() -> None:
    """So that `pytest.raises` sees it."""

    def failing(context: Any) -> Generator[Any, Any, None]:
        yield Task("nowhere")

    wrapped = orchestrator_generator_wrapper(failing(None))
    next(wrapped)
    with pytest.raises(LookupError):
        next(wrapped)


def test_an_activity_is_called_as_what_it_is() -> None:
    """`build().get_user_function()` is the user's function."""
    assert greet.build().get_user_function()("Oslo") == "Hello Oslo"
    assert greet("Oslo") == "Hello Oslo"


async def test_a_client_function_is_called_with_a_client_made_by_hand() -> None:
    """`.client_function` takes what a mock would be."""

    async def start_new(name: str) -> str:
        return f"{name}-1"

    client = SimpleNamespace(
        start_new=start_new,
        create_check_status_response=lambda _req, instance_id: func.HttpResponse(
            json.dumps({"id": instance_id})
        ),
    )
    user_function = start.build().get_user_function().client_function
    request = func.HttpRequest("POST", "/", body=b"", route_params={"name": "greet_all"})
    response = await user_function(request, client)
    assert json.loads(response.get_body()) == {"id": "greet_all-1"}


def test_an_entity_is_called_with_a_context_made_by_hand() -> None:
    """`build().get_user_function().entity_function` takes what a mock would be."""
    given: list[int] = []
    context = SimpleNamespace(
        operation_name="add",
        get_state=lambda initializer: initializer() + 4,
        get_input=lambda: 3,
        set_state=given.append,
    )
    counter.build().get_user_function().entity_function(context)
    counter(context)
    assert given == [7, 7]


def test_a_message_of_the_extension_is_answered_on_the_spot() -> None:
    """`df.Entity.create(fn)(message)`; failed operations change nothing, each result is its own."""
    operations = [("add", "3"), ("get", "null"), ("fail", "99"), ("get", "null"), ("add", "1")]
    message = {
        "self": {"name": "counter", "key": "a"},
        "exists": True,
        "state": "4",
        "batch": [{"name": name, "input": json.dumps(text)} for name, text in operations],
    }
    main = df.Entity.create(counter.build().get_user_function().entity_function)
    answer = json.loads(main(json.dumps(message)))
    assert (answer["entityExists"], answer["entityState"], answer["signals"]) == (True, "8", [])
    assert [each["isError"] for each in answer["results"]] == [False, False, True, False, False]
    assert [json.loads(each["result"]) for each in answer["results"]] == [
        None,
        7,
        "told to fail",
        7,
        None,
    ]


def test_the_idioms_that_look_inside_hold() -> None:
    """`_function._func` is where 1.7's tests look too."""
    assert greet_all._function._func.orchestrator_function(None) is not None
    assert start._function._func.client_function.__name__ == "start"
    assert counter._function._func.entity_function.__name__ == "counter"
    assert greet_all._function._func._df_input_type is None
