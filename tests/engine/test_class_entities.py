"""Class entities: methods are operations, attributes are state."""

import functools
import json
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.registry import Registry
from durable.model.actions import SignalEntity
from tests.engine.one_entity import Counter, Hand, Item


async def test_methods_are_operations_and_what_they_return_is_the_result() -> None:
    """Sync or async; the attributes go from one to the next."""
    counter = Hand(Counter)
    assert await counter("add", 5) == 5
    assert await counter("double") is None
    assert await counter("get") == 10
    assert counter.attributes == {"value": 10}


async def test_an_operation_makes_the_default_state() -> None:
    """Also one that changes nothing: from then on there is such an entity."""
    counter = Hand(Counter)
    assert await counter("get") == 0
    assert counter.attributes == {"value": 0}


@pytest.mark.parametrize("operation", ["fail", "fail_late"])
async def test_a_failed_operation_leaves_the_state(operation: str) -> None:
    """Whatever it did to its object; and without a state it makes none."""
    counter = Hand(Counter)
    assert await counter.fails(operation) == "ValueError: no"
    assert counter.state is None
    await counter("add", 3)
    await counter.fails(operation)
    assert await counter("get") == 3


async def test_an_operation_that_no_method_has_names_those_there_are() -> None:
    """Neither private methods nor attributes nor static and class methods are operations."""

    class Thing(Counter):
        limit = 5
        Inner = Counter
        other = functools.partial(print)

        def _hidden(self) -> None:
            pass

        @property
        def shown(self) -> int:
            return 1

        @staticmethod
        def of_nobody() -> None:
            pass

        @classmethod
        def of_all(cls) -> None:
            pass

        double = None  # type: ignore[assignment]

    thing = Hand(Thing)
    for name in (
        "_hidden",
        "shown",
        "limit",
        "Inner",
        "other",
        "of_nobody",
        "of_all",
        "__init__",
        "double",
    ):
        assert await thing.fails(name) == (
            f"LookupError: The entity 'thing' has no operation '{name}'; "
            "it has 'add', 'delete', 'fail', 'fail_late', 'get'."
        )


async def test_a_name_is_matched_exactly_and_else_without_regard_to_case() -> None:
    """Where two differ in case only, the others are nobody's."""

    class Thing:
        def get(self) -> str:
            return "get"

        def GET(self) -> str:  # noqa: N802
            return "GET"

        def set(self) -> str:
            return "set"

    thing = Hand(Thing)
    assert [await thing(name) for name in ("get", "GET", "Set")] == ["get", "GET", "set"]
    assert "no operation 'Get'" in await thing.fails("Get")


async def test_delete_is_there_unless_the_class_defines_it() -> None:
    """It drops the state, one too that can't be read."""

    class Thing(Counter):
        def Delete(self) -> str:  # noqa: N802
            return "mine"

    counter = Hand(Counter, state='"what is this"')
    assert await counter("Delete") is None
    assert counter.state is None
    own = Hand(Thing)
    assert await own("delete") == "mine"
    assert own.attributes == {"value": 0}


class Talker:
    """Looks at its context."""

    told: str = ""

    def by_annotation(self, about: DurableEntityContext, word: str) -> None:
        """Take both."""
        self.told = f"{about.operation_name} {about.entity_key} {word}"

    def by_name(self, word, context) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Take both, without annotations."""
        self.told = f"{context.operation_name} {word}"

    def alone(self, *, context: "DurableEntityContext | None" = None) -> None:
        """Take the context alone."""
        assert context is not None
        self.told = context.operation_name
        context.signal_entity(context.entity_id, "alone")
        context.set_result("set")

    def of_another_kind(self, context: dict[str, int]) -> None:
        """Take an input of that name."""
        self.told = str(context)

    def end(self, context: DurableEntityContext) -> None:
        """Go."""
        self.told = "the end"
        context.destruct_on_exit()

    def set_it(self, context: DurableEntityContext) -> None:
        """Do what function entities do."""
        context.set_state(5)


async def test_a_method_gets_the_context_where_it_asks_for_it() -> None:
    """By annotation; by the name `context` where there is none."""
    talker = Hand(Talker)
    told = []
    for operation, *values in (
        ("by_annotation", "hello"),
        ("by_name", "you"),
        ("of_another_kind", {"x": 1}),
    ):
        await talker(operation, *values)
        told.append(talker.attributes["told"])
    assert told == ["by_annotation a hello", "by_name you", "{'x': 1}"]


async def test_what_a_method_does_with_its_context_counts() -> None:
    """It signals, ends the entity, and sets the result where it returns none; but no state."""
    talker = Hand(Talker)
    assert await talker("alone") == "set"
    assert talker.sent == [
        SignalEntity(task_id=-1, instance_id="@thing@a", operation="alone", input="null")
    ]
    assert "set_state is not for it" in await talker.fails("set_it")
    await talker("end")
    assert talker.state is None


class Inputs:
    """Takes inputs in every manner."""

    def none(self) -> str:
        """Take none."""
        return "none"

    def bare(self, value) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Take any."""
        return [value]

    def typed(self, value: int) -> Any:
        """Take one."""
        return [value]

    def optional(self, value: int | None) -> Any:
        """Take null."""
        return [value]

    def with_default(self, value: int = 7) -> Any:
        """Take one or none."""
        return [value]

    def by_keyword(self, *, value: Item) -> Any:
        """Take one by name."""
        return [value.name]

    def positional(self, value: int, /, other: int = 1) -> Any:
        """Take one by place."""
        return [value, other]

    def second(self, other: int = 1, *, value: int) -> Any:
        """Take one that is not the first."""
        return [value, other]

    def several(self, one: int, two: int) -> None:
        """Take too many."""

    def variadic(self, *values: Any, **_: Any) -> Any:
        """Take what comes."""
        return values


TAKEN: list[tuple[str, tuple[Any, ...], Any]] = [
    ("none", (), "none"),
    ("none", (None,), "none"),
    ("bare", (), [None]),
    ("bare", ({"x": 1},), [{"x": 1}]),
    ("typed", (5,), [5]),
    ("optional", (None,), [None]),
    ("optional", (), [None]),
    ("with_default", (), [7]),
    ("with_default", (8,), [8]),
    ("by_keyword", (Item("tea", Decimal(1)),), ["tea"]),
    ("positional", (3,), [3, 1]),
    ("second", (3,), [3, 1]),
    ("variadic", (), []),
    ("variadic", (4,), [4]),
]


@pytest.mark.parametrize(("operation", "values", "result"), TAKEN)
async def test_the_value_that_was_sent_is_the_argument(
    operation: str, values: tuple[Any, ...], result: Any
) -> None:
    """Nothing sent is no argument."""
    assert await Hand(Inputs)(operation, *values) == result


async def test_an_input_that_has_no_place_fails_the_operation() -> None:
    """In words that name the operation."""
    inputs = Hand(Inputs)
    assert "'none' takes no input" in await inputs.fails("none", 5)
    assert "takes an input, value: int, and none was sent" in await inputs.fails("typed")
    assert "several inputs (one, two)" in await inputs.fails("several", [1, 2])


class Shouting:
    """A converter of an app."""

    def encode(self, value: Any) -> str:
        """Print."""
        return json.dumps(value).upper().replace("NULL", "null")

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        del expected_type
        return json.loads(text.lower())


async def test_state_and_input_and_result_go_through_the_converter_of_the_app() -> None:
    """All three."""
    inputs = Hand(Inputs, converter=Shouting())
    outcome = await inputs.outcome("bare", "Tea")
    assert outcome.result == '["TEA"]'
    talker = Hand(Talker, converter=Shouting())
    await talker("by_annotation", "tea")
    assert talker.attributes == {"TOLD": "BY_ANNOTATION A TEA"}


class NeedsMore:
    """Has no default."""

    def __init__(self, value: int) -> None:
        self.value = value

    def get(self) -> int:
        """Tell."""
        return self.value


class Slots:
    """Hides its attributes."""

    __slots__ = ("value",)

    def get(self) -> int:
        """Tell."""
        return 1


class Abstract(ABC):
    """Is not all there."""

    @abstractmethod
    def more(self) -> None:
        """Do more."""


class Silent:
    """Does nothing."""


class OfSlots(Slots):
    """Has a `__dict__`, and what is not in it."""


class Cart(dict[str, int]):
    """Keeps its items beside its attributes."""

    def put(self, name: str) -> None:
        """Change one."""
        self[name] = 1


REFUSED = [
    (OfSlots, "no '__dict__', and would not be saved: that which makes them a Slots"),
    (Cart, "makes them a dict. Have it as an attribute"),
    (Abstract, "is abstract"),
    (NeedsMore, "can't be made without arguments"),
    (Slots, "have no '__dict__'"),
    (Silent, "no public method"),
]


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_a_class_that_can_be_no_entity_is_refused_when_it_is_registered(
    kind: type, text: str
) -> None:
    """With the reason, and then nothing is registered."""
    registry = Registry()
    with pytest.raises(ValueError, match=text):
        registry.add_entity("thing", kind)
    assert not registry.entities


async def test_decorated_methods_are_called_as_their_signature_says() -> None:
    """Below the decorator."""

    def loud(function: Any) -> Any:
        @functools.wraps(function)
        def outer(*args: Any, **kwargs: Any) -> Any:
            return str(function(*args, **kwargs)).upper()

        return outer

    class Thing:
        @loud
        def name(self, item: Item) -> str:
            return item.name

    assert await Hand(Thing)("name", Item("tea", Decimal(1))) == "TEA"


def test_the_result_type_of_an_operation_is_known() -> None:
    """For whoever calls it."""

    class Basket:
        def put(self, item: Item) -> str:
            return item.name

        def total(self) -> Decimal:
            return Decimal(0)

    registry = Registry()
    registry.add_entity("Basket", Basket)
    registry.add_entity("plain", lambda context: context)
    assert registry.operation_type("basket", "Total") == Decimal | None
    assert registry.operation_type("basket", "put") is None
    assert registry.operation_type("basket", "nothing") is None
    assert registry.operation_type("plain", "x") is None
