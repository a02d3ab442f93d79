"""`DurableEntityContext`: the members of 1.7, made by hand as a unit test makes them."""

import asyncio
import json
from typing import Any

import pytest

import durable.functions as df

Context = df.DurableEntityContext


def message(*operations: dict[str, Any], state: str | None = None) -> str:
    """Write what the Durable extension sends to a Python entity."""
    return json.dumps(
        {
            "self": {"name": "counter", "key": "a"},
            "exists": state is not None,
            "state": state,
            "batch": list(operations),
        }
    )


def operation(name: str, input_: Any = None) -> dict[str, Any]:
    """Write one operation of it: the input is text in text."""
    return {"name": name, "input": json.dumps(json.dumps(input_)), "isSignal": False}


def results_of(entity: Any, *operations: dict[str, Any], state: str | None = None) -> list[Any]:
    """Run operations and list what they returned."""
    answer = json.loads(df.Entity.create(entity)(message(*operations, state=state)))
    assert not any(result["isError"] for result in answer["results"]), answer
    return [json.loads(result["result"]) for result in answer["results"]]


def test_a_context_is_made_from_the_extensions_message() -> None:
    """With the operations beside it, as 1.7 returns them."""
    context, batch = Context.from_json(message(operation("add", 3), state="[1, 2]"))
    assert (context.entity_name, context.entity_key) == ("counter", "a")
    assert context.get_state() == [1, 2]
    assert [each["name"] for each in batch] == ["add"]
    with pytest.raises(Exception, match="Entity operation is unassigned"):
        _ = context.operation_name


def test_a_context_is_made_by_hand() -> None:
    """By 1.7's constructor."""
    context = Context("Counter", "a", True, {"n": 1})
    assert (context.entity_name, context.entity_key) == ("Counter", "a")
    assert context.get_state(dict) == {"n": 1}
    assert Context("Counter", "a", False, None).get_state(lambda: 5) == 5


def test_an_operation_knows_what_it_is() -> None:
    """Name, key, operation, and whether there was a state."""

    def entity(context: Context) -> None:
        is_new = context.is_newly_constructed
        context.set_result(
            [context.entity_name, context.entity_key, context.operation_name, is_new]
        )
        context.set_state(1)

    assert results_of(entity, operation("look"), operation("again")) == [
        ["counter", "a", "look", True],
        ["counter", "a", "again", False],
    ]


def test_state_and_input_are_values() -> None:
    """Read by what the call says; what is changed in them is saved."""

    def entity(context: Context) -> None:
        state = context.get_state(list)
        state.append(sorted(context.get_input(frozenset[int])))
        context.set_state(state)
        state.append("changed behind set_state")
        context.set_result(context.get_state())

    assert results_of(entity, operation("add", [2, 1]), state="[0]") == [
        [0, [1, 2], "changed behind set_state"]
    ]


def test_an_entity_can_go_and_come_back() -> None:
    """`destruct_on_exit` leaves no state; the next operation begins anew."""

    def entity(context: Context) -> None:
        context.set_result(context.get_state())
        if context.operation_name == "go":
            context.destruct_on_exit()
        else:
            context.set_state("here")

    handle = df.Entity.create(entity)
    assert results_of(entity, *map(operation, ("come", "go", "come", "look"))) == [
        None,
        "here",
        None,
        "here",
    ]
    gone = json.loads(handle(message(operation("come"), operation("go"))))
    assert (gone["entityExists"], gone["entityState"]) == (False, "null")


def test_only_a_state_makes_an_entity_exist() -> None:
    """In 1.7 a result does too, and brings back what `destruct_on_exit` has taken away."""

    def entity(context: Context) -> None:
        if context.operation_name == "set":
            context.set_state(None)
        elif context.operation_name == "go":
            context.destruct_on_exit()
        context.set_result("a result")

    handle = df.Entity.create(entity)
    for operations, exists in ((["look"], False), (["set"], True), (["set", "go"], False)):
        answer = json.loads(handle(message(*map(operation, operations))))
        assert answer["entityExists"] is exists, operations


def test_what_a_function_returns_is_no_result() -> None:
    """`set_result` says it."""

    def entity(_context: Context) -> str:
        return "not this"

    assert results_of(entity, operation("look")) == [None]


def test_an_async_entity_that_waits_is_not_run_by_a_message() -> None:
    """Who waits needs an event loop; the error names what to await."""

    async def hasty(context: Context) -> None:
        context.set_result("at once")

    async def waiting(_context: Context) -> None:
        await asyncio.sleep(0)

    assert results_of(hasty, operation("look")) == ["at once"]
    with pytest.raises(df.NotServedError, match=r"await '\.entity_function'"):
        results_of(waiting, operation("look"))
